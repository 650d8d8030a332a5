"""The vendor's b2sdk works against the B2 server as against the service."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from b2sdk.v3 import EncryptionAlgorithm, EncryptionKey, EncryptionMode, EncryptionSetting
from b2sdk.v3 import exception as b2_errors

from tests.servers.b2.server import B2Account
from tests.servers.b2.wire import B2Wire, sha1


@pytest.fixture
def account(b2_account: B2Account) -> B2Account:
    """An account whose large files are small."""
    b2_account.set(minimum_part_size=1000, recommended_part_size=2000)
    return b2_account


@pytest.fixture
def bucket(account: B2Account) -> Any:
    return account.api().get_bucket_by_name(account.new_bucket())


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big"
    path.write_bytes(os.urandom(9500))
    return path


def content(bucket: Any, name: str, **options: Any) -> bytes:
    into = io.BytesIO()
    bucket.download_file_by_name(name, **options).save(into)
    return into.getvalue()


def listed(bucket: Any, path: str = "", **options: Any) -> list[tuple[str, str]]:
    return [(one.file_name, one.action) for one, _ in bucket.ls(path, recursive=True, **options)]


def test_a_small_file_there_and_back(bucket: Any, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"hello")
    version = bucket.upload_local_file(
        str(local), "ü/a b+.txt", file_info={"note": "ü %", "src_last_modified_millis": "1700000000123"}
    )
    assert (version.size, version.action, version.content_type) == (5, "upload", "text/plain")
    target = tmp_path / "back"
    bucket.download_file_by_name("ü/a b+.txt").save_to(str(target))
    assert target.read_bytes() == b"hello" and int(target.stat().st_mtime) == 1_700_000_000
    info = bucket.get_file_info_by_name("ü/a b+.txt")
    assert info.file_info == {"note": "ü %", "src_last_modified_millis": "1700000000123"}
    assert info.id_ == version.id_


def test_a_large_file_in_parts(bucket: Any, big: Path, account: B2Account) -> None:
    version = bucket.upload_local_file(str(big), "big")
    assert (version.size, version.content_sha1) == (9500, "none") and "large_file_sha1" in version.file_info
    assert account.calls()["b2_upload_part"] == 4
    assert content(bucket, "big") == big.read_bytes()
    assert content(bucket, "big", range_=(1999, 2000)) == big.read_bytes()[1999:2001]


def test_a_large_file_goes_on_with_the_parts_that_are_there(bucket: Any, big: Path, account: B2Account) -> None:
    data = big.read_bytes()
    info = {"large_file_sha1": sha1(data)}
    with B2Wire(account) as wire:
        begun = {"bucketId": bucket.id_, "fileName": "big", "fileInfo": info, "contentType": "b2/x-auto"}
        file_id = wire.call("b2_start_large_file", **begun).json["fileId"]
        place = wire.call("b2_get_upload_part_url", fileId=file_id).json
        for number in (1, 3):  # b2sdk makes three parts of 2000 bytes and one with the rest
            part = data[2000 * (number - 1) : 2000 * number]
            assert wire.send(place, part, X_Bz_Part_Number=str(number)).status == 200
    account.forget_calls()
    assert bucket.upload_local_file(str(big), "big").id_ == file_id
    assert account.calls()["b2_upload_part"] == 2 and "b2_start_large_file" not in account.calls()
    assert content(bucket, "big") == data


def test_hide_unhide_and_versions(bucket: Any) -> None:
    for data in (b"1", b"22"):
        bucket.upload_bytes(data, "d/a")
    bucket.hide_file("d/a")
    assert listed(bucket) == []
    assert [one for _, one in listed(bucket, latest_only=False)] == ["hide", "upload", "upload"]
    with pytest.raises(b2_errors.FileNotPresent):
        content(bucket, "d/a")
    with pytest.raises(b2_errors.FileAlreadyHidden):
        bucket.hide_file("d/a")
    bucket.unhide_file("d/a")
    assert content(bucket, "d/a") == b"22"
    newest, older = list(bucket.list_file_versions("d/a"))
    bucket.api.delete_file_version(newest.id_, "d/a")
    assert content(bucket, "d/a") == b"1" and older.size == 1


def test_copies_small_and_large(bucket: Any, account: B2Account) -> None:
    data = os.urandom(5000)
    version = bucket.upload_bytes(data, "a")
    bucket.copy(version.id_, "b")
    assert content(bucket, "b") == data
    account.set(maximum_part_size=2000)
    parts = {"offset": 0, "length": 5000, "min_part_size": 1000, "max_part_size": 2000}
    bucket.copy(version.id_, "c", **parts, file_info={}, content_type="a/b")
    assert content(bucket, "c") == data and account.calls()["b2_copy_part"] >= 3
    with pytest.raises(b2_errors.B2Error, match="Copy source too big: 5000"):
        bucket.copy(version.id_, "d")


def test_a_key_for_a_prefix(bucket: Any, account: B2Account) -> None:
    bucket.upload_bytes(b"no", "out/a")
    capabilities = ["listBuckets", "listFiles", "readFiles", "writeFiles"]
    made = bucket.api.create_key(capabilities, "part", bucket_ids=[bucket.id_], name_prefix="in/")
    mine = account.api(made.id_, made.application_key).get_bucket_by_name(bucket.name)
    mine.upload_bytes(b"yes", "in/a")
    assert content(mine, "in/a") == b"yes" and listed(mine, "in/") == [("in/a", "upload")]
    for forbidden in (
        lambda: content(mine, "out/a"),
        lambda: listed(mine),
        lambda: mine.api.delete_file_version("4_z", "in/a"),
    ):
        with pytest.raises(b2_errors.Unauthorized):
            forbidden()
    # b2sdk takes any 401 of an upload for a worn URL and tries five.
    with pytest.raises(b2_errors.MaxRetriesExceeded, match="unauthorized"):
        mine.upload_bytes(b"x", "out/b")
    with pytest.raises(b2_errors.RestrictedBucket):
        mine.api.list_buckets()


def test_the_sdks_older_interface_speaks_an_older_version(bucket: Any, account: B2Account) -> None:
    from b2sdk.v2 import B2Api, InMemoryAccountInfo

    made = bucket.api.create_key(["listBuckets", "listFiles", "readFiles", "writeFiles"], "k", bucket_ids=[bucket.id_])
    api = B2Api(InMemoryAccountInfo())
    api.authorize_account(account.endpoint, made.id_, made.application_key)
    assert api.account_info.get_allowed()["bucketId"] == bucket.id_
    older = api.get_bucket_by_name(bucket.name)
    older.upload_bytes(b"x", "a")
    assert content(older, "a") == b"x" and listed(older) == [("a", "upload")]


def test_many_threads_upload_at_once(bucket: Any, account: B2Account) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: bucket.upload_bytes(b"xy", f"{number % 5}").id_, range(80)))
    versions = [one.id_ for one, _ in bucket.ls(recursive=True, latest_only=False)]
    assert sorted(versions) == sorted(made) and len(set(made)) == 80
    assert account.seen()["bytes_stored"] == 160 and account.seen()["refusals"] == {}


def test_a_wrong_key(account: B2Account) -> None:
    with pytest.raises(b2_errors.Unauthorized):
        account.api(key="wrong")


def test_bucket_settings_change_only_from_the_revision_one_knows(bucket: Any) -> None:
    rules = [{"fileNamePrefix": "tmp/", "daysFromHidingToDeleting": 1, "daysFromUploadingToHiding": None}]
    changed = bucket.update(lifecycle_rules=rules, if_revision_is=bucket.revision)
    assert changed.lifecycle_rules[0]["fileNamePrefix"] == "tmp/"
    with pytest.raises(b2_errors.Conflict):
        bucket.update(bucket_info={"a": "b"}, if_revision_is=bucket.revision)


def test_encryption_with_an_own_key(bucket: Any) -> None:
    def setting(secret: bytes) -> EncryptionSetting:
        return EncryptionSetting(EncryptionMode.SSE_C, EncryptionAlgorithm.AES256, EncryptionKey(secret, "one"))

    bucket.upload_bytes(b"secret", "a", encryption=setting(b"k" * 32))
    assert content(bucket, "a", encryption=setting(b"k" * 32)) == b"secret"
    with pytest.raises(b2_errors.SSECKeyError):
        content(bucket, "a", encryption=setting(b"o" * 32))


def test_an_expired_token_is_renewed_without_a_word(bucket: Any, account: B2Account) -> None:
    bucket.upload_bytes(b"1", "a")
    account.expire_tokens()
    bucket.upload_bytes(b"2", "a")
    account.expire_tokens()
    assert content(bucket, "a") == b"2"
    assert account.seen()["refusals"]["expired_auth_token"] >= 2


def test_thousands_of_files_come_in_pages(bucket: Any, account: B2Account) -> None:
    account.fill(bucket.name, "many/{:06d}", 25_000)
    account.forget_calls()
    names = [name for name, _ in listed(bucket, "many", fetch_count=10_000)]
    assert len(names) == 25_000 and names == sorted(names)
    assert account.calls()["b2_list_file_names"] == 3
