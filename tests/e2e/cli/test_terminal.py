"""The `buckia` command at a terminal: bars, questions, Ctrl-C, and names that would like to steer it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import pytest

from tests.e2e.cli.test_process import environment, project
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")

__all__ = ["project"]


@pytest.fixture
def terminal(project):
    """Start a command at a terminal: `terminal("sync")`."""
    started = []

    def start(*arguments, **environ):
        started.append(Terminal(project, *arguments, **environ))
        return started[-1]

    yield start
    for each in started:
        each.close()


def plain(text):
    """Return what a terminal shows of a text, without the sequences that draw."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_bars_are_drawn_and_the_cursor_comes_back(terminal, project):
    for number in range(4):
        (project / "files" / f"{number}.bin").write_bytes(os.urandom(64 * 1024))
    ran = terminal("sync", "--max-workers", "1", "--bwlimit", "64k")
    assert ran.wait() == 0
    assert "\x1b[?25l" in ran.text
    assert ran.text.rindex("\x1b[?25h") > ran.text.rindex("\x1b[?25l")
    shown = plain(ran.text)
    assert "1/4" in shown
    assert "━" in shown
    assert re.search(r"\d+\.\d KiB/s", shown)
    assert "0.bin  (new here)" in shown
    assert "assets: 4 uploaded (256.0 KiB)" in shown


@pytest.mark.parametrize("option", ["-q", "--json"])
def test_no_bars_are_drawn_where_they_were_not_wanted(terminal, project, option):
    (project / "files" / "a").write_text("x")
    ran = terminal("sync", option)
    assert ran.wait() == 0
    assert "\x1b" not in ran.text


def test_names_do_not_steer_the_terminal(terminal, project):
    names = ["\x1b[2J[bold red]x", "\x1b]0;title\x07", "\x9b31m", "a\rb", "\u202etxt.exe", ":warning: [link=x]y"]
    for name in names:
        (project / "files" / name).write_text("x")
    ran = terminal("sync")
    assert ran.wait() == 0
    for raw in ("\x1b[2J", "\x1b]", "\x9b", "a\rb", "\u202e", "\x07"):
        assert raw not in ran.text
    for shown in (
        r"\x1b[2J[bold red]x",
        r"\x1b]0;title\x07",
        r"\x9b31m",
        r"a\rb",
        r"\u202etxt.exe",
        ":warning: [link=x]y",
    ):
        assert shown in ran.text


@pytest.fixture
def conflict(project):
    """A file `a.txt` that both sides changed: the two paths."""
    here, there = project / "files" / "a.txt", project.parent / "bucket" / "a.txt"
    here.write_text("one")
    command = [sys.executable, "-m", "buckia", "sync", "-q"]
    subprocess.run(command, cwd=project, env=environment(), check=True, timeout=60)
    here.write_text("mine, longer")
    there.write_text("theirs")
    return here, there


@pytest.mark.parametrize(
    ("key", "code", "contents"),
    [
        ("l", 0, ("mine, longer", "mine, longer")),
        ("R", 0, ("theirs", "theirs")),
        ("s", 8, ("mine, longer", "theirs")),
    ],
)
def test_a_conflict_is_asked_about(terminal, conflict, key, code, contents):
    ran = terminal("sync")
    ran.wait_for("[s]kip")
    assert "local:         12 B" in plain(ran.text)
    ran.type(f"{key}\n")
    assert ran.wait() == code
    assert tuple(path.read_text() for path in conflict) == contents


def test_yes_asks_nothing_and_keeps_both(terminal, conflict, project):
    ran = terminal("sync", "--yes")
    assert ran.wait() == 0
    assert "[s]kip" not in ran.text
    assert len(list((project / "files").iterdir())) == 2


