"""Reading from servers with habits of their own."""

from __future__ import annotations

import pytest

from buckia_core.errors import (
    NotSupported,
    PreconditionFailed,
)
from buckia_core.planning.manifest import RemoteObject
from tests.unit.s3.scripted_server import HELLO, OBJECT, Answer


class TestReading:
    def test_metadata_that_is_no_ascii(self, connect):
        answer = Answer(200, b"hello", OBJECT | {"x-amz-meta-name": "caf\xe9"})
        adapter, _ = connect(lambda asked: answer)
        with adapter.open_file("k") as reader:
            assert reader.read() == b"hello"

    def test_a_range_request_with_a_full_response(self, connect):
        answer = Answer(200, b"el", OBJECT | {"Content-Range": "bytes 1-2/5"})
        adapter, _ = connect(lambda asked: answer)
        with adapter.open_file("k", start=1, end=3) as reader:
            assert reader.read() == b"el"

    def test_a_server_without_ranges(self, connect):
        adapter, _ = connect(lambda asked: HELLO)
        with pytest.raises(NotSupported), adapter.open_file("k", start=1, end=3):
            pass

    def test_a_server_that_ignores_which_version_is_expected(self, connect, tmp_path):
        adapter, server = connect(lambda asked: HELLO)
        with pytest.raises(PreconditionFailed):
            adapter.download_file("k", tmp_path / "f", expect=RemoteObject("k", 5, "another"))
        assert server.asked[-1].headers["if-match"] == '"another"'
