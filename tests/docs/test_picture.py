"""The README's picture of a terminal shows what the command prints today."""

from __future__ import annotations

import html
import importlib.util
import re
import sys
from types import ModuleType

import pytest

from tests.docs import init_picture
from tests.docs.pages import ROOT
from tests.docs.sessions import constant

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

_TEXT = re.compile(r'<text class="buckia-[^"]*" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')


@pytest.fixture(scope="module")
def picture() -> ModuleType:
    spec = importlib.util.spec_from_file_location("picture", ROOT / "examples" / "quickstart" / "picture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def words(svg: str) -> list[str]:
    """Return the lines of a picture without what varies, sorted: files are transferred in any order."""
    rows: dict[float, list[tuple[float, str]]] = {}
    for x, y, text in _TEXT.findall(svg):
        rows.setdefault(float(y), []).append((float(x), html.unescape(text).replace("\xa0", " ")))
    lines = ["".join(text for _, text in sorted(row)) for row in rows.values()]
    return sorted(constant(line) for line in lines)


def test_the_picture_is_current(picture):
    drawn = picture.PICTURE.read_text("utf-8")
    assert any("$ buckia sync" in line for line in words(drawn))
    assert words(drawn) == words(picture.draw(picture.record())), "run: make picture"


def test_the_picture_of_init_is_current(picture, moto_server):
    questions = "ok "  # what follows are the checks, whose figures are those of the machine
    drawn = words(init_picture.PICTURE.read_text("utf-8"))
    shown = words(picture.draw(init_picture.record(moto_server)))
    assert [line for line in drawn if not line.startswith(questions)][:3]
    for before in (drawn, shown):
        before[:] = [line.strip() for line in before if not line.startswith(questions) and line.strip()]
    assert drawn == shown, "run: make picture"


def test_the_picture_loads_nothing_from_elsewhere(picture):
    links = re.findall(r"https?://[^\"')\s]+", picture.PICTURE.read_text("utf-8"))
    assert set(links) <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}


def test_what_a_terminal_erases_is_not_drawn(picture):
    assert picture.screen("bar 10%\r\x1b[2Kbar 90%\r\n\x1b[1A\x1b[2Kdone\r\n\r\n") == ["done"]
