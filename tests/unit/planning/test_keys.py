"""Keys on their way to a disk: every kind of name that is hard, and which disk takes it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.planning.keys import (
    FilesystemRules,
    casefold_key,
    invalid_reason,
    is_directory_marker,
    is_internal,
    own_config_reason,
)

POSIX = FilesystemRules()
WINDOWS = FilesystemRules(windows=True)

EVERYWHERE = {
    "N1 space": "a b",
    "N1 leading space": " a",
    "N2 plus": "a+b",
    "N3 percent": "100%/%2F/%46",
    "N4 reserved in addresses": "a#b&c=d;e",
    "N6 quotes": "it's `$(x)`",
    "N7 leading dot": ".a/..b/c..d",
    "N8 leading dash and tilde": "-rf/~a",
    "N9 name of 255 bytes": "é" * 127 + "a",
    "N10 key of 1,024 bytes": "/".join(["a" * 127] * 8),
    "N11 joined emoji": "👩‍👩‍👧‍👦/עברית/한글",
    "N12 decomposed": unicodedata.normalize("NFD", "é"),
    "N15 delete, replacement, noncharacter, line separator": "a\x7fb\ufffdc\uffffd\u2028e",
    "N18 ampersand": "a&b'c",
    "N31 deep": "/".join(["d"] * 200),
}

NOT_ON_WINDOWS = {
    "N1 trailing space": ("a ", "ends in a dot or a space"),
    "N1 trailing space of a directory": ("a /b", "ends in a dot or a space"),
    "N4 question mark": ("a?b", "character that Windows does not allow"),
    "N5 newline": ("a\nb", "character that Windows does not allow"),
    "N5 return": ("a\rb", "character that Windows does not allow"),
    "N5 tab": ("a\tb", "character that Windows does not allow"),
    "N6 double quote": ('a"b', "character that Windows does not allow"),
    "N7 trailing dots": ("file..", "ends in a dot or a space"),
    "N7 three dots": ("...", "ends in a dot or a space"),
    "N15 control": ("a\x01b", "character that Windows does not allow"),
    "N16 backslash": ("a\\b", "backslash"),
    "N17 device": ("CON", "device"),
    "N17 device, lower case": ("dir/nul", "device"),
    "N17 device with an extension": ("aux.tar.gz", "device"),
    "N17 device, spaces before its extension": ("com1 .txt", "device"),
    "N17 device of a superscript digit": ("LPT²", "device"),
    "N17 console": ("CONIN$", "device"),
    "N17 drive": ("a:", "character that Windows does not allow"),
    "N17 stream": ("a.txt:b", "character that Windows does not allow"),
    "N18 angle brackets": ("<a>", "character that Windows does not allow"),
}

NOWHERE = {
    "empty": ("", "empty"),
    "NUL": ("a\0b", "NUL"),
    "N9 name of 256 bytes": ("a/" + "é" * 128, "longer than 255 bytes"),
    "N14 lone surrogate": ("a\udcff", "UTF-8"),
    "N22 slash at its end": ("a/", "directory"),
    "N23 slash at its start": ("/x", 'starts with "/"'),
    "N23 two slashes at its start": ("//x", 'starts with "/"'),
    "N23 two slashes": ("a//b", "empty part"),
    "N24 parent": ("../x", "climbs"),
    "N24 parent, later": ("a/../../x", "climbs"),
    "N24 only parent": ("..", "climbs"),
    "N24 only itself": (".", 'only "."'),
    "N24 itself inside": ("a/./b", 'only "."'),
}


@pytest.mark.parametrize("key", EVERYWHERE.values(), ids=EVERYWHERE)
def test_names_that_every_disk_takes(key):
    assert invalid_reason(key, POSIX) is None
    assert invalid_reason(key, WINDOWS) is None


@pytest.mark.parametrize(("key", "reason"), NOT_ON_WINDOWS.values(), ids=NOT_ON_WINDOWS)
def test_names_that_windows_refuses(key, reason):
    assert invalid_reason(key, POSIX) is None
    assert reason in str(invalid_reason(key, WINDOWS))


@pytest.mark.parametrize(("key", "reason"), NOWHERE.values(), ids=NOWHERE)
@pytest.mark.parametrize("rules", [POSIX, WINDOWS], ids=["posix", "windows"])
def test_names_that_every_disk_refuses(key, reason, rules):
    assert reason in str(invalid_reason(key, rules))


@pytest.mark.parametrize("key", ["console", "com", "com10", "lpt", "auxiliary.txt", "nul1", "a.con", "prn-2"])
def test_names_that_resemble_devices(key):
    assert invalid_reason(key, WINDOWS) is None


def test_a_disk_may_have_another_longest_name():
    assert invalid_reason("a" * 144, FilesystemRules(max_name_bytes=143)) is not None
    assert invalid_reason("a" * 143, FilesystemRules(max_name_bytes=143)) is None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.booleans())
def test_no_key_that_passes_can_leave_its_directory(key, windows):
    if invalid_reason(key, FilesystemRules(windows=windows)) is not None:
        return
    parts = key.split("/")
    assert all(parts) and ".." not in parts and "." not in parts and "\0" not in key
    if windows:
        assert not set(key) & set('\\:*?"<>|')


# --- twins -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A.txt", "a.txt"),  # N13
        ("Dir/x", "dir/x"),
        ("é", unicodedata.normalize("NFD", "é")),  # N12
        ("É", unicodedata.normalize("NFD", "é")),
        ("straße", "STRASSE"),
        ("한글", unicodedata.normalize("NFD", "한글")),
    ],
)
def test_names_of_one_file_have_one_casefold_key(one, other):
    assert one != other
    assert casefold_key(one) == casefold_key(other)


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing(key):
    assert casefold_key(casefold_key(key)) == casefold_key(key)


def test_other_names_have_keys_of_their_own():
    assert len({casefold_key(key) for key in ["a", "b", "a.txt", "a/b", "ä", "à"]}) == 6


# --- what is Buckia's own, and what only stands for a directory --------------------------------------------


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        (".buckia", True),
        ("a/.buckia", True),
        (".buckia/x", True),
        (".buckia-state/x.sqlite3", True),
        ("a/.buckia-tmp-1", True),
        (".buckia-staging", True),
        (".buckia.yaml", True),
        ("d/buckia.yaml", True),
        (".buckiaignore", False),  # patterns are a person's, and may go up; see `own_config_reason`
        ("a.buckia", False),
        ("a/.buckiarc", False),
        ("buckia.yml", False),
        ("my.buckia-notes", False),
        ("buckia", False),
    ],
)
def test_is_ours(path, ours):
    assert is_internal(path) is ours


SPELLINGS = {
    "case": "{0}.BUCKIA{1}",
    "trailing dots and spaces, as Windows drops them": "{0}.buckia{1}. .",
    "stream, as NTFS has them": "{0}.buckia{1}::$INDEX_ALLOCATION",
    "ignored by HFS+": "{0}.bu\u200cckia{1}",
    "ignored by HFS+, at the start": "{0}\ufeff.buckia{1}",
    "ignored by ext4": "{0}.buckia\ufe0f{1}",
    "Kelvin": "{0}.buc\u212aia{1}",
    "wide": "{0}.\uff42uckia{1}",
    "several at once": "{0}.BU\u200dC\u212aIA{1} ",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("parts", [("", ""), ("d/", ""), ("", "-state"), ("d/", "-tmp-1"), ("", ".yaml")], ids="".join)
def test_what_is_ours_is_so_in_any_spelling_that_a_disk_takes_for_it(spelling, parts):
    key = spelling.format(*parts)
    assert is_internal(key) and is_internal(f"{key}/below") and own_config_reason(key)


@pytest.mark.parametrize(
    "key",
    [".buckiaignore", "d/.BuckiaIgnore", ".buckiaignore.", "BUCKIA~1", "d/buckia~23/x", "buckia~1.yam", "BU3F2A~1"],
)
def test_configuration_never_comes_from_a_bucket(key):
    assert not is_internal(key)
    assert "never written from a bucket" in str(own_config_reason(key))


@pytest.mark.parametrize("key", ["a~1", "buckia~", "buckia-1", "notbuckia~1", "bu~1", "é/ü", "my.buckiaignore", "~/x"])
def test_other_names_do_not_configure_us(key):
    assert not is_internal(key) and own_config_reason(key) is None


@given(st.text(max_size=20))
def test_what_is_ours_always_configures_us(key):
    assert not is_internal(key) or own_config_reason(key)


def test_n22_a_marker_is_empty_and_ends_in_a_slash():
    assert is_directory_marker("a/", 0)
    assert not is_directory_marker("a/", 1)
    assert not is_directory_marker("a", 0)
