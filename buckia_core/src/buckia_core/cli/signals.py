"""Ctrl-C and its kin. Once: what is in flight is finished, and the run ends in order. Twice: the process ends now."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.terminal.output import Output

_STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGBREAK"):
    # Windows has no SIGTERM that another process could send; Ctrl-Break stands in for it.
    _STOP_SIGNALS.append(signal.SIGBREAK)


class GracefulShutdown:
    """What an interruption does to a run.

    Args:
        stop: Asks the run to end in order; called in a thread of its own.
        restore: Puts the terminal in order before the process ends at once. Called in a signal handler.
    """

    def __init__(self, stop: Callable[[], None], output: Output, restore: Callable[[], None]) -> None:
        self._stop = stop
        self._output = output
        self._restore = restore
        self._stop_requested = False
        self._at_prompt = False

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked the run to end."""
        return self._stop_requested

    @contextlib.contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Handle signals while inside. Signals belong to the main thread; elsewhere this does nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._handle) for number in _STOP_SIGNALS if _may_handle(number)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def interrupt_prompt(self) -> Iterator[None]:
        """While inside, an interruption also ends the wait for an answer."""
        self._at_prompt = True
        try:
            yield
        finally:
            self._at_prompt = False

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._stop_requested:
            if number == signal.SIGINT:
                self._restore()
                os._exit(ExitCode.INTERRUPTED)
            return
        self._stop_requested = True
        # The main thread may be interrupted while it holds a lock of the very stream or event that is needed here.
        threading.Thread(target=self._stop_gracefully, daemon=True).start()
        if self._at_prompt:
            raise KeyboardInterrupt

    def _stop_gracefully(self) -> None:
        self._output.error("Finishing what is in flight. Ctrl-C again stops at once.")
        self._stop()


def treat_sigterm_as_interrupt() -> None:
    """Let a request to terminate end a command as Ctrl-C does, wherever no run has its own way to end."""
    if threading.current_thread() is threading.main_thread():
        for number in _STOP_SIGNALS[1:]:
            if _may_handle(number):
                signal.signal(number, _raise_interrupt)


def exit_on_second_interrupt() -> None:
    """After an interruption: do not let a second one find the interpreter while it waits for threads to end."""
    if threading.current_thread() is threading.main_thread() and _may_handle(signal.SIGINT):
        signal.signal(signal.SIGINT, _exit_now)


def _may_handle(number: int) -> bool:
    """Tell whether a signal may be handled.

    What is ignored stays ignored: a shell starts jobs in the background that way, so that Ctrl-C for another command
    does not reach them. What was handled by other than Python code could not be put back.
    """
    return signal.getsignal(number) not in (signal.SIG_IGN, None)


def _raise_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _exit_now(_number: int, _frame: FrameType | None) -> None:
    os._exit(ExitCode.INTERRUPTED)
