"""The B2 server's answers on the wire: shapes by version, codes of refusals, listings, downloads, locks."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import pytest

from tests.servers.b2.server import B2Account
from tests.servers.b2.wire import B2Wire, Reply, sha1


@pytest.fixture
def wire(b2_account: B2Account) -> Iterator[B2Wire]:
    with B2Wire(b2_account) as wire:
        yield wire


@pytest.fixture
def bucket_name() -> str:
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def bucket(wire: B2Wire, bucket_name: str) -> str:
    return wire.bucket(bucket_name)


def names(reply: Reply) -> list[str]:
    return [one["fileName"] for one in reply.json["files"]]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_authorize_in_each_version(b2_account: B2Account, version: int, method: str) -> None:
    b2_account.set(recommended_part_size=7, minimum_part_size=5)
    with B2Wire(b2_account, version=version) as wire:
        reply = wire.authorize(method)
        answer = reply.json
        places = answer if version < 3 else answer["apiInfo"]["storageApi"]
        assert answer["accountId"] == b2_account.account_id
        assert places["apiUrl"] == places["downloadUrl"] == b2_account.endpoint
        assert (places["recommendedPartSize"], places["absoluteMinimumPartSize"]) == (7, 5)
        assert (places.get("minimumPartSize") == 7) == (version == 1)
        allowed = places if version == 3 else places["allowed"]
        assert "listFiles" in allowed["capabilities"] and allowed["namePrefix"] is None
        assert allowed["buckets" if version == 4 else "bucketId"] is None
        assert parsedate_to_datetime(reply.headers["Date"]) is not None


def test_wrong_keys_and_tokens(b2_account: B2Account, wire: B2Wire, bucket: str) -> None:
    for key_id, key in ((b2_account.key_id, "wrong"), ("nobody", b2_account.key), ("0" * 12, "wrong")):
        with B2Wire(b2_account, key_id, key) as other:
            assert other.authorize().refusal == (401, "unauthorized")
    target = "/b2api/v4/b2_list_buckets"
    assert wire.request("POST", target, b"{}").refusal == (401, "missing_auth_token")
    assert wire.request("POST", target, b"{}", {"Authorization": "what"}).refusal == (401, "bad_auth_token")
    b2_account.expire_tokens()
    assert wire.call("b2_get_upload_url", bucketId=bucket).refusal == (401, "expired_auth_token")
    assert wire.authorize().status == 200
    assert wire.request("POST", target, b"[1]", {"Authorization": wire.token}).refusal == (400, "bad_json")
    assert wire.call("b2_make_coffee").refusal == (404, "not_found")


def test_buckets(wire: B2Wire, bucket_name: str) -> None:
    made = wire.call("b2_create_bucket", bucketName=bucket_name, bucketType="allPrivate", bucketInfo={"a": "b"}).json
    assert (made["revision"], made["bucketInfo"], made["bucketType"]) == (1, {"a": "b"}, "allPrivate")
    again = wire.call("b2_create_bucket", bucketName=bucket_name.upper(), bucketType="allPrivate")
    assert again.refusal == (400, "duplicate_bucket_name")
    for wrong in ("short", "under_score", "b2-mine", "x" * 64):
        assert wire.call("b2_create_bucket", bucketName=wrong, bucketType="allPrivate").refusal == (400, "bad_request")
    here = {"bucketId": made["bucketId"]}
    rules = [{"fileNamePrefix": "tmp/", "daysFromHidingToDeleting": 1}]
    changed = wire.call("b2_update_bucket", **here, bucketType="allPublic", lifecycleRules=rules, ifRevisionIs=1).json
    assert (changed["revision"], changed["bucketType"]) == (2, "allPublic")
    assert changed["lifecycleRules"][0]["daysFromHidingToDeleting"] == 1
    assert wire.call("b2_update_bucket", **here, bucketType="allPrivate", ifRevisionIs=1).refusal == (409, "conflict")
    overlapping = [*rules, {"fileNamePrefix": "tmp/a", "daysFromUploadingToHiding": 1}]
    assert wire.call("b2_update_bucket", **here, lifecycleRules=overlapping).refusal == (400, "bad_request")
    assert wire.call("b2_list_buckets", bucketName=bucket_name).json["buckets"] == [changed]
    assert wire.call("b2_list_buckets", bucketTypes=["allPrivate"]).json["buckets"] == []
    wire.upload(made["bucketId"], "a")
    assert wire.call("b2_delete_bucket", **here).refusal == (400, "cannot_delete_non_empty_bucket")
    [one] = wire.call("b2_list_file_versions", **here).json["files"]
    wire.call("b2_delete_file_version", fileId=one["fileId"], fileName="a")
    assert wire.call("b2_delete_bucket", **here).status == 200
    assert wire.call("b2_get_upload_url", **here).refusal == (400, "bad_bucket_id")


@pytest.mark.parametrize("name", ["/a", "a/", "a//b", "a\nb", "a\x7f", "x" * 251, "é/" * 342 + "b"])
def test_names_that_no_file_can_have(wire: B2Wire, bucket: str, name: str) -> None:
    assert wire.upload(bucket, name).refusal == (400, "bad_request")


@pytest.mark.parametrize("name", ["a b+c%&?#.txt", "ünï/😀/.", "..", "a/../b", "x" * 250])
def test_names_come_back_as_they_went(wire: B2Wire, bucket: str, bucket_name: str, name: str) -> None:
    assert wire.upload(bucket, name).json["fileName"] == name
    assert names(wire.call("b2_list_file_names", bucketId=bucket)) == [name]
    assert wire.download(bucket_name, name).headers["x-bz-file-name"] == quote(name)


def test_an_upload_shows_all_that_was_said(wire: B2Wire, bucket: str) -> None:
    told = {"X-Bz-Info-Src_Last_Modified_Millis": "1", "X-Bz-Info-note": quote("ü +"), "Content-Type": "b2/x-auto"}
    reply = wire.upload(bucket, "a.html", b"hello", X_Bz_Custom_Upload_Timestamp="86400000", **told).json
    assert reply["fileInfo"] == {"src_last_modified_millis": "1", "note": "ü +"}
    assert (reply["contentType"], reply["contentLength"], reply["action"]) == ("text/html", 5, "upload")
    assert (reply["contentSha1"], reply["uploadTimestamp"]) == (sha1(b"hello"), 86_400_000)
    assert wire.call("b2_get_file_info", fileId=reply["fileId"]).json == reply
    assert wire.call("b2_list_file_names", bucketId=bucket).json["files"] == [reply]
    assert "size" not in reply
    wire.version = 1
    assert wire.call("b2_list_file_names", bucketId=bucket).json["files"][0]["size"] == 5


def test_checksums_of_uploads(wire: B2Wire, bucket: str) -> None:
    at_end = wire.upload(bucket, "a", b"hello" + sha1(b"hello").encode(), X_Bz_Content_Sha1="hex_digits_at_end")
    assert (at_end.json["contentLength"], at_end.json["contentSha1"]) == (5, sha1(b"hello"))
    unverified = wire.upload(bucket, "a", b"hello", X_Bz_Content_Sha1="do_not_verify")
    assert unverified.json["contentSha1"] == f"unverified:{sha1(b'hello')}"
    wrong_at_end = b"hello" + sha1(b"other").encode()
    for data, told in ((b"hello", sha1(b"other")), (wrong_at_end, "hex_digits_at_end"), (b"hello", "")):
        assert wire.upload(bucket, "b", data, X_Bz_Content_Sha1=told).refusal == (400, "bad_request")
    assert names(wire.call("b2_list_file_names", bucketId=bucket)) == ["a"]


def test_file_info_has_limits(wire: B2Wire, bucket: str) -> None:
    many = {f"X_Bz_Info_k{number}": "v" for number in range(11)}
    assert wire.upload(bucket, "a", **many).refusal == (400, "bad_request")
    assert wire.upload(bucket, "a", X_Bz_Info_big="v" * 7000).refusal == (400, "bad_request")


def test_an_upload_url_serves_its_own_bucket_and_kind(wire: B2Wire, bucket: str) -> None:
    place = wire.call("b2_get_upload_url", bucketId=bucket).json
    other = wire.call("b2_get_upload_url", bucketId=bucket).json
    mixed = place | {"authorizationToken": other["authorizationToken"]}
    assert wire.send(mixed, b"x", X_Bz_File_Name="a").refusal == (401, "bad_auth_token")
    as_part = place | {"uploadUrl": place["uploadUrl"].replace("b2_upload_file", "b2_upload_part")}
    assert wire.send(as_part, b"x", X_Bz_Part_Number="1").refusal == (401, "bad_auth_token")
    assert wire.send(place, b"x", X_Bz_File_Name="a").status == 200
    assert wire.send(place, b"x", X_Bz_File_Name="b").status == 200


def test_lists_are_in_order_of_bytes_and_go_on_where_they_ended(wire: B2Wire, bucket: str) -> None:
    wanted = sorted(["b", "a/1", "a/2", "a0", "B", "z", "é", "\uffee", "😀"], key=str.encode)
    for name in wanted:
        wire.upload(bucket, name)
    seen: list[str] = []
    start: str | None = None
    while True:
        page = wire.call("b2_list_file_names", bucketId=bucket, startFileName=start, maxFileCount=2)
        seen += names(page)
        if (start := page.json["nextFileName"]) is None:
            break
    assert seen == wanted
    assert names(wire.call("b2_list_file_names", bucketId=bucket, prefix="a/")) == ["a/1", "a/2"]
    folders = wire.call("b2_list_file_names", bucketId=bucket, delimiter="/", maxFileCount=2, startFileName="a")
    assert [(one["action"], one["fileName"]) for one in folders.json["files"]] == [("folder", "a/"), ("upload", "a0")]
    assert folders.json["nextFileName"] == "b"
    query = f"/b2api/v3/b2_list_file_names?bucketId={bucket}&maxFileCount=1&prefix=a/"
    assert names(wire.request("GET", query, headers={"Authorization": wire.token})) == ["a/1"]
    assert wire.call("b2_list_file_names", bucketId=bucket, maxFileCount=10_001).refusal == (400, "bad_request")


def test_versions_newest_first_also_after_one_is_deleted(wire: B2Wire, bucket: str) -> None:
    ids = [wire.upload(bucket, "a", data).json["fileId"] for data in (b"1", b"22", b"333")]
    wire.upload(bucket, "b")
    first = wire.call("b2_list_file_versions", bucketId=bucket, maxFileCount=1).json
    assert (first["files"][0]["fileId"], first["nextFileName"], first["nextFileId"]) == (ids[2], "a", ids[1])
    wire.call("b2_delete_file_version", fileId=ids[1], fileName="a")
    start = {"startFileName": first["nextFileName"], "startFileId": first["nextFileId"]}
    rest = wire.call("b2_list_file_versions", bucketId=bucket, **start).json
    assert [one["contentLength"] for one in rest["files"]] == [1, 1] and rest["nextFileName"] is None
    older = wire.upload(bucket, "a", b"4444", X_Bz_Custom_Upload_Timestamp="1000").json["fileId"]
    listed = wire.call("b2_list_file_versions", bucketId=bucket, prefix="a").json["files"]
    assert [one["fileId"] for one in listed] == [ids[2], ids[0], older]


def test_hidden_files(wire: B2Wire, bucket: str, bucket_name: str) -> None:
    here = {"bucketId": bucket, "fileName": "d/a"}
    assert wire.call("b2_hide_file", **here).refusal == (400, "no_such_file")
    wire.upload(bucket, "d/a")
    marker = wire.call("b2_hide_file", **here).json
    assert (marker["action"], marker["contentLength"], marker["contentSha1"]) == ("hide", 0, None)
    assert wire.call("b2_hide_file", **here).refusal == (400, "already_hidden")
    assert wire.download(bucket_name, "d/a").refusal == (404, "not_found")
    assert names(wire.call("b2_list_file_names", bucketId=bucket, delimiter="/")) == []
    assert names(wire.call("b2_list_file_versions", bucketId=bucket, delimiter="/")) == ["d/"]
    assert wire.call("b2_delete_file_version", fileId=marker["fileId"], fileName="d/a").status == 200
    assert wire.download(bucket_name, "d/a").body == b"x"
    gone = wire.call("b2_delete_file_version", fileId=marker["fileId"], fileName="d/a")
    assert gone.refusal == (400, "file_not_present")
    assert wire.call("b2_get_file_info", fileId=marker["fileId"]).refusal == (404, "not_found")


def test_downloads(wire: B2Wire, bucket: str, bucket_name: str) -> None:
    special = {"X-Bz-Info-b2-content-disposition": "inline", "X-Bz-Info-note": "n"}
    made = wire.upload(bucket, "a", b"0123456789", **special).json
    whole = wire.download(bucket_name, "a")
    assert (whole.status, whole.body, whole.headers["Content-Disposition"]) == (200, b"0123456789", "inline")
    assert whole.headers["X-Bz-Info-note"] == "n" and "X-Bz-Info-b2-content-disposition" not in whole.headers
    head = wire.download(bucket_name, "a", "HEAD")
    assert (head.body, head.headers["Content-Length"], head.headers["x-bz-file-id"]) == (b"", "10", made["fileId"])
    for asked, body, shown in (
        ("0-3", b"0123", "0-3"),
        ("8-", b"89", "8-9"),
        ("-3", b"789", "7-9"),
        ("5-99", b"56789", "5-9"),
    ):
        part = wire.download(bucket_name, "a", Range=f"bytes={asked}")
        assert (part.status, part.body, part.headers["Content-Range"]) == (206, body, f"bytes {shown}/10")
    assert wire.download(bucket_name, "a", Range="bytes=10-").refusal == (416, "range_not_satisfiable")
    by_id = f"/b2api/v4/b2_download_file_by_id?fileId={made['fileId']}"
    assert wire.request("GET", by_id, headers={"Authorization": wire.token}).body == b"0123456789"
    assert wire.request("GET", by_id).refusal == (401, "missing_auth_token")
    assert wire.download(bucket_name, "a", token="").refusal == (401, "missing_auth_token")
    assert wire.download("no-such-bucket", "a").refusal == (404, "not_found")
    wire.call("b2_update_bucket", bucketId=bucket, bucketType="allPublic", bucketInfo={"Cache-Control": "max-age=9"})
    anyone = wire.download(bucket_name, "a", token="")
    assert (anyone.body, anyone.headers["Cache-Control"]) == (b"0123456789", "max-age=9")


def test_download_authorization(b2_account: B2Account, wire: B2Wire, bucket: str, bucket_name: str) -> None:
    for name in ("in/a", "out/a"):
        wire.upload(bucket, name)
    asked = {"bucketId": bucket, "fileNamePrefix": "in/", "validDurationInSeconds": 60}
    token = wire.call("b2_get_download_authorization", **asked).json["authorizationToken"]
    assert wire.download(bucket_name, "in/a", token=token).status == 200
    assert wire.request("GET", f"/file/{bucket_name}/in/a?Authorization={quote(token)}").status == 200
    assert wire.download(bucket_name, "out/a", token=token).refusal == (401, "unauthorized")
    strict = wire.call("b2_get_download_authorization", **asked, b2ContentDisposition="inline").json
    query = f"/file/{bucket_name}/in/a?Authorization={quote(strict['authorizationToken'])}"
    assert wire.request("GET", query).refusal == (401, "unauthorized")
    assert wire.request("GET", f"{query}&b2ContentDisposition=inline").headers["Content-Disposition"] == "inline"
    b2_account.set(clock_ahead_seconds=61)
    assert wire.download(bucket_name, "in/a", token=token).refusal == (401, "expired_auth_token")
    too_long = asked | {"validDurationInSeconds": 604_801}
    assert wire.call("b2_get_download_authorization", **too_long).refusal == (400, "bad_request")


def test_object_lock(b2_account: B2Account, wire: B2Wire, bucket: str) -> None:
    locked = wire.bucket(f"lock-{uuid.uuid4().hex}", fileLockEnabled=True)
    until = {"X_Bz_File_Retention_Mode": "governance", "X_Bz_File_Retention_Retain_Until_Timestamp": str(4 * 10**12)}
    assert wire.upload(bucket, "a", **until).refusal == (400, "bucket_missing_file_lock")
    past = {"X_Bz_File_Retention_Mode": "governance", "X_Bz_File_Retention_Retain_Until_Timestamp": "1"}
    assert wire.upload(locked, "a", **past).refusal == (400, "retain_until_timestamp_must_be_in_future")
    kept = wire.upload(locked, "a", **until).json
    assert kept["fileRetention"]["value"] == {"mode": "governance", "retainUntilTimestamp": 4 * 10**12}
    here = {"fileId": kept["fileId"], "fileName": "a"}
    assert wire.call("b2_delete_file_version", **here).refusal == (401, "access_denied")
    nothing = {"fileRetention": {"mode": None}}
    assert wire.call("b2_update_file_retention", **here, **nothing).refusal == (403, "access_denied")
    assert wire.call("b2_update_file_retention", **here, **nothing, bypassGovernance=True).status == 200
    assert wire.call("b2_update_file_legal_hold", **here, legalHold="on").json["legalHold"] == "on"
    assert wire.call("b2_delete_file_version", **here).refusal == (401, "access_denied")
    wire.call("b2_update_file_legal_hold", **here, legalHold="off")
    assert wire.call("b2_delete_file_version", **here).status == 200
    default = {"mode": "compliance", "period": {"duration": 1, "unit": "days"}}
    no_lock = wire.call("b2_update_bucket", bucketId=bucket, defaultRetention=default)
    assert no_lock.refusal == (400, "bucket_missing_file_lock")
    wire.call("b2_update_bucket", bucketId=locked, defaultRetention=default)
    kept = wire.upload(locked, "b").json
    bypass = {"fileId": kept["fileId"], "fileName": "b", "bypassGovernance": True}
    assert wire.call("b2_delete_file_version", **bypass).refusal == (401, "access_denied")
    b2_account.set(clock_ahead_seconds=86_400 + 5)
    wire.authorize()
    assert wire.call("b2_delete_file_version", **bypass).status == 200


def test_files_encrypted_with_a_customers_key(wire: B2Wire, bucket: str, bucket_name: str) -> None:
    def customer(secret: bytes) -> dict[str, str]:
        md5 = base64.b64encode(hashlib.md5(secret).digest()).decode()
        stem = "X_Bz_Server_Side_Encryption_Customer_"
        key = base64.b64encode(secret).decode()
        return {f"{stem}Algorithm": "AES256", f"{stem}Key": key, f"{stem}Key_Md5": md5}

    own, other = customer(b"k" * 32), customer(b"o" * 32)
    made = wire.upload(bucket, "a", **own).json
    shown = {"mode": "SSE-C", "algorithm": "AES256"}
    assert made["serverSideEncryption"] == shown | {
        "customerKeyMd5": own["X_Bz_Server_Side_Encryption_Customer_Key_Md5"]
    }
    assert wire.download(bucket_name, "a", **own).body == b"x"
    assert wire.download(bucket_name, "a").refusal == (400, "bad_request")
    assert wire.download(bucket_name, "a", **other).refusal == (403, "access_denied")
    assert wire.upload(bucket, "b", **customer(b"short")).refusal == (400, "bad_request")
    plain = wire.upload(bucket, "b", X_Bz_Server_Side_Encryption="AES256").json
    assert plain["serverSideEncryption"] == {"mode": "SSE-B2", "algorithm": "AES256"}