def test_ctrl_c_at_a_question_ends_without_a_change(terminal, conflict):
    ran = terminal("sync")
    ran.wait_for("[s]kip")
    # A signal in the instant before the process waits for a key is seen at the next key only; nobody types so fast.
    time.sleep(0.3)
    ran.type("\x03")
    assert ran.wait() == 130
    assert "Traceback" not in ran.text
    assert tuple(path.read_text() for path in conflict) == ("mine, longer", "theirs")


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_leaves_the_terminal_in_order(terminal, project, times):
    for number in range(10):
        (project / "files" / str(number)).write_bytes(os.urandom(64 * 1024))
    ran = terminal("sync", "--max-workers", "1", "--bwlimit", "64k")
    ran.wait_for("1/10")
    ran.type("\x03")
    ran.wait_for("Ctrl-C again")
    if times == 2:
        ran.type("\x03")
    assert ran.wait() == 130
    assert ran.text.rindex("\x1b[?25h") > ran.text.rindex("\x1b[?25l")
    assert "Traceback" not in ran.text
    assert ("Interrupted: " in ran.text) is (times == 1)


def test_a_deletion_for_good_is_asked_about(terminal, project):
    (project.parent / "bucket" / "a").write_text("x")
    ran = terminal("rm", "-r", "a")
    ran.wait_for("Go on?")
    ran.type("n\n")
    assert ran.wait() == 1
    assert (project.parent / "bucket" / "a").exists()
    ran = terminal("rm", "-r", "a")
    ran.wait_for("Go on?")
    ran.type("y\n")
    assert ran.wait() == 0
    assert not (project.parent / "bucket" / "a").exists()


def test_init_asks_for_what_is_needed(terminal, project):
    (project / ".buckia").unlink()
    ran = terminal("init")
    ran.wait_for("Provider")
    ran.type("file\n")
    ran.wait_for("Name of the bucket")
    ran.type("\n")
    ran.wait_for("root")
    ran.type("../bucket\n")
    ran.wait_for("Check the connection")
    ran.type("\n")
    assert ran.wait() == 0, ran.text
    assert "can be listed, and is empty" in ran.text and "Nothing to do" in ran.text
    text = (project / ".buckia").read_text()
    assert "project:" in text
    assert "provider: file" in text
    assert "root: ../bucket" in text


def drawn(text, columns):
    """Return the lines that a terminal of a width shows after this text; lines that were erased are gone."""
    lines, row = [""], 0

    def go_down():
        nonlocal row
        row += 1
        lines.extend([""] * (row + 1 - len(lines)))

    for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|.)", text, flags=re.DOTALL):
        if part == "\n":
            go_down()
        elif part == "\x1b[2K":
            lines[row] = ""
        elif re.fullmatch(r"\x1b\[\d*A", part):
            row -= int(part[2:-1] or 1)
        elif part and part[0] not in "\x1b\r":
            if len(lines[row]) == columns:
                go_down()
            lines[row] += part
    return [line for line in lines if line.strip()]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("columns", ["40", "80"])
def test_ctrl_c_leaves_no_bar_behind(terminal, project, times, columns):
    for number in range(10):
        (project / "files" / str(number)).write_bytes(os.urandom(64 * 1024))
    ran = terminal("sync", "--max-workers", "1", "--bwlimit", "64k", COLUMNS=columns)
    ran.wait_for("1/10")
    ran.type("\x03")
    ran.wait_for("Ctrl-C again")
    if times == 2:
        ran.type("\x03")
    assert ran.wait() == 130
    lines = drawn(ran.text, int(columns))
    assert "━" not in "".join(lines)
    assert ("The next sync goes on" in "".join(lines)) is (times == 2)


@pytest.mark.parametrize(("columns", "folded"), [("80", True), ("120", False)])
def test_tables_at_a_terminal(terminal, project, columns, folded):
    name = f"{'n' * 50}.txt"
    (project.parent / "bucket" / name).write_text("x")
    assert terminal("sync", "-q").wait() == 0
    (project.parent / "bucket" / name).unlink()
    assert terminal("sync", "-q", "--force").wait() == 0
    ran = terminal("trash", COLUMNS=columns)
    assert ran.wait() == 0
    lines = plain(ran.text).splitlines()
    assert lines[0].split() == ["Id", "Since", "Size", "Path"]
    assert max(map(len, lines)) <= int(columns)
    assert (name in ran.text) is not folded
    assert name in "".join(line[53:].strip() if folded else line for line in lines[1:]).replace(" ", "")


def test_an_error_stands_out_at_a_terminal(terminal, project):
    ran = terminal("get", "nope")
    assert ran.wait() == 6
    assert "\x1b[1;31mbuckia:\x1b[0m 'nope': there is no such object" in ran.text
