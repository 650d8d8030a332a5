"""Encryption, retention and lifecycle rules for single objects, and the check of a bucket."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from buckia_core.adapters.contract.object_options import Encryption, ObjectOptions, Retention
from buckia_core.adapters.contract.protocols import WithOptions
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.wrappers import Wrapper, wrap
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import (
    AdapterError,
    InvalidSetting,
    MissingCredentials,
    NotSupported,
    PermissionDenied,
    Unauthenticated,
)
from buckia_core.objects.store import ObjectStore
from buckia_core.testing import Fault, Faulty

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
SOON = datetime.now(UTC) + timedelta(days=1)


@pytest.mark.parametrize("kind", ["linode", "b2"])
def test_a_customer_key_is_needed_to_read(open_store, kind, tmp_path):
    store = open_store(kind)
    key, other = Encryption.sse_c(KEY), Encryption.sse_c(OTHER)
    store.put("a", b"content", encryption=key)
    assert store.get("a", encryption=key) == b"content"
    assert store.get_range("a", 1, 3, encryption=key) == b"ont"
    assert b"".join(store.stream("a", encryption=key)) == b"content"
    assert store.download("a", tmp_path / "a", encryption=key).size == 7
    assert store.stat("a", encryption=key).size == 7 and store.exists("a", encryption=key)
    for wrong in (None, other):
        with pytest.raises(AdapterError):
            store.get("a", encryption=wrong)
    store.copy("a", "same", encryption=key, source_encryption=key)
    store.copy("a", "other", encryption=other, source_encryption=key)
    store.move("a", "plain", source_encryption=key)
    assert store.get("same", encryption=key) == store.get("other", encryption=other) == b"content"
    assert store.get("plain") == b"content"
    assert not store.exists("a")


def test_encryption_by_the_provider_and_by_a_kms(open_store, moto_server):
    store = open_store("moto")
    client = moto_server.client()
    store.put("a", b"1", encryption=Encryption.sse_s3())
    store.put("b", b"1", encryption=Encryption.sse_kms("alias/mine"))
    store.put("c", b"1")
    name = store.config.bucket_name
    heads = {key: client.head_object(Bucket=name, Key=key) for key in "abc"}
    assert heads["a"]["ServerSideEncryption"] == "AES256"
    assert (heads["b"]["ServerSideEncryption"], heads["b"]["SSEKMSKeyId"]) == ("aws:kms", "alias/mine")
    assert heads["c"].get("SSEKMSKeyId") is None
    assert store.get("b") == b"1"
    client.close()


@pytest.mark.parametrize("mode", ["GOVERNANCE", "compliance"])
def test_a_locked_object_says_until_when(open_store, moto_server, mode):
    name = moto_server.new_bucket("locks", ObjectLockEnabledForBucket=True)
    store = open_store("moto", bucket_name=name)
    client = moto_server.client()
    store.put("a", b"1", retention=Retention(mode, SOON, legal_hold=True))
    found = client.head_object(Bucket=name, Key="a")
    assert found["ObjectLockMode"] == mode.upper() and found["ObjectLockLegalHoldStatus"] == "ON"
    assert abs(found["ObjectLockRetainUntilDate"] - SOON) < timedelta(seconds=2)
    store.put("b", b"1", retention=Retention(legal_hold=True))
    assert "ObjectLockMode" not in client.head_object(Bucket=name, Key="b")
    client.close()


def test_a_locked_object_of_b2_says_until_when(open_store, b2_account):
    name = b2_account.new_bucket(is_file_lock_enabled=True)
    store = open_store("b2", bucket_name=name)
    store.put("a", b"1", retention=Retention("governance", SOON))
    found = next(iter(b2_account.api().get_bucket_by_name(name).ls(latest_only=True)))[0]
    assert found.file_retention.mode.value == "governance"
    assert abs(found.file_retention.retain_until / 1000 - SOON.timestamp()) < 2


def test_what_a_provider_lacks_is_not_supported(open_store):
    for kind in ("memory", "file", "bunny-without-server"):
        store = open_store(kind)
        for options in ({"encryption": Encryption.sse_s3()}, {"retention": Retention(legal_hold=True)}):
            with pytest.raises(NotSupported, match="single objects"):
                store.put("a", b"1", **options)
        with pytest.raises(NotSupported, match="lifecycle"):
            store.ensure_lifecycle_defaults()
    with pytest.raises(NotSupported, match="KMS"):
        open_store("b2").put("a", b"1", encryption=Encryption.sse_kms("k"))
    with pytest.raises(NotSupported, match="https"):
        open_store("moto").put("a", b"1", encryption=Encryption.sse_c(KEY))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Encryption.sse_c(b"short"), "32 bytes"),
        (lambda: Encryption.sse_c("no base64!"), "32 bytes"),
        (lambda: Retention("GOVERNANCE"), "both mode and until"),
        (lambda: Retention(until=SOON), "both mode and until"),
        (Retention, "locks nothing"),
        (lambda: Retention("FOREVER", SOON), "GOVERNANCE, COMPLIANCE"),
        (lambda: Retention("GOVERNANCE", SOON.replace(tzinfo=None)), "time zone"),
        (lambda: Retention("GOVERNANCE", datetime(2020, 1, 1, tzinfo=UTC)), "past"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(make, message):
    with pytest.raises(InvalidSetting, match=message) as caught:
        make()
    assert "short" not in str(caught.value)


def test_a_customer_key_does_not_show():
    made = Encryption.sse_c(KEY)
    assert made == Encryption.sse_c(Secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")) != Encryption.sse_c(OTHER)
    assert "AAECAw" not in f"{made} {made!r} {ObjectOptions(made)}"
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(made)


class Optional(MemorySync):
    """Notes its options."""

    seen: ObjectOptions | None = None

    @property
    def capabilities(self):
        return replace(super().capabilities, with_options=True)

    def with_options(self, options):
        view = copy.copy(self)
        view.seen = options
        return view


def test_a_view_keeps_the_wrappers():
    wrapped = wrap(Optional(MemorySettings()), rate_limit=1e6)
    assert isinstance(wrapped, WithOptions)
    options = ObjectOptions(retention=Retention(legal_hold=True))
    kinds: list[str] = []
    inner: Any = wrapped.with_options(options)
    plain: Any = wrapped
    while isinstance(inner, Wrapper):
        kinds.append(type(inner).__name__)
        inner, plain = inner.inner, plain.inner
    assert kinds == ["Retry", "RateLimit", "CallLogging"]
    assert inner.seen is options and plain.seen is None
    assert not isinstance(wrap(MemorySync(MemorySettings())), WithOptions)


def test_lifecycle_rules_are_added_to_those_that_are_there(open_store, moto_server):
    store = open_store("moto", prefix="site")
    client, name = moto_server.client(), store.config.bucket_name
    own = {"ID": "own", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [own]})
    assert store.ensure_lifecycle_defaults()
    rules = {each["ID"]: each for each in client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]}
    assert set(rules) == {"own", "buckia-abort-multipart", "buckia-noncurrent"}
    assert rules["buckia-abort-multipart"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rules["buckia-noncurrent"]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert rules["buckia-noncurrent"]["Filter"] == {"Prefix": "site/"}
    assert not store.ensure_lifecycle_defaults()
    assert store.ensure_lifecycle_defaults(noncurrent_days=5, abort_multipart_days=None)
    with pytest.raises(InvalidSetting):
        store.ensure_lifecycle_defaults(noncurrent_days=0)
    client.close()


def test_lifecycle_rules_of_b2_are_added_to_the_one_of_the_prefix(open_store, b2_account):
    store = open_store("b2", prefix="site")
    bucket = b2_account.api().get_bucket_by_name(store.config.bucket_name)
    bucket.update(lifecycle_rules=[{"fileNamePrefix": "site/", "daysFromHidingToDeleting": 3}])
    assert store.ensure_lifecycle_defaults()
    (rule,) = b2_account.api().get_bucket_by_name(store.config.bucket_name).lifecycle_rules
    assert rule["daysFromHidingToDeleting"] == 3
    assert rule["daysFromStartingToCancelingUnfinishedLargeFiles"] == 7
    assert not store.ensure_lifecycle_defaults()


def test_for_backblaze_takes_the_keys_of_the_environment(b2_account, monkeypatch):
    name = b2_account.new_bucket()
    with pytest.raises(MissingCredentials):
        ObjectStore.for_backblaze(name)
    monkeypatch.setenv("B2_KEY_ID", b2_account.key_id)
    monkeypatch.setenv("B2_APP_KEY", b2_account.key)
    base = "https://f004.backblazeb2.com/file/my-bucket"
    with ObjectStore.for_backblaze(
        name, api_url=b2_account.endpoint, public_url_base=base, auto_lifecycle=True
    ) as store:
        store.put("a", b"1")
        assert store.get("a") == b"1" and store.url("a").url == f"{base}/a"
        assert not store.ensure_lifecycle_defaults()


def test_a_preflight_says_what_is_allowed(store):
    found = store.preflight()
    assert (found.can_list, found.can_write, found.can_read, found.can_delete) == (True, True, True, True)
    assert found.provider == store.config.provider
    assert [each.key for each in store.iter()] == []
    assert store.preflight(write=False).can_write is None


def test_a_preflight_tells_what_is_denied(open_store):
    with pytest.raises(Unauthenticated):
        open_store("bunny", storage_api_key="wrong-password-of-the-zone").preflight()

    def denied() -> AdapterError:
        return PermissionDenied("no")

    faults = [Fault("list_files", denied), Fault("upload_file", denied)]
    found = ObjectStore(Faulty(MemorySync(MemorySettings()), faults)).preflight()
    assert (found.can_list, found.can_write, found.can_read, found.can_delete) == (False, False, None, None)
    found = ObjectStore(Faulty(MemorySync(MemorySettings()), [Fault("delete_files", denied)])).preflight()
    assert (found.can_list, found.can_write, found.can_read, found.can_delete) == (True, True, True, False)
