"""Listings: pages follow each other, and what is not whole is an error."""

from __future__ import annotations

import pytest

from buckia_core.errors import (
    AdapterError,
    NotFound,
)
from tests.unit.s3.scripted_server import Answer, error, page


def keys(adapter, **options):
    return [found.key for found in adapter.list_files(**options)]


class TestListing:
    def test_pages_follow_each_other(self, connect):
        pages = {None: page("a", "b", token="t&amp;1"), "t&1": page("c", token="t2"), "t2": page("d")}
        adapter, server = connect(lambda asked: pages[asked.query.get("continuation-token")], prefix="p")
        pages[None] = page("p%2Fa", "p%2Fb", token="t&amp;1")
        pages["t&1"], pages["t2"] = page("p%2Fc", token="t2"), page("p%2Fd")
        assert keys(adapter) == ["a", "b", "c", "d"]
        assert adapter.requests == len(server.asked) == 3
        assert all(asked.query["prefix"] == "p/" for asked in server.asked)

    @pytest.mark.parametrize("end", ["b", "c"])
    def test_nothing_is_asked_beyond_the_end(self, connect, end):
        adapter, server = connect(lambda asked: page("a", "b", "c", token="t"))
        assert keys(adapter, end_at=end) == ["a", "b", "c"][: "abc".index(end) + 1]
        assert len(server.asked) == 1

    def test_a_server_that_does_not_know_where_to_start(self, connect):
        adapter, server = connect(lambda asked: page("a", "b", "c"))
        assert keys(adapter, start_after="a") == ["b", "c"]
        assert server.asked[0].query["start-after"] == "a"

    def test_the_marker_of_the_prefix_is_no_key(self, connect):
        adapter, _ = connect(lambda asked: page("p%2F", "p%2Fa"), prefix="p/")
        assert keys(adapter) == ["a"]

    @pytest.mark.parametrize(
        "second",
        [
            pytest.param(error(500, "InternalError"), id="failure"),
            pytest.param(Answer(200, page("c").body[:-30]), id="cut_short"),
            pytest.param(Answer(200, page("c").body, claims=100_000, cut=True), id="connection_lost"),
            pytest.param(Answer(200, b"<html>please log in</html>"), id="page_of_a_proxy"),
            pytest.param(page("c", token="t1"), id="the_same_token_again"),
            pytest.param(page("b", "c"), id="a_key_again"),
            pytest.param(page("a"), id="a_key_that_should_be_earlier"),
            pytest.param(None, id="no_answer"),
        ],
    )
    def test_a_listing_that_can_not_be_finished_raises(self, connect, second):
        adapter, _ = connect(
            lambda asked: second if "continuation-token" in asked.query else page("a", "b", token="t1")
        )
        seen: list[str] = []
        with pytest.raises(AdapterError) as caught:
            seen.extend(found.key for found in adapter.list_files())
        assert caught.value.retryable

    def test_a_missing_bucket_is_no_empty_one(self, connect):
        adapter, _ = connect(lambda asked: error(404, "NoSuchBucket"))
        with pytest.raises(NotFound) as caught:
            keys(adapter)
        assert caught.value.key is None
