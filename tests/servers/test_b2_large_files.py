"""Large files and copies of the B2 server, on the wire."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.servers.b2.server import B2Account
from tests.servers.b2.wire import B2Wire, sha1


@pytest.fixture
def wire(b2_account: B2Account) -> Iterator[B2Wire]:
    b2_account.set(minimum_part_size=4, recommended_part_size=8, maximum_part_size=16)
    with B2Wire(b2_account) as wire:
        yield wire


@pytest.fixture
def bucket(wire: B2Wire) -> str:
    return wire.bucket(f"test-{uuid.uuid4().hex}")


def start(wire: B2Wire, bucket: str, name: str = "big") -> str:
    made = wire.call("b2_start_large_file", bucketId=bucket, fileName=name, contentType="text/plain")
    file_id: str = made.json["fileId"]
    return file_id


def send_parts(wire: B2Wire, file_id: str, *parts: bytes) -> list[str]:
    place = wire.call("b2_get_upload_part_url", fileId=file_id).json
    for number, data in enumerate(parts, 1):
        reply = wire.send(place, data, X_Bz_Part_Number=str(number))
        assert (reply.json["partNumber"], reply.json["contentSha1"]) == (number, sha1(data))
    return [sha1(data) for data in parts]


def test_parts_become_a_file(wire: B2Wire, bucket: str) -> None:
    file_id = start(wire, bucket)
    assert [one["action"] for one in wire.call("b2_list_file_versions", bucketId=bucket).json["files"]] == ["start"]
    assert wire.call("b2_list_file_names", bucketId=bucket).json["files"] == []
    digests = send_parts(wire, file_id, b"aaaa", b"bbbb", b"c")
    page = wire.call("b2_list_parts", fileId=file_id, maxPartCount=2).json
    assert [one["partNumber"] for one in page["parts"]] == [1, 2] and page["nextPartNumber"] == 3
    made = wire.call("b2_finish_large_file", fileId=file_id, partSha1Array=digests).json
    assert (made["contentSha1"], made["contentLength"], made["contentMd5"]) == ("none", 9, None)
    by_id = wire.request(
        "GET", f"/b2api/v4/b2_download_file_by_id?fileId={file_id}", headers={"Authorization": wire.token}
    )
    assert (by_id.body, by_id.headers["x-bz-content-sha1"]) == (b"aaaabbbbc", "none")
    assert wire.call("b2_list_parts", fileId=file_id).refusal == (400, "bad_request")
    assert wire.call("b2_list_unfinished_large_files", bucketId=bucket).json["files"] == []


def test_a_large_file_is_as_old_as_its_start(wire: B2Wire, bucket: str) -> None:
    file_id = start(wire, bucket)
    newer = wire.upload(bucket, "big", b"small").json["fileId"]
    digests = send_parts(wire, file_id, b"aaaa", b"b")
    wire.call("b2_finish_large_file", fileId=file_id, partSha1Array=digests)
    listed = wire.call("b2_list_file_versions", bucketId=bucket).json["files"]
    assert [one["fileId"] for one in listed] == [newer, file_id]


def test_what_cannot_be_finished(wire: B2Wire, bucket: str) -> None:
    file_id = start(wire, bucket)
    digests = send_parts(wire, file_id, b"aaaa", b"bb", b"cccc")

    def finish(*told: str) -> tuple[int, str]:
        return wire.call("b2_finish_large_file", fileId=file_id, partSha1Array=told).refusal

    assert finish(*digests, sha1(b"d")) == (400, "missing_part")
    assert finish(digests[0], sha1(b"other"), digests[2]) == (400, "part_sha1_mismatch")
    assert finish(*digests[:2]) == (400, "bad_request")  # a part more than said
    assert finish(*digests) == (400, "bad_request")  # the second is too small
    assert finish(digests[0]) == (400, "bad_request")  # at least two
    place = wire.call("b2_get_upload_part_url", fileId=file_id).json
    wire.send(place, b"bbbb", X_Bz_Part_Number="2")
    told = [digests[0], sha1(b"bbbb"), digests[2]]
    assert wire.call("b2_finish_large_file", fileId=file_id, partSha1Array=told).status == 200


def test_parts_that_are_refused(wire: B2Wire, bucket: str) -> None:
    place = wire.call("b2_get_upload_part_url", fileId=start(wire, bucket)).json
    for number in ("0", "10001", "x", ""):
        assert wire.send(place, b"aaaa", X_Bz_Part_Number=number).refusal == (400, "bad_request")
    wrong = wire.send(place, b"aaaa", X_Bz_Part_Number="1", X_Bz_Content_Sha1=sha1(b"other"))
    assert wrong.refusal == (400, "bad_request")


def test_unfinished_files_are_listed_and_cancelled(b2_account: B2Account, wire: B2Wire, bucket: str) -> None:
    ids = [start(wire, bucket, name) for name in ("a/1", "a/2", "b")]
    send_parts(wire, ids[0], b"aaaa", b"b")
    assert b2_account.seen()["bytes_stored"] == 5
    page = wire.call("b2_list_unfinished_large_files", bucketId=bucket, maxFileCount=2).json
    assert [one["fileId"] for one in page["files"]] == ids[:2] and page["nextFileId"] == ids[2]
    with_prefix = wire.call("b2_list_unfinished_large_files", bucketId=bucket, namePrefix="b").json
    assert [one["fileId"] for one in with_prefix["files"]] == [ids[2]]
    place = wire.call("b2_get_upload_part_url", fileId=ids[0]).json
    assert wire.call("b2_cancel_large_file", fileId=ids[0]).json["fileName"] == "a/1"
    assert b2_account.seen()["bytes_stored"] == 0
    assert wire.send(place, b"aaaa", X_Bz_Part_Number="1").refusal == (400, "bad_request")
    assert wire.call("b2_cancel_large_file", fileId=ids[0]).refusal == (400, "bad_request")


def test_copies(wire: B2Wire, bucket: str) -> None:
    source = wire.upload(bucket, "a", b"0123456789", X_Bz_Info_note="n").json
    elsewhere = wire.bucket(f"test-{uuid.uuid4().hex}")
    whole = wire.call("b2_copy_file", sourceFileId=source["fileId"], fileName="b", destinationBucketId=elsewhere).json
    assert (whole["action"], whole["bucketId"], whole["fileInfo"]) == ("copy", elsewhere, {"note": "n"})
    assert whole["contentSha1"] == source["contentSha1"]
    [listed] = wire.call("b2_list_file_names", bucketId=elsewhere).json["files"]
    assert listed["action"] == "upload"
    replaced = {"metadataDirective": "REPLACE", "contentType": "a/b", "fileInfo": {"x": "y"}, "range": "bytes=2-4"}
    part = wire.call("b2_copy_file", sourceFileId=source["fileId"], fileName="c", **replaced).json
    assert (part["contentSha1"], part["contentType"], part["fileInfo"]) == (sha1(b"234"), "a/b", {"x": "y"})
    told_too_much = wire.call("b2_copy_file", sourceFileId=source["fileId"], fileName="c", contentType="a/b")
    assert told_too_much.refusal == (400, "bad_request")
    outside = wire.call("b2_copy_file", sourceFileId=source["fileId"], fileName="c", range="bytes=10-11")
    assert outside.refusal == (416, "range_not_satisfiable")
    big = wire.upload(bucket, "big", b"x" * 17).json["fileId"]
    too_big = wire.call("b2_copy_file", sourceFileId=big, fileName="c")
    assert too_big.refusal == (400, "source_too_large") and too_big.json["message"] == "Copy source too big: 17"


def test_parts_can_be_copied(wire: B2Wire, bucket: str) -> None:
    source = wire.upload(bucket, "a", b"0123456789").json["fileId"]
    file_id = start(wire, bucket)
    digests = [
        wire.call("b2_copy_part", sourceFileId=source, largeFileId=file_id, partNumber=number, range=span).json[
            "contentSha1"
        ]
        for number, span in ((1, "bytes=0-5"), (2, "bytes=8-9"))
    ]
    made = wire.call("b2_finish_large_file", fileId=file_id, partSha1Array=digests).json
    assert digests == [sha1(b"012345"), sha1(b"89")] and made["contentLength"] == 8
