"""Copies on the server."""

from __future__ import annotations

import pytest

from buckia_core.errors import (
    Throttled,
)
from buckia_core.planning.manifest import RemoteObject
from tests.unit.s3.scripted_server import HELLO, OBJECT, Answer


class TestCopying:
    SOURCE = RemoteObject("k", 5, "5d41402abc4b2a76b9719d911017c592")

    def script(self, asked):
        if asked.path.endswith("/k"):
            return HELLO
        if asked.method == "PUT":
            return Answer(200, b"<CopyObjectResult><ETag>&quot;e&quot;</ETag></CopyObjectResult>")
        return Answer(404) if asked.path != "/bucket" else Answer(200)

    def test_exactly_one_version(self, connect):
        adapter, server = connect(self.script)
        copied = adapter.copy_file(self.SOURCE, "new ü")
        assert (copied.key, copied.fingerprint, copied.size) == ("new ü", "e", 5)
        sent = server.asked[-1].headers
        assert sent["x-amz-copy-source"] == "bucket/k"
        assert sent["x-amz-copy-source-if-match"] == '"5d41402abc4b2a76b9719d911017c592"'

    def test_a_failure_after_success(self, connect):
        failed = Answer(200, b"<Error><Code>SlowDown</Code></Error>")
        adapter, _ = connect(lambda asked: failed if asked.method == "PUT" else self.script(asked))
        with pytest.raises(Throttled):
            adapter.copy_file(self.SOURCE, "new")

    def test_a_large_one_goes_in_parts(self, connect):
        size = (5 << 30) + 1
        told = Answer(200, b"", OBJECT | {"x-amz-meta-mtime": "1.5", "x-amz-meta-a": "b"}, claims=size)
        ranges = []

        def script(asked):
            if asked.method == "HEAD":
                return told if asked.path in ("/bucket/k", "/bucket/new") else Answer(200)
            if "uploads" in asked.query:
                assert (asked.headers["x-amz-meta-mtime"], asked.headers["x-amz-meta-a"]) == ("1.500000000", "b")
                return Answer(200, b"<UploadId>u</UploadId>")
            if "partNumber" in asked.query:
                ranges.append(asked.headers["x-amz-copy-source-range"])
                return Answer(200, b"<CopyPartResult><ETag>e</ETag></CopyPartResult>")
            return Answer(200, b"<X><ETag>whole-11</ETag></X>")

        adapter, _ = connect(script)
        assert adapter.copy_file(self.SOURCE._replace(size=size), "new").size == size
        starts = sorted(int(each.removeprefix("bytes=").partition("-")[0]) for each in ranges)
        assert starts == list(range(0, size, 512 << 20))
        assert f"bytes={starts[-1]}-{size - 1}" in ranges
