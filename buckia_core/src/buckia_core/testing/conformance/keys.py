"""Tests of keys: each is stored unchanged, or refused with a reason."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.errors import InvalidKey, NotFound
from buckia_core.testing.conformance.suite import Suite, listed_keys, put, read

NASTY = {
    "space": "a b", "leading_space": " a", "trailing_space": "a ", "two_spaces": "a  b", "plus": "a+b+",
    "percent": "100%",
    "escaped_slash": "a%2Fb", "escaped_letter": "%46", "hash": "a#b", "question": "a?b=c", "ampersand": "a&b;c=d",
    "newline": "a\nb", "return": "a\rb", "tab": "a\tb", "single_quote": "it's", "double_quote": 'a"b',
    "backtick": "`a`", "shell": "$(a) $b", "dot": ".hidden", "two_dots": "..file", "ending_dots": "file..",
    "three_dots": "...", "dash": "-rf", "tilde": "~a", "longest_name": "n" * 255, "too_long_name": "n" * 256,
    "longest_name_wide": "ü" * 127 + "n", "longest_key": "/".join(["d" * 127] * 8),
    "emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467.png", "right_to_left": "\u202eabc\u05d0",
    "hangul": "\ud55c\uae00", "composed": "caf\u00e9", "decomposed": "cafe\u0301",
    "control": "a\x01b", "delete": "a\x7fb",
    "noncharacter": "a\uffffb", "line_separator": "a\u2028b", "backslash": "a\\b", "device": "con", "colon": "a:b",
    "trailing_dot": "a.", "xml": "<a>&\"b\"</a>", "cdata": "]]>", "star": "a*b[c]", "pipe": "a|b", "braces": "{a}",
    "root_slash": "/a", "double_slash": "a//b", "only_slash": "/", "marker": "d/", "climbing": "../a",
    "climbing_inside": "a/../../b", "dot_part": "a/./b", "one_dot": ".", "only_dots": "..", "deep": "/".join("d" * 100),
}  # fmt: skip


SIMILAR = [
    pytest.param("A.txt", "a.txt", id="case"),
    pytest.param("Dir/a", "dir/b", id="case_of_directory"),
    pytest.param("caf\u00e9", "cafe\u0301", id="unicode_form"),
    pytest.param("a b", "a%20b", id="escape"),
    pytest.param("a+b", "a b", id="plus"),
    pytest.param("x", "x ", id="trailing_space"),
    pytest.param("x", "x.", id="trailing_dot"),
]


class KeyTests(Suite):
    """Tests of difficult keys."""

    @pytest.mark.parametrize("key", list(NASTY.values()), ids=list(NASTY))
    def test_keys_round_trip(self, adapter: BaseSync, key: str) -> None:
        """All methods return the key unchanged, or `InvalidKey` has the key and nothing is written."""
        refusal = _refusal(adapter, key)
        if refusal is not None:
            self._check_refusal(adapter, key, refusal)
            return
        assert listed_keys(adapter.list_files()) == [key]
        assert adapter.stat_file(key).key == key
        assert read(adapter, key) == b"content"
        assert adapter.upload_file(b"other", key).key == key
        assert adapter.delete_files([key])[0].error is None
        assert list(adapter.list_files()) == []

    def _check_refusal(self, adapter: BaseSync, key: str, error: InvalidKey) -> None:
        assert error.key == key
        assert error.provider == adapter.provider
        assert len(str(error)) > len(key), "the message says why"
        assert not error.retryable
        assert list(adapter.list_files()) == []

    @pytest.mark.parametrize("key", ["plain", "dir/plain.txt", "ä ö/ü", "a+b", "a%20b", "deep/er/and/deeper"])
    def test_harmless_keys_are_held_by_every_provider(self, adapter: BaseSync, key: str) -> None:
        put(adapter, {key: b"1"})
        assert listed_keys(adapter.list_files()) == [key]
        assert read(adapter, key) == b"1"

    @pytest.mark.parametrize(("one", "other"), SIMILAR)
    def test_similar_keys_are_two_objects(self, adapter: BaseSync, one: str, other: str) -> None:
        """A provider that can't distinguish the keys must refuse the second, and not replace the first."""
        put(adapter, {one: b"one"})
        try:
            put(adapter, {other: b"other"})
        except InvalidKey:
            assert listed_keys(adapter.list_files()) == [one]
        else:
            assert listed_keys(adapter.list_files()) == sorted([one, other])
            assert read(adapter, other) == b"other"
        assert read(adapter, one) == b"one"

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            *SIMILAR,
            pytest.param("Dir/a", "dir/a", id="case_of_one_key"),
            pytest.param("x", "x/", id="slash"),
            pytest.param("d/x", "d//x", id="two_slashes"),
            pytest.param("d/x", "/d/x", id="leading_slash"),
            pytest.param("d/x", "d/./x", id="dot_part"),
        ],
    )
    def test_similar_key_is_absent(self, adapter: BaseSync, one: str, other: str, tmp_path: Path) -> None:
        """Reads and deletes of an absent key never reach the object of a similar key."""
        for key, absent in ((one, other), (other, one)):
            if _refusal(adapter, key) is not None:
                continue
            for call in (
                partial(adapter.stat_file, absent),
                partial(adapter.read_file, absent),
                partial(adapter.download_file, absent, tmp_path / "file"),
                partial(read, adapter, absent),
            ):
                with pytest.raises((NotFound, InvalidKey)):
                    call()
            [outcome] = adapter.delete_files([absent])
            assert outcome.error is None or isinstance(outcome.error, InvalidKey)
            assert listed_keys(adapter.list_files()) == [key]
            assert read(adapter, key) == b"content"
            adapter.delete_files([key])

    @pytest.mark.parametrize("key", ["", "\ud800", "a\x00b"], ids=["empty", "surrogate", "nul"])
    def test_invalid_keys_are_refused_or_kept(self, adapter: BaseSync, key: str) -> None:
        refusal = _refusal(adapter, key)
        if refusal is None:
            assert "\x00" in key, "of these, a provider may store only a NUL"
            assert listed_keys(adapter.list_files()) == [key]
        else:
            self._check_refusal(adapter, key, refusal)

    def test_key_longer_than_declared_is_refused(self, adapter: BaseSync) -> None:
        room = adapter.capabilities.max_key_bytes + 1
        key = "/".join(["k" * 100] * (room // 101 + 1))[:room]
        with pytest.raises(InvalidKey) as caught:
            adapter.upload_file(b"1", key)
        assert caught.value.key == key

    def test_key_of_more_characters_than_declared_is_refused(self, adapter: BaseSync) -> None:
        limit = adapter.capabilities.max_key_chars
        if limit is None:
            pytest.skip("the adapter declares no max_key_chars")
        assert limit <= adapter.capabilities.max_key_bytes, "a character has at least one byte"
        key = "/".join(["k" * 100] * (limit // 100 + 1))[: limit + 1]
        assert isinstance(_refusal(adapter, key), InvalidKey)
        # Of as many characters as are allowed, each may have several bytes.
        wide = "/".join(["ü" * 100] * (limit // 100 + 1))[:limit]
        if len(wide.encode()) <= adapter.capabilities.max_key_bytes:
            put(adapter, {wide: b"1"})
            assert listed_keys(adapter.list_files()) == [wide]


def _refusal(adapter: BaseSync, key: str) -> InvalidKey | None:
    try:
        adapter.upload_file(b"content", key)
    except InvalidKey as error:
        return error
    return None
