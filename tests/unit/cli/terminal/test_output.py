import errno
import io
import sys

import pytest

from buckia_core.cli import main
from buckia_core.cli.options import Options
from buckia_core.cli.terminal import output as module
from buckia_core.cli.terminal.output import Output
from tests.unit.cli.conftest import remote


class Gone(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text):
        raise BrokenPipeError(errno.EPIPE, "broken pipe")


@pytest.fixture
def gone(monkeypatch):
    """Run a command whose standard output nobody reads."""
    discarded: list[object] = []
    monkeypatch.setattr(module, "redirect_to_null", discarded.append)

    def run(*arguments):
        stream = Gone()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stream)
            code = main(arguments)
        assert discarded == [stream]
        return code

    return run


def test_a_reader_that_leaves_ends_a_listing_quietly(assets, capsys, gone):
    assets.objects = [remote("a"), remote("b")]
    assert gone("ls") == 0
    assert capsys.readouterr().err == ""


def test_a_reader_that_leaves_does_not_stop_a_sync(assets, capsys, gone):
    assets.counts = {"failed": 1}
    assert gone("sync") == 1
    assert assets.asked("sync")
    assert capsys.readouterr().err == ""


def test_a_process_without_streams_runs(assets, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["sync"]) == 0
    assert main(["nonsense"]) == 2


def test_a_full_disk_below_standard_output_is_reported(assets, monkeypatch, capsys):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(sys, "stdout", Full())
    assert main(["sync"]) == 1
    assert "no space left" in capsys.readouterr().err


def test_a_name_that_the_encoding_lacks_is_shown_in_escapes(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    module.prepare_streams()
    out = Output(Options())
    out.say("日本.txt")
    out.flush()
    assert raw.getvalue().rstrip() == rb"\u65e5\u672c.txt"


def test_lines_go_above_a_drawing_only_where_the_drawing_is(monkeypatch, capsys):
    above: list[object] = []
    out = Output(Options())
    out.print_above = above.append
    out.say("to a file")
    assert capsys.readouterr().out == "to a file\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    out.say("to the terminal")
    assert above == ["to the terminal"]
