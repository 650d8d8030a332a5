"""Addresses, encryption, locks, the settings, and the S3 API."""

from __future__ import annotations

import base64
import json
import sys
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from buckia_b2.factory import open_b2
from buckia_b2.s3_compatible import B2S3Sync
from buckia_b2.settings import ApiKind, B2Settings, Deletion, Encryption, LockMode
from buckia_core.cli import main
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import read_settings
from buckia_core.errors import (
    AdapterBroken,
    AdapterError,
    InvalidSetting,
    MissingCredentials,
    NotSupported,
    PermissionDenied,
)
from tests.unit.b2.conftest import PART
from tests.unit.commands import signals_kept

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(32)).decode()
GIVEN = {"bucket_name": "photos", "application_key_id": "005a", "application_key": "K005b"}


def fetched(address):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address, timeout=30) as response:
        return response.read()


def read(**given):
    return read_settings(B2Settings, GIVEN | given, provider="b2", base_dir=Path.cwd(), environ={})


def test_a_signed_address_opens_the_object(b2):
    b2.upload_file(b"1", "d/a b+ü.txt")
    assert fetched(b2.signed_url("d/a b+ü.txt", seconds=60)) == b"1"
    with pytest.raises(urllib.error.HTTPError):
        fetched(b2.public_url("d/a b+ü.txt"))
    with pytest.raises(ValueError, match="604800"):
        b2.signed_url("k", seconds=604_801)
    with pytest.raises(ValueError, match="PUT"):
        b2.signed_url("k", seconds=1, method="PUT")


def test_signing_needs_a_capability(restricted):
    with pytest.raises(PermissionDenied, match="shareFiles"):
        restricted("listFiles", "readFiles").signed_url("k", seconds=60)


def test_public_addresses(b2_account, connect):
    b2 = connect(bucket_name=b2_account.new_bucket(bucket_type="allPublic"), prefix="p")
    b2.upload_file(b"1", "d/a b+ü.txt")
    assert fetched(b2.public_url("d/a b+ü.txt")) == b"1"
    shown = connect(domain="cdn.example.com", bucket_name="photos").public_url("a b")
    assert shown == "https://cdn.example.com/file/photos/a%20b"
    assert connect(public_url_base="https://cdn.example.com/x/").public_url("a/b") == "https://cdn.example.com/x/a/b"


def test_an_address_that_is_set_costs_no_request(connect):
    b2 = connect(domain="cdn.example.com")
    b2.public_url("k")
    assert b2.request_count == 0


def test_encryption_with_backblazes_keys(connect, raw_bucket):
    b2 = connect(server_side_encryption=Encryption.B2)
    b2.copy_file(b2.upload_file(b"1", "k"), "copy")
    b2.upload_file(bytes(PART + 1), "large")
    assert {each.server_side_encryption.mode.value for each, _ in raw_bucket.ls()} == {"SSE-B2"}


def test_encryption_with_a_key_of_ones_own(connect, tmp_path):
    customer_key = {"server_side_encryption": Encryption.CUSTOMER}
    b2 = connect(**customer_key, sse_customer_key_base64=Secret(KEY))
    (tmp_path / "large").write_bytes(bytes(2 * PART))
    for key, source in (("k", b"content"), ("large", tmp_path / "large")):
        written = b2.upload_file(source, key)
        assert b2.stat_file(key).fingerprint == written.fingerprint
        copied = b2.copy_file(written, f"copy of {key}")
        assert b2.read_file(copied.key)[1] == b2.read_file(key)[1]
    with pytest.raises(AdapterError):
        connect().read_file("k")
    with pytest.raises(PermissionDenied, match="sse_customer_key_base64 is not the key"):
        connect(**customer_key, sse_customer_key_base64=Secret(OTHER_KEY)).read_file("k")
    assert not b2.capabilities.signed_url
    with pytest.raises(NotSupported):
        b2.signed_url("k", seconds=60)


def test_a_large_file_copied_in_parts_with_a_key_of_ones_own(connect):
    b2 = connect(server_side_encryption=Encryption.CUSTOMER, sse_customer_key_base64=Secret(KEY))
    source = b2.upload_file(bytes(2 * PART), "k")
    b2._copier = replace(b2._copier, max_copy_size=PART, part_size=PART)
    b2.copy_file(source, "copy")
    assert b2.read_file("copy")[1] == bytes(2 * PART)


def test_locks(b2_account, connect):
    name = b2_account.new_bucket(is_file_lock_enabled=True)
    b2 = connect(bucket_name=name, object_lock_mode=LockMode.GOVERNANCE, object_lock_retain=7)
    written = b2.upload_file(b"1", "k")
    b2.upload_file(bytes(PART + 1), "large")
    b2.copy_file(written, "copy")
    for key in ("k", "large", "copy"):
        with pytest.raises(PermissionDenied, match="locked by a retention or a legal hold"):
            b2.delete_version(key, b2.stat_file(key).fingerprint)
    held = connect(bucket_name=name, object_lock_legal_hold=True).upload_file(b"1", "held")
    with pytest.raises(PermissionDenied, match="locked by a retention or a legal hold"):
        b2.delete_version("held", held.fingerprint)
    # A delete hides what is locked, and the versions stay.
    assert [outcome.error for outcome in b2.delete_files(["k"])] == [None]


