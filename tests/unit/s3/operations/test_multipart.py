"""Uploads in parts: whole or not at all."""

from __future__ import annotations

import hashlib
import io

import pytest

from buckia_core.adapters.contract.types import IfAbsent, UploadInfo
from buckia_core.errors import (
    IntegrityError,
    PermissionDenied,
    PreconditionFailed,
    Transient,
)
from buckia_core.planning.digest import Digest
from buckia_s3.config.fields import MIN_PART
from buckia_s3.config.options import RetryConfig
from tests.unit.s3.scripted_server import Answer, error


class Parts:
    """A server that takes uploads in parts; `spoil` may answer instead of it."""

    def __init__(self, spoil=lambda asked, number: None):
        self.spoil = spoil
        self.parts: dict[int, bytes] = {}
        self.attempts: list[int] = []
        self.whole: bytes | None = None
        self.aborted = False

    def __call__(self, asked):
        number = int(asked.query.get("partNumber", 0))
        spoilt = self.spoil(asked, self.attempts.count(number))
        self.attempts.append(number)
        if spoilt is not None:
            return spoilt
        if "uploads" in asked.query:
            return Answer(200, b"<X><UploadId>u&amp;1</UploadId></X>")
        if asked.query.get("uploadId", "u&1") != "u&1":
            return error(404, "NoSuchUpload")
        if number:
            self.parts[number] = asked.body
            return Answer(200, headers={"ETag": f'"{hashlib.md5(asked.body).hexdigest()}"'})
        if asked.method == "DELETE":
            self.aborted = True
            return Answer(204)
        if asked.method == "POST":
            self.whole = b"".join(self.parts[number] for number in sorted(self.parts))
            return Answer(200, f"<X><ETag>&quot;{self.etag}&quot;</ETag></X>".encode())
        if asked.path == "/bucket":
            return Answer(200)
        if self.whole is None:
            return Answer(404)
        return Answer(200, self.whole, {"ETag": f'"{self.etag}"'})

    @property
    def etag(self) -> str:
        joined = b"".join(hashlib.md5(self.parts[number]).digest() for number in sorted(self.parts))
        return f"{hashlib.md5(joined).hexdigest()}-{len(self.parts)}"


class Stream(io.BufferedReader):
    """A reader that can't tell how much it has."""

    def seekable(self) -> bool:
        return False


SMALL_PARTS = {"part_size": MIN_PART, "multipart_threshold": MIN_PART}
DATA = bytes(range(251)) * 60_000


class TestParts:
    @pytest.mark.parametrize("kind", ["bytes", "path", "reader", "stream"])
    def test_all_kinds_of_sources(self, connect, kind, tmp_path):
        path = tmp_path / "f"
        path.write_bytes(DATA)
        stream = Stream(io.BytesIO(DATA))
        source = {"bytes": DATA, "path": path, "reader": io.BytesIO(DATA), "stream": stream}[kind]
        server = Parts()
        adapter, _ = connect(server, **SMALL_PARTS)
        uploaded = adapter.upload_file(source, "k", info=UploadInfo(mtime_ns=5))
        assert server.whole == DATA
        assert (uploaded.size, uploaded.fingerprint) == (len(DATA), server.etag)
        assert [len(server.parts[number]) for number in sorted(server.parts)] == [
            MIN_PART,
            MIN_PART,
            len(DATA) - 2 * MIN_PART,
        ]

    def test_a_lost_part_is_sent_again(self, connect):
        server = Parts(
            lambda asked, tries: error(500, "InternalError") if "partNumber" in asked.query and not tries else None
        )
        adapter, _ = connect(server, retry_config=RetryConfig(init_backoff=0.0), **SMALL_PARTS)
        adapter.upload_file(DATA, "k")
        assert server.whole == DATA

    @pytest.mark.parametrize(
        ("spoil", "kind"),
        [
            pytest.param(
                lambda asked, _: error(403, "AccessDenied") if asked.query.get("partNumber") == "2" else None,
                PermissionDenied,
                id="part",
            ),
            pytest.param(
                lambda asked, _: (
                    error(412, "PreconditionFailed")
                    if "uploads" not in asked.query and asked.method == "POST"
                    else None
                ),
                PreconditionFailed,
                id="completion",
            ),
            pytest.param(
                lambda asked, _: (
                    Answer(200, b"<Error><Code>InternalError</Code></Error>")
                    if "uploads" not in asked.query and asked.method == "POST"
                    else None
                ),
                Transient,
                id="failure_after_success",
            ),
        ],
    )
    def test_what_was_sent_is_thrown_away_after_an_error(self, connect, spoil, kind):
        server = Parts(spoil)
        adapter, _ = connect(server, **SMALL_PARTS)
        with pytest.raises(kind):
            adapter.upload_file(DATA, "k")
        assert server.aborted
        assert server.whole is None

    def test_other_bytes_than_the_digest_says(self, connect):
        server = Parts()
        adapter, _ = connect(server, **SMALL_PARTS)
        with pytest.raises(IntegrityError):
            adapter.upload_file(DATA, "k", info=UploadInfo(digests=(Digest("sha256", "0" * 64),)))
        assert server.aborted
        assert server.whole is None

    def test_a_completion_whose_response_is_lost_is_found(self, connect):
        def script(asked):
            answer = server(asked)
            return None if asked.method == "POST" and "uploads" not in asked.query else answer

        server = Parts()
        adapter, _ = connect(script, **SMALL_PARTS)
        assert adapter.upload_file(DATA, "k").fingerprint == server.etag

    def test_an_object_that_is_there_is_not_sent_against(self, connect):
        server = Parts()
        server.parts[1] = server.whole = b"there"
        adapter, _ = connect(server, **SMALL_PARTS)
        with pytest.raises(PreconditionFailed):
            adapter.upload_file(DATA, "k", expect=IfAbsent())
        assert server.whole == b"there"
