"""What objects are given by their keys."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import partial

import pytest

from buckia_core.config.file import load
from buckia_core.config.object_rules import ObjectRules, object_rules_schema, parse_object_rules
from buckia_core.config.settings import setting
from buckia_core.errors import InvalidSetting, UnknownSetting

NAMES = ("cache_control", "content_type", "expires", "tags", "metadata")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxSettings:
    """The settings of a provider with some of the attributes."""

    objects: ObjectRules = setting(
        help="Headers of objects, by patterns of their keys.",
        default=ObjectRules,
        parse=partial(parse_object_rules, names=NAMES),
        schema=object_rules_schema(NAMES),
    )


@pytest.fixture
def read(tmp_path):
    """Read the entries of `objects` as a file has them."""

    def reading(text):
        path = tmp_path / ".buckia"
        path.write_text(f"a:\n  provider: box\n  objects:\n{text}")
        return load(path).bucket("a").adapter_settings(BoxSettings, environ={}).objects

    return reading


@pytest.mark.parametrize(
    ("match", "key", "holds"),
    [
        ('"*.html"', "index.html", True),
        ('"*.html"', "docs/deep/index.html", True),
        ('"*.html"', "index.htm", False),
        ("/index.html", "index.html", True),
        ("/index.html", "docs/index.html", False),
        ("docs/", "docs/a.txt", True),
        ("docs/", "docs", False),
        ("docs/**/a.txt", "docs/x/y/a.txt", True),
        ('["*.html", "!index.html"]', "docs/index.html", False),
        ('["*.html", "!index.html"]', "docs/a.html", True),
        ('"b.txt"', "a\\b.txt", False),
    ],
)
def test_patterns_are_those_of_gitignore(read, match, key, holds):
    rules = read(f"    - match: {match}\n      cache_control: no-cache\n")
    assert (rules.attributes_for(key).cache_control == "no-cache") is holds


def test_later_entries_hold_over_earlier_ones_attribute_by_attribute(read):
    rules = read(
        '    - {match: "*", cache_control: max-age=60, tags: {a: "1", b: "2"}, metadata: {Team: web}}\n'
        '    - {match: "*.html", cache_control: no-cache, content_type: text/html, tags: {b: "3", c: "4"}}\n'
    )
    page, other = rules.attributes_for("x/index.html"), rules.attributes_for("a.png")
    assert (page.cache_control, page.content_type) == ("no-cache", "text/html")
    assert page.tags == {"a": "1", "b": "3", "c": "4"}
    assert page.metadata == {"team": "web"}
    assert (other.cache_control, other.content_type, other.tags) == ("max-age=60", None, {"a": "1", "b": "2"})


@pytest.mark.parametrize("text", ["2030-01-31T12:00:00Z", "2030-01-31T13:00:00+01:00", "Thu, 31 Jan 2030 12:00:00 GMT"])
def test_times_become_those_of_http(read, text):
    assert (
        read(f'    - {{match: "*", expires: "{text}"}}\n').attributes_for("a").expires
        == "Thu, 31 Jan 2030 12:00:00 GMT"
    )


@pytest.mark.parametrize(
    ("entry", "error", "line", "message"),
    [
        ("{match: a, cache_contrl: x}", UnknownSetting, 4, r"objects\[0\].cache_contrl.*Did you mean 'cache_control'"),
        ("{match: a, acl: private}", UnknownSetting, 4, r"objects\[0\].acl.*is not known"),
        ("{cache_control: x}", InvalidSetting, 4, "has no 'match'"),
        ("{match: [], cache_control: x}", InvalidSetting, 4, "has no 'match'"),
        ("{match: a}", InvalidSetting, 4, "gives nothing"),
        ("no-cache", InvalidSetting, 4, "a mapping with 'match'"),
        ('{match: "!", cache_control: x}', InvalidSetting, 4, "matches nothing"),
        ("{match: a,\n       content_type: html}", InvalidSetting, 5, "a MIME type"),
        ('{match: a, cache_control: "ü"}', InvalidSetting, 4, "printable ASCII"),
        ('{match: a, cache_control: "a\\r\\nX: b"}', InvalidSetting, 4, "printable ASCII"),
        ('{match: a, cache_control: ""}', InvalidSetting, 4, "printable ASCII"),
        ("{match: a, expires: tomorrow}", InvalidSetting, 4, "2030-01-31"),
        ("{match: a, tags: x}", InvalidSetting, 4, "a mapping of strings"),
        ("{match: a, metadata: {a b: c}}", InvalidSetting, 4, "name of metadata"),
    ],
)
def test_what_can_not_be_is_reported_with_its_location(read, tmp_path, entry, error, line, message):
    with pytest.raises(error, match=message) as caught:
        read(f"    - {entry}\n")
    assert str(caught.value).startswith(f"{tmp_path / '.buckia'}:{line}: ")


def test_a_list_is_wanted():
    with pytest.raises(ValueError, match="a list of mappings"):
        parse_object_rules({"match": "a", "cache_control": "b"})


def test_rules_pass_through_unchanged_and_can_be_pickled_and_hashed(read):
    rules = read('    - {match: "*.html", cache_control: no-cache, tags: {a: "1"}}\n')
    assert parse_object_rules(rules) is rules
    copy = pickle.loads(pickle.dumps(rules))
    assert (copy, hash(copy)) == (rules, hash(rules))
    assert copy.attributes_for("a.html").tags == {"a": "1"}


def test_without_rules_nothing_is_given():
    given = ObjectRules().attributes_for("a")
    assert (given.cache_control, given.tags) == (None, {})


def test_the_schema_has_the_attributes_of_the_provider_and_no_others():
    entry = object_rules_schema(NAMES)["items"]
    assert set(entry["properties"]) == {"match", *NAMES}
    assert entry["required"] == ["match"]
