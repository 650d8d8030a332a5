import time

import pytest

from buckia_core.cli.options import Options
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.progress import LogProgress, Progress, progress_for


@pytest.fixture
def clock(monkeypatch):
    """The time, in seconds."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_line_comes_now_and_then(clock, capsys):
    lines = LogProgress(Output(Options()), "assets")
    lines.scanned(1, 2)
    clock[0] = 15
    lines.scanned(30, 40)
    lines.scanned(31, 41)
    lines.planned(2, 4096)
    clock[0] = 31
    lines.transferred(1024)
    lines.operation_finished()
    assert capsys.readouterr().err.splitlines() == [
        "assets: reading: 30 local, 40 in the bucket",
        "assets: 0 of 2 done, 1.0 KiB of 4.0 KiB",
    ]


@pytest.mark.parametrize(
    ("options", "kind"),
    [(Options(), LogProgress), (Options(verbosity=-1), Progress), (Options(json=True), Progress)],
)
def test_what_is_shown_where_no_terminal_is(options, kind):
    assert type(progress_for(Output(options), "assets")) is kind
