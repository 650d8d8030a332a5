import os
import signal
import threading

import pytest

from buckia_core.cli import interruption as module
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.interruption import Interruption
from buckia_core.cli.options import Options
from buckia_core.cli.output import Output


class Exited(BaseException):
    """Stands for the end of the process."""


class Run(Interruption):
    def __init__(self):
        self.stopped, self.restored = threading.Event(), threading.Event()
        super().__init__(self.stopped.set, Output(Options()), self.restored.set)


@pytest.fixture
def run(monkeypatch):
    """An interruption whose run ends when it is asked to, and a process that only seems to end."""

    def leave(code):
        raise Exited(code)

    monkeypatch.setattr(os, "_exit", leave)
    return Run()


@pytest.mark.parametrize("number", module._STOPPING)
def test_once_the_run_ends_in_order(run, number, capsys):
    with run.handled():
        signal.raise_signal(number)
        assert run.stopped.wait(5)
    assert run.asked_to_stop
    assert "Ctrl-C again" in capsys.readouterr().err


def test_twice_the_process_ends_at_once_and_leaves_the_terminal_in_order(run):
    with run.handled():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Exited) as exited:
            signal.raise_signal(signal.SIGINT)
    assert exited.value.args == (ExitCode.INTERRUPTED,)
    assert run.restored.is_set()


def test_a_request_to_terminate_is_not_counted_twice(run):
    with run.handled():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert run.stopped.wait(5)


def test_a_question_is_not_waited_for(run):
    with run.handled(), run.at_question(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert run.stopped.wait(5)


def test_handlers_are_put_back(run):
    before = [signal.getsignal(number) for number in module._STOPPING]
    with run.handled():
        assert [signal.getsignal(number) for number in module._STOPPING] != before
    assert [signal.getsignal(number) for number in module._STOPPING] == before


def test_outside_of_the_main_thread_nothing_is_touched(run):
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with run.handled():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_an_interrupted_command_says_so_without_a_traceback(buckia, assets, monkeypatch):
    def interrupt(*_):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("buckia_core.cli.commands.sync.run", interrupt)
    ran = buckia("sync")
    assert ran.code == 130
    assert ran.err == "buckia: interrupted\n"
