"""Names: slugs are readable and safe, keys can't be guessed, and URLs lead back to keys."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buckia_core.adapters.contract.object_urls import key_below, url_below
from buckia_core.planning.keys import FilesystemRules, invalid_reason
from buckia_core.sharing.names import MAX_SLUG, display_name, new_nonce, share_key, slugify, split_extension

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Été 2026!", "ete-2026"),
        ("a_b--c", "a-b-c"),
        ("日本", "file"),
        ("../..", "file"),
        ("  ", "file"),
        ("x" * 99, "x" * 60),
        (f"{'x' * 59}-y", "x" * 59),
        ("ﬁle Ⅳ", "file-iv"),
    ],
)
def test_a_slug(name, slug):
    assert slugify(name) == slug


@pytest.mark.parametrize(
    ("key", "stem", "extension"),
    [
        ("a/Logo.PNG", "Logo", ".png"),
        ("data.tar.GZ", "data", ".tar.gz"),
        ("a.b.c", "a.b", ".c"),
        (".profile", ".profile", ""),
        ("noext", "noext", ""),
        ("a.", "a.", ""),
        ("a.p/hp", "hp", ""),
        ("a.ph p", "a.ph p", ""),
        ("a.日本", "a.日本", ""),
        (f"a.{'x' * 17}", f"a.{'x' * 17}", ""),
        ("d/", "d", ""),
    ],
)
def test_an_extension(key, stem, extension):
    assert split_extension(key) == (stem, extension)


@pytest.mark.parametrize(
    ("key", "name", "shown"),
    [
        ("a/b.png", None, "b"),
        ("b.png", "Summer.png", "Summer"),
        ("b.png", "v1.2", "v1.2"),
        ("b", "x.png", "x.png"),
    ],
)
def test_the_name_of_a_share(key, name, shown):
    assert display_name(key, name) == shown


@given(KEYS, KEYS)
def test_a_share_key_is_safe_everywhere_and_its_url_leads_back_to_it(key, name):
    copy_key = share_key("1", new_nonce(), key, name)
    parts = re.fullmatch(r"([a-z0-9-]+)/([0-9a-f]{32})((\.[a-z0-9]+){0,2})", copy_key)
    assert parts is not None
    slug, token = parts[1], parts[2]
    assert 1 <= len(slug) <= MAX_SLUG and slug == slugify(slug) and slug.strip("-") == slug
    assert share_key("1", new_nonce(), key, name) != copy_key and len(token) * 4 >= 128
    assert copy_key == copy_key.lower()
    assert len(copy_key) < 130
    base = "https://s.example.com/a b/c"
    for prefix in ("", "p/q/"):
        url = url_below(base, prefix + copy_key)
        assert url.endswith(copy_key)
        assert key_below(f"{url}?X-Amz-Signature=1#x", [base], prefix) == copy_key


@pytest.mark.parametrize("name", ["con", "NUL", "aux", "com1", "LPT9"])
def test_a_name_that_windows_reserves_is_no_folder(name):
    assert slugify(name) == f"{name.lower()}-file"
    assert invalid_reason(share_key("1", new_nonce(), "a.txt", name), FilesystemRules(windows=True)) is None
