"""Signals. The first Ctrl-C finishes transfers in flight and stops the run; the second one exits at once."""

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
    # On Windows, other processes can't send SIGTERM; Ctrl-Break takes its place.
    _STOP_SIGNALS.append(signal.SIGBREAK)


class GracefulShutdown:
    """Signal handling of a run: stop gracefully on the first signal, exit on the second.

    Args:
        stop: Requests the run to stop; called in a separate thread.
        restore: Restores the terminal before the process exits at once. Called in a signal handler.
        farewell: What the user reads when the process exits at once.
    """

    def __init__(
        self,
        stop: Callable[[], None],
        output: Output,
        restore: Callable[[], None],
        farewell: str = "Interrupted. The next sync goes on from here.",
    ) -> None:
        self._farewell = f"{farewell}\n".encode()
        self._stop = stop
        self._output = output
        self._restore = restore
        self._stop_requested = False
        self._at_prompt = False

    @property
    def stop_requested(self) -> bool:
        """Whether a signal requested the run to stop."""
        return self._stop_requested

    @contextlib.contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Handle signals inside of the block. Does nothing outside of the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.signal(number, self._handle) for number in _STOP_SIGNALS if _may_handle(number)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def interrupt_prompt(self) -> Iterator[None]:
        """Inside of the block, a signal also interrupts a prompt."""
        self._at_prompt = True
        try:
            yield
        finally:
            self._at_prompt = False

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._stop_requested:
            if number == signal.SIGINT:
                self._restore()
                # Written directly, as this is a signal handler.
                with contextlib.suppress(OSError):
                    os.write(2, self._farewell)
                os._exit(ExitCode.INTERRUPTED)
            return
        self._stop_requested = True
        # In a thread: the interrupted main thread may hold a lock of the stream or event that this needs.
        threading.Thread(target=self._stop_gracefully, daemon=True).start()
        if self._at_prompt:
            raise KeyboardInterrupt

    def _stop_gracefully(self) -> None:
        self._output.error("Finishing what is in flight. Ctrl-C again stops at once.")
        self._stop()


def treat_sigterm_as_interrupt() -> None:
    """Make SIGTERM raise `KeyboardInterrupt`, except where a run handles signals itself."""
    if threading.current_thread() is threading.main_thread():
        for number in _STOP_SIGNALS[1:]:
            if _may_handle(number):
                signal.signal(number, _raise_interrupt)


def exit_on_second_interrupt() -> None:
    """After an interruption, exit on the next one: the interpreter may be waiting for threads."""
    if threading.current_thread() is threading.main_thread() and _may_handle(signal.SIGINT):
        signal.signal(signal.SIGINT, _exit_now)


def _may_handle(number: int) -> bool:
    """Tell whether a signal may be handled.

    Ignored signals stay ignored: shells start background jobs so, to shield them from Ctrl-C. A handler that is not
    Python code could not be restored.
    """
    return signal.getsignal(number) not in (signal.SIG_IGN, None)


def _raise_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _exit_now(_number: int, _frame: FrameType | None) -> None:
    os._exit(ExitCode.INTERRUPTED)
