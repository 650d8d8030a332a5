"""Documents that a bucket is configured by: their difference in lines, and how a command changes one."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from buckia_core.adapters.commands.config_change import (
    PlannedChange,
    confirm_and_apply,
    parse_json_or_yaml,
    read_text,
    unified_diff,
)
from buckia_core.errors import ConfigError


def test_lines_of_what_differs():
    before, after = {"b": [1, 2], "a": "ü"}, {"a": "ü", "b": [1, 3]}
    lines = unified_diff(before, after, "lifecycle")
    assert lines[:2] == ["--- lifecycle (now)", "+++ lifecycle (then)"]
    assert [line for line in lines[3:] if line[0] in "+-"] == ["-    2", "+    3"]
    assert '   "a": "ü",' in lines


@pytest.mark.parametrize(("before", "after", "sign"), [(None, {"a": 1}, "+"), ({"a": 1}, None, "-")])
def test_what_comes_and_what_goes(before, after, sign):
    assert unified_diff(before, after, "cors")[3:] == [f"{sign}{{", f'{sign}  "a": 1', f"{sign}}}"]


@pytest.mark.parametrize(("before", "after"), [(None, None), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), ([], [])])
def test_nothing_differs(before, after):
    assert unified_diff(before, after, "cors") == []


class Host:
    """Writes down what a command shows and asks."""

    def __init__(self, answer=True):
        self.answer, self.shown = answer, []

    def one_bucket(self, *providers):
        return SimpleNamespace(name="photos")

    def result(self, record, *lines):
        self.shown.append((record["type"], *lines))

    def note(self, line):
        self.shown.append(line)

    def confirm(self, question, *, yes):
        self.shown.append(question)
        return yes or self.answer


CHANGE = PlannedChange("cors", None, [1], ["+[1]"])
SHOWN, ASKED = ("change", "+[1]"), "Change cors of photos?"


def test_a_change_is_shown_asked_about_and_made():
    host: Any = Host()
    made: list[int] = []
    assert confirm_and_apply(host, CHANGE, lambda: made.append(1), dry_run=False, yes=False) is None
    assert host.shown == [SHOWN, ASKED, ("changed", "photos: cors is changed")]
    assert made == [1]


@pytest.mark.parametrize(
    ("host", "change", "dry_run", "shown", "code"),
    [
        (Host(answer=False), CHANGE, False, [SHOWN, ASKED, "Nothing was changed."], 1),
        (Host(), CHANGE, True, [SHOWN, "photos: dry run, nothing was changed"], None),
        (
            Host(),
            PlannedChange("cors", [1], [1], []),
            False,
            [("change",), "photos: cors is so already; nothing was sent"],
            None,
        ),
    ],
    ids=["refused", "a dry run", "nothing to do"],
)
def test_what_is_not_made(host, change, dry_run, shown, code):
    assert confirm_and_apply(host, change, pytest.fail, dry_run=dry_run, yes=False) == code
    assert host.shown == shown


def test_a_server_that_normalizes_the_document():
    host: Any = Host()
    confirm_and_apply(host, CHANGE, lambda: [2], dry_run=False, yes=True, describe_mismatch=lambda now: [f"now {now}"])
    assert host.shown[-2:] == ["The server shows it like this now:", "now [2]"]


def test_text_of_a_file_and_of_standard_input(tmp_path, monkeypatch):
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbf[]")
    assert read_text(str(tmp_path / "f")) == ("[]", str(tmp_path / "f"))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("ü".encode())))
    assert read_text("-") == ("ü", "standard input")


def test_what_is_no_text(tmp_path):
    (tmp_path / "f").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not text in UTF-8"):
        read_text(str(tmp_path / "f"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, {"b": "c"}]}', {"a": [1, {"b": "c"}]}),
        ('{\n\t"a": 1\n}', {"a": 1}),
        ("[{a: 1}]", [{"a": 1}]),
        ("a: 1\nb: {a: 2}\n", {"a": 1, "b": {"a": 2}}),
        ("x: &x {a: 1}\ny: &y {<<: *x, a: 2}\nz: {<<: [*y], a: 3}\n", {"x": {"a": 1}, "y": {"a": 2}, "z": {"a": 3}}),
    ],
)
def test_json_and_yaml_are_read(text, value):
    assert parse_json_or_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "has the key 'c' twice"),
        ("a: 1\nb:\n- c: 1\n  c: 2\n", "has the key 'c' twice"),
        ("a: 1\n'a': 2\n", "has the key 'a' twice"),
        ("{a: 1, a: 2}", "is not JSON"),
        ('{"a": ', "is not JSON"),
        ("a: [", "is not YAML"),
    ],
)
def test_what_is_neither_json_nor_yaml_or_would_lose_a_key(text, problem):
    with pytest.raises(ValueError, match=problem):
        parse_json_or_yaml(text)