def test_locks_that_the_bucket_or_the_key_does_not_have(connect, restricted, b2_account):
    lock = {"object_lock_mode": LockMode.GOVERNANCE, "object_lock_retain": 7}
    for source in (b"1", bytes(PART + 1)):
        with pytest.raises(NotSupported, match=r"no object lock.*leave out object_lock_mode"):
            connect(**lock).upload_file(source, "k")
    with pytest.raises(PermissionDenied, match="lacks the capability writeFileRetentions"):
        restricted("listFiles", "readFiles", "writeFiles", **lock).upload_file(b"1", "k")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"api_url": "api.backblazeb2.com"}, "api_url must be like"),
        ({"domain": "https://cdn"}, "name of a host"),
        ({"part_size": 6_000_000, "multipart_threshold": 5_000_000}, "part_size is at most"),
        ({"part_size": 1}, "at least 5"),
        ({"server_side_encryption": "sse-c"}, "go together"),
        ({"sse_customer_key_base64": KEY}, "go together"),
        ({"server_side_encryption": "sse-c", "sse_customer_key_base64": "AAAA"}, "24 bits"),
        ({"object_lock_mode": "governance"}, "go together"),
        ({"endpoint_url": "https://s3.us-west-004.backblazeb2.com"}, "`api: s3`"),
        ({"region": "us west"}, "region is like us-west-004"),
        ({"api": "s3", "deletion": "version"}, "native API"),
    ],
)
def test_settings_that_do_not_go_together(given, words):
    with pytest.raises(InvalidSetting, match=words):
        read(**given)


def test_settings():
    settings = read()
    assert (settings.api, settings.deletion) == (ApiKind.NATIVE, Deletion.HIDE)
    assert "K005b" not in repr(settings)
    environ = {"B2_APPLICATION_KEY_ID": "005x", "B2_APPLICATION_KEY": "K005y"}
    found = read_settings(B2Settings, {"bucket": "b"}, provider="b2", base_dir=Path.cwd(), environ=environ)
    assert (found.application_key_id.reveal(), found.application_key.reveal()) == ("005x", "K005y")
    with pytest.raises(MissingCredentials, match="B2_APPLICATION_KEY"):
        read_settings(B2Settings, {"bucket": "b"}, provider="b2", base_dir=Path.cwd(), environ={})


def test_identity_costs_nothing_and_tells_buckets_apart(connect):
    b2 = connect(prefix="p")
    assert b2.identity.startswith("b2:127.0.0.1:")
    assert b2.identity.endswith("/p/")
    assert b2.request_count == 0


def test_identity_is_the_same_in_another_spelling():
    def b2_at(url: str):
        with open_b2(read(api_url=url)) as b2:
            return b2

    usual = b2_at("https://api.backblazeb2.com")
    assert usual.identity == "b2:api.backblazeb2.com/photos/", "as it always was"
    for url in ("https://API.backblazeb2.com:443/", "https://api.backblazeb2.com/"):
        assert b2_at(url).identity == usual.identity
    assert b2_at("https://API.backblazeb2.com/").earlier_identities == ("b2:API.backblazeb2.com/photos/",)


def test_the_s3_api_by_region():
    with open_b2(read(api="s3", region="us-west-004", prefix="p")) as b2:
        assert isinstance(b2, B2S3Sync)
        assert b2.provider == "b2"
        assert b2.identity == "b2:https://s3.us-west-004.backblazeb2.com:443/photos/p/"
        assert b2.public_url("a b") == "https://s3.us-west-004.backblazeb2.com/photos/p/a%20b"
        assert (b2.capabilities.conditional_write, b2.capabilities.versions) == (False, True)
        assert b2.request_count == 0


def test_the_s3_api_is_found_by_the_key(b2_account, bucket):
    given = {
        "bucket_name": bucket,
        "application_key_id": b2_account.key_id,
        "application_key": b2_account.key,
        "api_url": b2_account.endpoint,
    }
    with open_b2(read(api="s3", **given)) as b2:
        assert isinstance(b2, B2S3Sync)
        # The server says that its S3 API is where its own one is.
        assert b2.public_url("k") == f"{b2_account.endpoint}/{bucket}/k"
        assert b2.request_count == 1
        assert b2.native.info().name == bucket


def test_the_s3_api_has_the_commands_too(b2_account, bucket, tmp_path, monkeypatch, capsys):
    given = {"provider": "b2", "api": "s3", "bucket_name": bucket, "api_url": b2_account.endpoint}
    (tmp_path / ".buckia").write_text(json.dumps({"photos": given}), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("B2_APPLICATION_KEY_ID", b2_account.key_id)
    monkeypatch.setenv("B2_APPLICATION_KEY", b2_account.key)
    with signals_kept():
        assert main(["b2", "info"]) == 0
    assert "access       allPrivate" in capsys.readouterr().out


def test_the_s3_api_without_its_package(monkeypatch):
    for name in [
        name for name in sys.modules if name.partition(".")[0] == "buckia_s3" or name == "buckia_b2.s3_compatible"
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "buckia_s3", None)
    with pytest.raises(AdapterBroken, match=r"pip install"):
        open_b2(read(api="s3"))
