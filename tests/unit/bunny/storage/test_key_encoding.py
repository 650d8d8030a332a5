"""Keys become paths and come back, or are refused."""

from __future__ import annotations

import pytest

from buckia_bunny.storage.key_encoding import MAX_PATH_BYTES, KeyCodec, quote_path
from buckia_core.errors import InvalidKey

PLAIN = KeyCodec(escape=False)
ESCAPING = KeyCodec(escape=True)


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "/", "a\0b", "\ud800", " a", "a ", "x/ y", ".", "a/..", "./b"])
def test_what_no_zone_holds_is_refused(key):
    with pytest.raises(InvalidKey) as caught:
        PLAIN.path(key)
    assert caught.value.key == key


def test_long_paths_are_refused_with_their_escapes_counted():
    longest = "/".join(["#" * 100] * 100)[:MAX_PATH_BYTES]
    assert PLAIN.path(longest) == longest
    with pytest.raises(InvalidKey, match="longer than 6000 bytes"):
        PLAIN.path(longest, "p/")
    with pytest.raises(InvalidKey):
        ESCAPING.path(longest)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("plain.txt", "plain.txt"),
        ("a=b", "a=b"),
        ("a=41", "a=3D41"),
        ("100%", "100=25"),
        ("a#b?c", "a=23b=3Fc"),
        (" a ", "=20a=20"),
        ("..", "=2E=2E"),
        (".hidden", "=2Ehidden"),
        ("a\\b\n", "a=5Cb=0A"),
        ("ü", "ü"),
        ("=", "="),
        ("==41", "==3D41"),
    ],
)
def test_escapes_come_back(part, name):
    assert ESCAPING.to_name(part) == name
    assert ESCAPING.from_name(name) == part


@pytest.mark.parametrize("name", ["=41", "#", "a=FFb", "a=2Fb", "100%"])
def test_a_name_that_no_key_leads_to_has_none(name):
    assert ESCAPING.from_name(name) is None
    assert PLAIN.from_name(name) == name


def test_every_character_is_quoted_for_an_address():
    assert quote_path("a b/ü+%?#") == "a%20b/%C3%BC%2B%25%3F%23"
