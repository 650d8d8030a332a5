"""Tables at a terminal, in a pipe and as JSON; rich is asked for only where something is drawn."""

import io
import re
import sys

import pytest

from buckia_core.adapters.commands.table import Column, Row
from buckia_core.cli.options import Options
from buckia_core.cli.terminal.output import Output, prepare_streams
from buckia_core.cli.terminal.tables import format_row, show_facts, show_table
from buckia_core.config.secrets.secret import Secret

COLUMNS = (Column("Id", style="bold"), Column("Size", right=True), Column("Key", styles={"gone": "red"}))
ROWS: list[Row] = [({"n": 1}, ("x", 7, "a")), ({"n": 2}, ("longer", None, "gone")), ({"n": 3}, ("", 1234, "b/c"))]


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Show a table at a terminal of a width, and return what it wrote."""
    for name, value in (("TERM", "xterm"), ("COLORTERM", ""), ("NO_COLOR", "")):
        monkeypatch.setenv(name, value)

    def show(rows, *, columns=COLUMNS, width=80):
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", str(width))
            patch.setattr(sys, "stdout", screen := Screen())
            show_table(Output(Options()), columns, rows)
        return screen.getvalue()

    return show


def plain(text):
    """Return what a terminal shows, without styles."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_in_a_pipe_columns_are_aligned_and_nothing_is_cut(capsys):
    rows: list[Row] = [*ROWS, ({}, ("y", 1, "k" * 300))]
    show_table(Output(Options()), COLUMNS, rows)
    assert capsys.readouterr().out.splitlines() == [
        "x          7  a",
        "longer     -  gone",
        "        1234  b/c",
        f"y          1  {'k' * 300}",
    ]


def test_in_a_pipe_wide_characters_take_two_columns_and_accents_none(capsys):
    rows: list[Row] = [({}, ("日本", 1, "a")), ({}, ("cafe\u0301", 2, "b")), ({}, ("\U0001f44d", 3, "c"))]
    show_table(Output(Options()), COLUMNS, rows)
    assert capsys.readouterr().out.splitlines() == ["日本  1  a", "cafe\u0301  2  b", "\U0001f44d    3  c"]


def test_records_are_written_instead_of_cells(capsys):
    show_table(Output(Options(json=True)), COLUMNS, ROWS)
    assert capsys.readouterr().out.splitlines() == ['{"n": 1}', '{"n": 2}', '{"n": 3}']


def test_a_table_without_rows_shows_nothing(terminal, capsys):
    assert terminal([]) == ""
    show_table(Output(Options()), COLUMNS, [])
    assert capsys.readouterr().out == ""


def test_a_terminal_gets_titles_and_styles(terminal):
    lines = terminal(ROWS).splitlines()
    assert lines[0].split("\x1b[1m")[1].startswith("Id")
    assert "\x1b[1mlonger\x1b[0m" in lines[2]
    assert "\x1b[31mgone\x1b[0m" in lines[2]


def test_without_colors_a_terminal_gets_the_same_words(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    shown = terminal(ROWS)
    assert "\x1b[31m" not in shown
    assert "gone" in shown


@pytest.mark.parametrize("width", [40, 80])
def test_a_long_last_column_is_wrapped_and_complete(terminal, width):
    key = "k" * 100
    lines = plain(terminal([({}, ("id", 1, key))], width=width)).splitlines()
    assert max(map(len, lines)) <= width
    assert "".join(line[10:].strip() for line in lines[1:]) == key


def test_rows_that_leave_no_room_are_lines_with_every_character(terminal):
    row = ("i" * 30, 1, "k" * 100)
    assert plain(terminal([({}, row)], width=40)) == f"{'i' * 30}  {1:>4}  {'k' * 100}\n".replace("   1", "1")


def test_names_are_data(terminal, capsys):
    names = ["[bold]x[/bold]", ":warning:", "\x1b[31mred", "two\nlines", "\u202etxt"]
    rows: list[Row] = [({}, ("1", 1, name)) for name in names]
    show_table(Output(Options()), COLUMNS, rows)
    for shown in (capsys.readouterr().out, terminal(rows)):
        for name in ("[bold]x[/bold]", ":warning:", r"\x1b[31mred", r"two\nlines", r"\u202etxt"):
            assert name in shown
        assert "\x1b[31m" not in shown


def test_secrets_are_masked_in_cells_and_disclosed_only_on_purpose(capsys, terminal):
    secret = Secret("K005verysecretvalue")
    rows: list[Row] = [({}, ("1", 1, secret.reveal()))]
    show_table(Output(Options()), COLUMNS, rows)
    assert capsys.readouterr().out == "1  1  ***\n"
    assert secret.reveal() not in terminal(rows)
    for disclose, shown in ((False, "***"), (True, secret.reveal())):
        show_facts(Output(Options()), {}, [("key id", "a"), ("key", secret.reveal())], disclose=disclose)
        assert capsys.readouterr().out == f"key id  a\nkey     {shown}\n"


def test_rows_of_a_stream_come_one_by_one(capsys):
    shown = []

    def rows():
        for number in range(3):
            yield {}, (str(number), number, "k")
            shown.append(capsys.readouterr().out)

    show_table(Output(Options()), COLUMNS, rows(), stream=True)
    assert shown == ["0  0  k\n", "1  1  k\n", "2  2  k\n"]


def test_a_long_table_is_shown_in_parts_below_one_line_of_titles(terminal):
    rows: list[Row] = [({}, ("id", number, "k")) for number in range(1200)]
    lines = plain(terminal(rows)).splitlines()
    assert len(lines) == 1201
    assert [line for line in lines if "Id" in line] == lines[:1]
    assert {len(line.rstrip()) for line in lines[1:]} == {len("id  1199  k")}


def test_a_row_of_a_listing_has_the_minimum_widths():
    columns = (Column("Size", right=True, width=6), Column("Time", width=4), Column("Key"))
    assert "".join(text for text, _ in format_row(columns, ("1 B", None, "a"))) == "   1 B  -     a"


@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "ascii"])
def test_an_encoding_that_lacks_a_character_gets_an_escape(monkeypatch, encoding):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.delenv("TERM", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    prepare_streams()
    show_table(Output(Options()), COLUMNS, [({}, ("1", 1, "日本.txt"))])
    stream.flush()
    assert rb"\u65e5\u672c.txt" in raw.getvalue()


def test_a_dumb_terminal_is_treated_as_a_pipe(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    show_table(Output(Options()), COLUMNS, ROWS[:1])
    assert capsys.readouterr().out == "x  7  a\n"


def test_an_error_has_the_same_words_at_a_terminal_and_in_a_pipe(monkeypatch, capsys):
    Output(Options()).error("it [bold]failed[/bold]", label="buckia:")
    assert capsys.readouterr().err == "buckia: it [bold]failed[/bold]\n"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    Output(Options()).error("it [bold]failed[/bold]", label="buckia:")
    assert screen.getvalue() == "\x1b[1;31mbuckia:\x1b[0m it [bold]failed[/bold]\n"
