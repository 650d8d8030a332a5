"""Probes: written as uploads are, never where they would stay, and swept after killed runs."""

from __future__ import annotations

import hashlib
from base64 import b64encode

import pytest

from buckia_core.adapters.contract.types import IfAbsent
from buckia_core.errors import NotFound, Throttled, Transient, Unauthenticated
from buckia_s3.config.fields import ConditionalWrites
from buckia_s3.config.options import RetryConfig
from buckia_s3.objects.checksums import ChecksumAlgorithm
from buckia_s3.objects.encryption import ServerSideEncryption
from tests.unit.s3.operations.test_server_probe import Conditional
from tests.unit.s3.scripted_server import Answer, error, page

AT_ONCE = {"retry_config": RetryConfig(init_backoff=0.0)}
PROBED = "/bucket/.buckia-state/probe-"


def is_probe(asked):
    return asked.method == "PUT" and asked.path.startswith(PROBED)


class Demanding(Conditional):
    """A server that refuses objects without a header."""

    def __init__(self, header):
        super().__init__(create=True, match="quoted")
        self.header = header

    def __call__(self, asked):
        if asked.method == "PUT" and self.header not in asked.headers:
            return error(400, "InvalidRequest")
        return super().__call__(asked)


@pytest.mark.parametrize(
    ("settings", "header", "value"),
    [
        ({"content_md5": True}, "content-md5", b64encode(hashlib.md5(b"probe").digest()).decode()),
        (
            {"checksum_algorithm": ChecksumAlgorithm.SHA256},
            "x-amz-checksum-sha256",
            b64encode(hashlib.sha256(b"probe").digest()).decode(),
        ),
        ({"acl": "bucket-owner-full-control"}, "x-amz-acl", "bucket-owner-full-control"),
        ({"storage_class": "STANDARD_IA"}, "x-amz-storage-class", "STANDARD_IA"),
        ({"server_side_encryption": ServerSideEncryption.S3}, "x-amz-server-side-encryption", "AES256"),
        ({"tags": {"a": "b"}}, "x-amz-tagging", "a=b"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_probe_has_the_headers_that_uploads_have(connect, settings, header, value):
    adapter, server = connect(Demanding(header), **settings)
    assert adapter.probe().conditional_write
    assert {asked.headers[header] for asked in server.asked if is_probe(asked)} == {value}


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "InvalidRequest"),
        error(403, "AccessDenied"),
        error(500, "InternalError"),
        error(501, "NotImplemented"),
    ],
    ids=["400", "403", "500", "501"],
)
def test_a_refused_probe_ends_no_run(connect, refusal):
    script = Conditional(create=True, match="quoted")
    adapter, _ = connect(lambda asked: refusal if is_probe(asked) else script(asked), **AT_ONCE)
    assert not adapter.probe().conditional_write
    adapter.upload_file(b"1", "k", expect=IfAbsent())
    assert script.objects == {"/bucket/k": b"1"}


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_that_fails_at_conditions_does_not_honour_them(connect, status):
    script = Conditional(create=True, match="quoted")
    fails = lambda asked: is_probe(asked) and "if-none-match" in asked.headers  # noqa: E731  # the whole server
    adapter, _ = connect(lambda asked: error(status, "InternalError") if fails(asked) else script(asked), **AT_ONCE)
    assert not adapter.probe().conditional_write
    assert script.objects == {}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, Transient),
        (error(503, "SlowDown"), Throttled),
        (error(403, "InvalidAccessKeyId"), Unauthenticated),
        (error(404, "NoSuchBucket"), NotFound),
    ],
    ids=["no answer", "slow down", "credentials", "no bucket"],
)
def test_what_is_inconclusive_is_an_error(connect, answer, kind):
    script = Conditional(create=True, match="quoted")
    adapter, _ = connect(lambda asked: answer if is_probe(asked) else script(asked), **AT_ONCE)
    with pytest.raises(kind):
        adapter.probe()


class Versioned(Conditional):
    """A server that keeps versions."""

    def __init__(self, lock):
        super().__init__(create=True, match="quoted")
        self.lock = lock

    def __call__(self, asked):
        if "versioning" in asked.query:
            return Answer(200, b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
        return self.lock if "object-lock" in asked.query else super().__call__(asked)


RETENTION = b"<DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention>"


@pytest.mark.parametrize(
    ("lock", "probed"),
    [
        (Answer(200, b"<ObjectLockConfiguration><Rule>" + RETENTION + b"</Rule></ObjectLockConfiguration>"), False),
        (error(403, "AccessDenied"), False),
        (Answer(200, b"<ObjectLockConfiguration/>"), True),
        (error(404, "ObjectLockConfigurationNotFoundError"), True),
        (error(501, "NotImplemented"), True),
    ],
    ids=["retention", "nobody knows", "no retention", "no lock", "no locks at all"],
)
def test_no_probe_where_new_objects_are_locked(connect, lock, probed):
    adapter, server = connect(Versioned(lock))
    assert adapter.probe().conditional_write is probed
    assert any(map(is_probe, server.asked)) is probed


def test_no_probe_where_uploads_are_locked_by_the_settings(connect):
    adapter, server = connect(Conditional(create=True, match="quoted"), object_lock_legal_hold=True)
    assert not adapter.probe().conditional_write
    assert not any(map(is_probe, server.asked))


def test_conditions_are_used_unseen_where_the_settings_insist_on_them(connect):
    script = Conditional(create=True, match="quoted")
    insisting = {"object_lock_legal_hold": True, "conditional_writes": ConditionalWrites.ON}
    adapter, server = connect(script, **insisting)
    adapter.upload_file(b"1", "k", expect=IfAbsent())
    assert server.asked[-1].headers["if-none-match"] == "*"
    assert not any(map(is_probe, server.asked))


def test_no_probe_where_nothing_may_be_deleted(connect):
    script = Conditional(create=True, match="quoted")
    adapter, server = connect(lambda asked: error(403, "AccessDenied") if asked.method == "DELETE" else script(asked))
    assert not adapter.probe().conditional_write
    assert not any(map(is_probe, server.asked))


class Listing(Conditional):
    """A server that lists its probes."""

    def __call__(self, asked):
        if asked.query.get("list-type") == "2":
            return page(*(path.removeprefix("/bucket/") for path in sorted(self.objects) if path.startswith(PROBED)))
        return super().__call__(asked)


def test_probes_of_killed_runs_are_swept(connect):
    script = Listing(create=True, match="quoted")
    script.objects = {f"{PROBED}1": b"probe", f"{PROBED}2": b"probe", "/bucket/mine": b"1"}
    adapter, _ = connect(script)
    assert adapter.probe().conditional_write
    assert script.objects == {"/bucket/mine": b"1"}


def test_a_probe_that_another_run_swept_is_written_again(connect):
    script = Listing(create=True, match="quoted")
    swept = iter([True])

    def server(asked):
        if "if-none-match" in asked.headers and next(swept, False):
            script.objects.clear()
        return script(asked)

    adapter, _ = connect(server)
    assert adapter.probe().conditional_write
    assert script.objects == {}
