import os
import signal
import subprocess
import sys
import threading

import pytest

from buckia_core.cli import signals as module
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.options import Options
from buckia_core.cli.signals import GracefulShutdown
from buckia_core.cli.terminal.output import Output
from tests.unit.commands import signals_kept


class Exited(BaseException):
    """Stands for the end of the process."""


class Run(GracefulShutdown):
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


@pytest.fixture(autouse=True)
def handled_signals():
    """Signals are handled as at a terminal, wherever the tests were started: `nohup` and `&` ignore some of them."""
    with signals_kept():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        yield


@pytest.mark.parametrize("number", module._STOP_SIGNALS)
def test_once_the_run_ends_in_order(run, number, capsys):
    with run.handle_signals():
        signal.raise_signal(number)
        assert run.stopped.wait(5)
    assert run.stop_requested
    assert "Ctrl-C again" in capsys.readouterr().err


def test_twice_the_process_ends_at_once_and_leaves_the_terminal_in_order(run):
    with run.handle_signals():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Exited) as exited:
            signal.raise_signal(signal.SIGINT)
    assert exited.value.args == (ExitCode.INTERRUPTED,)
    assert run.restored.is_set()


def test_a_request_to_terminate_is_not_counted_twice(run):
    with run.handle_signals():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert run.stopped.wait(5)


def test_a_question_is_not_waited_for(run):
    with run.handle_signals(), run.interrupt_prompt(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert run.stopped.wait(5)


def test_handlers_are_put_back(run):
    before = [signal.getsignal(number) for number in module._STOP_SIGNALS]
    with run.handle_signals():
        assert [signal.getsignal(number) for number in module._STOP_SIGNALS] != before
    assert [signal.getsignal(number) for number in module._STOP_SIGNALS] == before


def test_outside_of_the_main_thread_nothing_is_touched(run):
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with run.handle_signals():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_an_interrupted_command_says_so_without_a_traceback(buckia, assets, monkeypatch):
    def interrupt(*_):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("buckia_core.cli.commands.sync.run_sync", interrupt)
    ran = buckia("sync")
    assert ran.code == 130
    assert ran.err == "buckia: interrupted\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_was_ignored_from_the_start_stays_ignored(run, number):
    signal.signal(number, signal.SIG_IGN)
    module.treat_sigterm_as_interrupt()
    with run.handle_signals():
        signal.raise_signal(number)
    module.exit_on_second_interrupt()
    signal.raise_signal(number)
    assert signal.getsignal(number) is signal.SIG_IGN
    assert not run.stop_requested


def test_a_handler_that_is_none_of_pythons_is_left_alone(run, monkeypatch):
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    monkeypatch.setattr(signal, "signal", lambda *_: pytest.fail("it was replaced"))
    with run.handle_signals():
        module.treat_sigterm_as_interrupt()
        module.exit_on_second_interrupt()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no ignored signals that a process inherits")
def test_a_command_in_the_background_is_not_interrupted_by_ctrl_c_for_another(project):
    (project / "bucket").mkdir()
    (project / "hooks.py").write_text(
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from buckia_core.cli import main\n"
        "from buckia_core.syncing import engine\n"
        "plain = engine.make_worker\n"
        "def kill(*given):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return plain(*given)\n"
        "engine.make_worker = kill\n"
        "sys.exit(main(['-C', 'here', 'sync', '-c', '.buckia']))\n"
    )
    (project / "here").mkdir()
    (project / "here" / ".buckia").write_text("provider: file\nroot: ../bucket\n")
    (project / "here" / "a").write_text("1")
    done = subprocess.run([sys.executable, "hooks.py"], cwd=project, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (project / "bucket" / "a").read_text() == "1"
