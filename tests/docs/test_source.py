"""What holds for every file of the source, and is too simple for a linter."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

CORE = ROOT / "buckia_core" / "src" / "buckia_core"
SOURCES = sorted(path for package in ROOT.glob("buckia_*/src") for path in package.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
EXAMPLES = sorted(path for path in (ROOT / "examples").rglob("*.py") if ".demo" not in path.parts)

MOST_LINES = 400
PROVIDER = re.compile(r"(?<![a-z0-9])(s3|bunny|bunnycdn|b2|linode|backblaze|aws|amazon)(?![a-z0-9])", re.IGNORECASE)
NAMES_OF_USERS = {"sse_s3", "for_backblaze"}
"""Names of the object API that are those of the field, or of a service. `for_backblaze` alone chooses a provider."""
VAGUE = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_look_at():
    assert len(SOURCES) > 30
    assert any(path.is_relative_to(CORE) for path in SOURCES)


def test_no_file_is_too_long_to_read():
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in [*SOURCES, *EXAMPLES]}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_every_file_is_named_for_what_it_does():
    parts = {part for path in [*SOURCES, *TESTS] for part in (*path.relative_to(ROOT).parts[:-1], path.stem)}
    assert parts & VAGUE == set()


def words_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the names and the texts of a module with their lines; docstrings and comments are prose, and left out."""
    tree = ast.parse(path.read_text("utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str() | bytes() as text) if id(node) not in prose:
                yield node.lineno, text if isinstance(text, str) else text.decode("latin-1")
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.ImportFrom(module=str() as module, lineno=line):
                yield line, module
            case ast.alias(name=name):
                yield node.lineno, name
            case ast.keyword(arg=str() as name):
                yield node.value.lineno, name


@pytest.mark.parametrize("path", [path for path in SOURCES if path.is_relative_to(CORE)], ids=name_of)
def test_the_core_names_no_provider(path):
    found = words_of(path)
    chosen = {"b2"} if path.name == "store.py" and path.parent.name == "objects" else set()
    named = sorted(
        (line, word) for line, word in found if PROVIDER.search(word) and word not in NAMES_OF_USERS | chosen
    )
    assert named == [], "adapters differ by what they declare; nothing above them asks for a provider"


def test_a_provider_would_be_found_wherever_it_is_named(tmp_path):
    module = tmp_path / "s3.py"
    module.write_text(
        '"""Such as S3."""\nimport buckia_s3\nfrom x.s3 import y\nif p == "s3":\n    f(s3=s3.s3)\ndef s3(s3): ...\n'
        'f"at {x} s3"\n',
        "utf-8",
    )
    assert {line for line, word in words_of(module) if PROVIDER.search(word)} == {2, 3, 4, 5, 6, 7}


def test_the_pattern_finds_what_it_is_for():
    assert all(PROVIDER.search(text) for text in ('"s3"', "buckia_s3", "if AWS:", "from bunny import x", "B2_KEY"))
    assert not any(PROVIDER.search(text) for text in ("blake2b", "laws", "es3x", "b2c", "sha256"))


def test_loggers_redact():
    """The messages reach the handlers of an application, where no filter of Buckia is."""
    direct = {name_of(path) for path in SOURCES if "getLogger(" in path.read_text("utf-8")}
    core = "buckia_core/src/buckia_core"
    assert direct == {
        f"{core}/cli/log_setup.py",  # the root logger
        f"{core}/config/secrets/redaction.py",  # defines `redacted_logger`
        f"{core}/syncing/scan/mappings.py",  # compares levels
    }
