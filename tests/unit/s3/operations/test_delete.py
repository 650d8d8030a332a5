"""Deletes: an outcome for each key."""

from __future__ import annotations

import pytest

from buckia_core.errors import (
    Throttled,
    Transient,
)
from tests.unit.s3.scripted_server import Answer, error


class TestDeleting:
    def test_an_outcome_for_each_key(self, connect):
        body = (
            b"<DeleteResult><Deleted><Key>a&amp;b</Key></Deleted>"
            b"<Error><Key>locked</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
            b"<Error><Key>gone</Key><Code>NoSuchKey</Code></Error></DeleteResult>"
        )
        adapter, server = connect(lambda asked: Answer(200, body))
        outcomes = adapter.delete_files(["locked", "a&b", "gone", "forgotten", "\ud800"])
        assert [outcome.key for outcome in outcomes] == ["locked", "a&b", "gone", "forgotten", "\ud800"]
        kinds = [type(outcome.error).__name__ for outcome in outcomes]
        assert kinds == ["PermissionDenied", "NoneType", "NoneType", "Transient", "InvalidKey"]
        assert "content-md5" in server.asked[0].headers

    def test_keys_that_xml_can_not_hold_go_alone(self, connect):
        body = b"<DeleteResult><Deleted><Key>a</Key></Deleted></DeleteResult>"
        adapter, server = connect(lambda asked: Answer(200, body) if asked.method == "POST" else Answer(204))
        assert [each.error for each in adapter.delete_files(["a", "b\x01", "c\r\n"])] == [None] * 3
        assert sorted(asked.path for asked in server.asked) == ["/bucket", "/bucket/b\x01", "/bucket/c\r\n"]

    @pytest.mark.parametrize("refusal", [error(501, "NotImplemented"), error(405, "MethodNotAllowed")])
    def test_a_server_that_deletes_one_by_one(self, connect, refusal):
        adapter, server = connect(lambda asked: refusal if asked.method == "POST" else Answer(204))
        for _ in range(2):
            assert [each.error for each in adapter.delete_files(["a", "b"])] == [None, None]
        assert [asked.method for asked in server.asked].count("POST") == 1

    def test_a_request_that_failed(self, connect):
        adapter, _ = connect(lambda asked: error(503, "SlowDown"))
        with pytest.raises(Throttled):
            adapter.delete_files(["a"])

    def test_a_response_that_is_cut_short(self, connect):
        adapter, _ = connect(lambda asked: Answer(200, b"<DeleteResult><Deleted><Key>a</Key>"))
        with pytest.raises(Transient):
            adapter.delete_files(["a"])
