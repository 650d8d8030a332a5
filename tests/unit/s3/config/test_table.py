"""`docs/s3-config.md` has every key of obstore's `S3Config`, and what it tells is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import obstore
import pytest

from buckia_core.config.settings import describe_settings
from buckia_s3.config.client_options import _PARSERS, _REFUSED
from buckia_s3.config.settings import S3Settings

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "s3-config.md").read_text(encoding="utf-8")
KEYS = PAGE.partition("## The keys")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| `(\w+)` \| (.*?) ?\| ?(.*?) ?\| `([\w/]+\.py)::(\w+)` \|$", KEYS, re.MULTILINE)

SETTINGS = {name: row for row in describe_settings(S3Settings) for name in (row.name, *row.aliases)}

READ_AS_ONE_SET = ("access_key_id", "secret_access_key", "session_token")


def test_every_key_has_a_row():
    stub = ast.parse((Path(obstore.__file__).with_name("_store") / "_aws.pyi").read_text(encoding="utf-8"))
    (declared,) = [each for each in stub.body if isinstance(each, ast.ClassDef) and each.name == "S3Config"]
    theirs = [
        each.target.id
        for each in declared.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    ]
    assert len(theirs) > 25
    assert sorted(theirs) == [name for name, *_ in ROWS]
    assert KEYS.count("\n| `") == len(ROWS), "a row that is not understood is not tested"


@pytest.mark.parametrize(("name", "variables", "default", "file", "test"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_is_true(name, variables, default, file, test):
    row = SETTINGS[name]
    if name not in READ_AS_ONE_SET:
        assert tuple(re.findall(r"`(\w+)`", variables)) == row.env
    if row.default:
        assert default == f"`{row.default}`"
    text = (ROOT / "tests/unit/s3" / file).read_text(encoding="utf-8")
    assert re.search(rf"^ *def {test}\(", text, re.MULTILINE), f"{file} has no {test}"


def test_every_client_option_has_a_row():
    section = PAGE.partition("## Client options")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(rows) == sorted(_PARSERS)
    refused = section.rpartition("These are refused")[2]
    assert set(re.findall(r"`(\w+)`", refused)) == set(_REFUSED)
