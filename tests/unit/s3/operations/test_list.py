"""Listings: pages follow each other, and what is not whole is an error."""

from __future__ import annotations

import pytest

from buckia_core.adapters.wrappers import Retry
from buckia_core.errors import AdapterError, NotFound, Transient
from buckia_s3.config.options import RetryConfig
from tests.unit.s3.scripted_server import Answer, error, page

AT_ONCE = {"retry_config": RetryConfig(init_backoff=0.0)}
"""Settings by which nothing waits before it is repeated."""


def keys(adapter, **options):
    return [found.key for found in adapter.list_files(**options)]


class TestListing:
    def test_pages_follow_each_other(self, connect):
        pages = {None: page("a", "b", token="t&amp;1"), "t&1": page("c", token="t2"), "t2": page("d")}
        adapter, server = connect(lambda asked: pages[asked.query.get("continuation-token")], prefix="p")
        pages[None] = page("p%2Fa", "p%2Fb", token="t&amp;1")
        pages["t&1"], pages["t2"] = page("p%2Fc", token="t2"), page("p%2Fd")
        assert keys(adapter) == ["a", "b", "c", "d"]
        assert adapter.request_count == len(server.asked) == 3
        assert all(asked.query["prefix"] == "p/" for asked in server.asked)

    @pytest.mark.parametrize("end", ["b", "c"])
    def test_nothing_is_asked_beyond_the_end(self, connect, end):
        adapter, server = connect(lambda asked: page("a", "b", "c", token="t"))
        assert keys(adapter, end_at=end) == ["a", "b", "c"][: "abc".index(end) + 1]
        assert len(server.asked) == 1

    def test_a_server_that_does_not_know_where_to_start(self, connect):
        adapter, server = connect(lambda asked: page("a", "b", "c"))
        assert adapter.capabilities.start_after
        assert keys(adapter, start_after="a") == ["b", "c"]
        assert [asked.query.get("start-after") for asked in server.asked] == ["a", None]
        assert not adapter.capabilities.start_after, "it is asked once"
        assert keys(adapter, start_after="b") == ["c"]
        assert [asked.query.get("start-after") for asked in server.asked] == ["a", None, None]

    def test_the_marker_of_the_prefix_is_no_key(self, connect):
        adapter, _ = connect(lambda asked: page("p%2F", "p%2Fa"), prefix="p/")
        assert keys(adapter) == ["a"]

    @pytest.mark.parametrize(
        "second",
        [
            pytest.param(error(500, "InternalError"), id="failure"),
            pytest.param(Answer(200, page("c").body, claims=100_000, cut=True), id="connection_lost"),
            pytest.param(None, id="no_answer"),
        ],
    )
    def test_a_page_that_does_not_come_is_asked_for_again(self, connect, second):
        failures = iter([second, second])
        rest = lambda: next(failures, page("c"))  # noqa: E731  # the whole server
        adapter, server = connect(
            lambda asked: rest() if "continuation-token" in asked.query else page("a", "b", token="t1"), **AT_ONCE
        )
        assert keys(adapter) == ["a", "b", "c"]
        # Not from the last key on: who knows in what order the server lists.
        assert [asked.query.get("continuation-token") for asked in server.asked] == [None, "t1", "t1", "t1"]

    def test_a_page_that_can_not_be_read_is_asked_for_again_and_the_next_follows_it(self, connect):
        """Meanwhile `bb` came, so that the page ends a key earlier, and the next one begins there."""
        broken = page("b", "c", token="t2").body[:-40] + b"<Key>c</Key>"
        answers = {None: [page("a", token="t1")], "t1": [Answer(200, broken), page("b", "bb", token="t3")]}
        answers |= {"t2": [page("d")], "t3": [page("c", "d")]}
        adapter, _ = connect(lambda asked: answers[asked.query.get("continuation-token")].pop(0), **AT_ONCE)
        assert keys(adapter) == ["a", "b", "bb", "c", "d"]

    @pytest.mark.parametrize("second", [error(500, "InternalError"), None], ids=["failure", "no answer"])
    def test_a_listing_that_can_not_be_finished_raises(self, connect, second):
        adapter, server = connect(
            lambda asked: second if "continuation-token" in asked.query else page("a", "b", token="t1"), **AT_ONCE
        )
        with pytest.raises(Transient):
            keys(adapter)
        assert len(server.asked) == 4

    @pytest.mark.parametrize(
        "second",
        [
            pytest.param(Answer(200, page("c").body[:-30]), id="cut_short"),
            pytest.param(Answer(200, b"<html>please log in</html>"), id="page_of_a_proxy"),
            pytest.param(Answer(200, page("c", token="x").body.replace(b"NextCont", b"Cont")), id="goes_on_nowhere"),
            pytest.param(page("c", token="t1"), id="the_same_token_again"),
            pytest.param(page("b", "c"), id="a_key_again"),
            pytest.param(page("a"), id="a_key_that_should_be_earlier"),
            pytest.param(page("c", "B"), id="out_of_order"),
            pytest.param(page("c", "d", "c0"), id="out_of_order_behind_the_end"),
        ],
    )
    def test_no_repetition_heals_what_says_that_keys_may_be_missing(self, connect, second):
        adapter, _ = connect(
            lambda asked: second if "continuation-token" in asked.query else page("a", "b", token="t1"), **AT_ONCE
        )
        for listing in (adapter, Retry(adapter)):
            with pytest.raises(AdapterError) as caught:
                keys(listing, end_at="c1")
            assert not caught.value.retryable

    def test_a_page_that_is_no_listing_may_be_so_for_a_moment(self, connect):
        adapter, _ = connect(lambda asked: Answer(200, b"<html>please log in</html>"))
        with pytest.raises(Transient):
            keys(adapter)

    def test_pages_without_end(self, connect, monkeypatch):
        monkeypatch.setattr("buckia_core.adapters.service.page_limits.MAX_EMPTY_PAGES", 3)
        numbers = iter(range(1000))
        adapter, _ = connect(lambda asked: page(token=f"t{next(numbers)}"))
        with pytest.raises(AdapterError, match="4 empty pages"):
            keys(adapter)
        tokens = iter(["t1", "t2", "t1", "t2"])
        adapter, _ = connect(lambda asked: page(token=next(tokens)))
        with pytest.raises(AdapterError, match="begins again"):
            keys(adapter)

    @pytest.mark.parametrize("options", [{}, {"start_after": "a-b"}, {"end_at": "a.txt"}])
    def test_a_single_page_is_sorted(self, connect, options):
        adapter, _ = connect(lambda asked: page("a%2Fb", "a-b", "a.txt", "z"))
        found = keys(adapter, **options)
        after, end = options.get("start_after", ""), options.get("end_at", "~")
        assert found == [key for key in ("a-b", "a.txt", "a/b", "z") if after < key <= end]

    def test_a_single_page_that_has_a_key_twice(self, connect):
        adapter, _ = connect(lambda asked: page("a", "b", "a"))
        with pytest.raises(AdapterError, match="'a' comes again"):
            keys(adapter)

    def test_what_another_order_hides_behind_a_start_is_found(self, connect):
        """The server has the order a/b, a-b, z; asked for what follows "a.", it begins with what is less."""

        def script(asked):
            rest = {None: page("a-b", token="t"), "t": page("z")}
            return rest[asked.query.get("continuation-token")] if "start-after" in asked.query else page("a%2Fb", "z")

        adapter, server = connect(script)
        assert keys(adapter, start_after="a.") == ["a/b", "z"]
        assert "start-after" not in server.asked[-1].query

    def test_what_begins_at_the_start_must_be_in_order_too(self, connect):
        def script(asked):
            token = asked.query.get("continuation-token")
            return {None: page("a%2Fb", token="t"), "t": page("a-b", "z")}[token]

        adapter, _ = connect(script)
        with pytest.raises(AdapterError, match=r"'a-b' comes after 'a/b'"):
            keys(adapter, start_after="a/c")

    def test_probes_of_killed_runs_are_not_shown(self, connect):
        adapter, _ = connect(lambda asked: page("p%2F.buckia-state%2Fprobe-1", "p%2Fa"), prefix="p")
        assert keys(adapter) == ["a"]
        adapter, _ = connect(lambda asked: page(".buckia-state/probe-1", ".buckia-state/x"))
        assert keys(adapter) == [".buckia-state/x"]

    def test_a_page_without_end(self, connect):
        adapter, _ = connect(lambda asked: Answer(200, b"<x>", claims=1 << 40, cut=True))
        with pytest.raises(AdapterError, match="more than 67,108,864 bytes") as caught:
            keys(adapter)
        assert not caught.value.retryable

    def test_a_missing_bucket_is_no_empty_one(self, connect):
        adapter, _ = connect(lambda asked: error(404, "NoSuchBucket"))
        with pytest.raises(NotFound) as caught:
            keys(adapter)
        assert caught.value.key is None
