"""`ServerProbe`: which conditions of writes a server supports, and whether it verifies content."""

from __future__ import annotations

import hashlib

import pytest

from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged
from buckia_core.errors import (
    NotSupported,
    PreconditionFailed,
    Transient,
)
from buckia_s3.auth.sigv4 import EMPTY_SHA256
from buckia_s3.config.fields import ConditionalWrites
from buckia_s3.config.settings import S3Settings
from buckia_s3.sync import S3Sync
from tests.unit.s3.scripted_server import Answer, error


class Conditional:
    """A server with one object, that takes conditions of writes in one way or another."""

    def __init__(self, *, create: bool, match: str, compares: bool = False) -> None:
        self.create = create
        self.match = match
        self.compares = compares
        self.objects: dict[str, bytes] = {}

    def etag(self, path: str) -> str:
        return hashlib.md5(self.objects[path]).hexdigest()

    def __call__(self, asked):
        path = asked.path
        if "versioning" in asked.query:
            return Answer(200, b"<VersioningConfiguration/>")
        if asked.method == "PUT":
            told = asked.headers["x-amz-content-sha256"]
            if self.compares and told not in ("UNSIGNED-PAYLOAD", hashlib.sha256(asked.body).hexdigest()):
                return error(400, "XAmzContentSHA256Mismatch")
            wanted = asked.headers.get("if-match")
            if self.match == "refused" and (wanted or "if-none-match" in asked.headers):
                return error(501, "NotImplemented")
            if self.create and "if-none-match" in asked.headers and path in self.objects:
                return error(412, "PreconditionFailed")
            if wanted and self.match in ("quoted", "bare"):
                right = f'"{self.etag(path)}"' if self.match == "quoted" else self.etag(path)
                if path not in self.objects or wanted != right:
                    return error(412, "PreconditionFailed")
            self.objects[path] = asked.body
        elif asked.method == "DELETE":
            self.objects.pop(path, None)
            return Answer(204)
        elif path == "/bucket":
            return Answer(200)
        elif path not in self.objects:
            return Answer(404)
        return Answer(200, self.objects[path], {"ETag": f'"{self.etag(path)}"'})


class TestConditions:
    @pytest.mark.parametrize(
        ("create", "match", "honoured"),
        [
            (True, "quoted", True),
            (True, "bare", True),
            (True, "ignored", False),
            (False, "ignored", False),
            (False, "quoted", False),
            (False, "refused", False),
        ],
    )
    def test_what_a_server_honours_is_found_out(self, connect, create, match, honoured):
        script = Conditional(create=create, match=match)
        adapter, server = connect(script, prefix="p")
        assert not adapter.capabilities.conditional_write
        assert server.asked == []
        assert adapter.probe().conditional_write is honoured
        assert script.objects == {}, "the probe is gone"
        assert all(asked.path.startswith("/bucket/p/.buckia-state/probe-") for asked in server.asked if asked.body)
        count = len(server.asked)
        assert adapter.probe() == adapter.capabilities
        assert len(server.asked) == count

    @pytest.mark.parametrize("compares", [True, False])
    def test_whether_a_server_compares_what_comes_is_found_out(self, connect, compares):
        script = Conditional(create=True, match="quoted", compares=compares)
        adapter, server = connect(script)
        assert not adapter._server_probe.compares_content
        assert adapter.probe().conditional_write
        assert adapter._server_probe.compares_content is compares
        # What it refuses is not sent again, as that would be which had been damaged on the way.
        wrong = [
            each for each in server.asked if each.headers.get("x-amz-content-sha256") == EMPTY_SHA256 and each.body
        ]
        assert len(wrong) == 1
        unsigned, _ = connect(script, unsigned_payload=True)
        unsigned.probe()
        assert not unsigned._server_probe.compares_content

    @pytest.mark.parametrize("size", [5, 300_000], ids=["small", "larger"])
    @pytest.mark.parametrize("match", ["quoted", "bare", "ignored", "refused"])
    def test_conditions_hold_on_every_server(self, connect, match, size):
        script = Conditional(create=match != "ignored", match=match)
        adapter, _ = connect(script)
        first = adapter.upload_file(b"1" * size, "k", expect=IfAbsent())
        with pytest.raises(PreconditionFailed):
            adapter.upload_file(b"2" * size, "k", expect=IfAbsent())
        second = adapter.upload_file(b"3" * size, "k", expect=IfUnchanged(first))
        with pytest.raises(PreconditionFailed):
            adapter.upload_file(b"4" * size, "k", expect=IfUnchanged(first))
        assert script.objects["/bucket/k"] == b"3" * size
        assert second.fingerprint == script.etag("/bucket/k")

    def test_on_insists(self, connect):
        script = Conditional(create=False, match="ignored")
        adapter, _ = connect(script, conditional_writes=ConditionalWrites.ON)
        with pytest.raises(NotSupported, match="conditional_writes"):
            adapter.upload_file(b"1", "k", expect=IfAbsent())
        adapter.upload_file(b"1", "k")
        assert script.objects == {"/bucket/k": b"1"}

    def test_off_does_not_ask(self, connect):
        adapter, server = connect(Conditional(create=True, match="quoted"), conditional_writes=ConditionalWrites.OFF)
        assert not adapter.probe().conditional_write
        adapter.upload_file(b"1", "k", expect=IfAbsent())
        assert not any("if-none-match" in asked.headers or "probe" in asked.path for asked in server.asked)

    def test_aws_is_known(self):
        assert S3Sync(S3Settings(bucket_name="b", skip_signature=True)).capabilities.conditional_write

    def test_a_server_that_fails_where_another_writer_was_first(self, connect):
        script = Conditional(create=True, match="quoted")
        adapter, server = connect(script)
        adapter.probe()
        script.objects["/bucket/k"] = b"theirs"
        server.script = lambda asked: error(500, "UnknownError") if asked.method == "PUT" else script(asked)
        with pytest.raises(PreconditionFailed):
            adapter.upload_file(b"mine", "k", expect=IfAbsent())
        script.objects["/bucket/k"] = b"mine"
        with pytest.raises(Transient):
            adapter.upload_file(b"mine", "k", expect=IfAbsent())

    @pytest.mark.parametrize(
        ("status", "versions"),
        [(b"<Status>Enabled</Status>", True), (b"<Status>Suspended</Status>", False), (b"", False)],
    )
    def test_versions(self, connect, status, versions):
        body = b"<VersioningConfiguration>" + status + b"</VersioningConfiguration>"
        adapter, _ = connect(lambda asked: Answer(200, body), conditional_writes=ConditionalWrites.OFF)
        assert adapter.probe().versions is versions

    def test_versions_that_may_not_be_asked_for(self, connect):
        adapter, _ = connect(lambda asked: error(403, "AccessDenied"), conditional_writes=ConditionalWrites.OFF)
        assert adapter.probe().versions is False
