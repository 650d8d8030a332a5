"""Output streams: results go to standard output, messages to standard error."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, TextIO

from buckia_core.cli.options import Options
from buckia_core.config.secrets.sanitize import sanitize

if TYPE_CHECKING:
    from rich.console import Console

    from buckia_core.cli.terminal.console import Line
    from buckia_core.config.secrets.secret import Secret

Record = Mapping[str, object]

NAME_FIELDS = frozenset({"key", "path", "prefix", "line"})
"""Record fields that identify a file or object. They are never masked, even if they contain a secret."""

MESSAGE_FIELDS = frozenset({"error", "message", "problem"})
"""Record fields that hold messages of a server, a library or the system."""


class PipeClosed(Exception):  # not an error: the reader has all the output that it wanted
    """The reader of standard output closed the pipe."""


class Output:
    """Output of the command: every line passes through it.

    Each line is sanitized and known secrets are masked, except by `disclose`. In messages, everything that looks like
    a credential is masked, too; in results it may be the name of an object.

    Attributes:
        options: Global options; `--json` and `--quiet` are read for each line.
        print_above: Prints a line above the progress bars; `None` while there are none.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.print_above: Callable[[Line], None] | None = None
        self._silenced = False
        self._ignores_broken_pipe = False
        self._secrets: list[Secret] = []

    def result(self, record: Record, *lines: Line) -> None:
        """Show one result: the record as a line of JSON, or the lines for a person."""
        if self.options.json:
            self.record(record)
            return
        for line in lines:
            self.line(line)

    def line(self, line: Line, *, is_masked: bool = False) -> None:
        """Show a line of a result to a person; `is_masked` if its parts went through `masked`, or may not be masked."""
        if not isinstance(line, str) and not _can_draw(sys.stdout):
            line = _join(line)
        if not is_masked:
            line = masked(line) if isinstance(line, str) else [(masked(text), style) for text, style in line]
        self._write(sys.stdout, line)

    def disclose(self, record: Record, *lines: str) -> None:
        """Show a result that contains a secret, such as a new access key, without masking."""
        if self.options.json:
            self._write(sys.stdout, json.dumps(record))
            return
        for line in lines:
            self._write(sys.stdout, sanitize(line))

    def record(self, record: Record) -> None:
        """Write a line of JSON in ASCII, so that names of any bytes are preserved."""
        text = json.dumps(record)
        if record.get("error") or record.get("message") or record.get("problem") or _mask(text) is not text:
            text = json.dumps(_mask_record(record))
        self._write(sys.stdout, text)

    def say(self, line: Line) -> None:
        """Print a line about what was done, except with `--json` or `--quiet`."""
        if not self.options.json and not self.options.quiet:
            self.line(line)

    def note(self, line: str) -> None:
        """Print a note on standard error, except with `--quiet`."""
        if not self.options.quiet:
            self._write(sys.stderr, clean_message(line))

    def error(self, line: str, *, label: str = "", style: str = "bold red") -> None:
        """Print an error on standard error, after a label that has a style at a terminal."""
        message = clean_message(line)
        self._write(sys.stderr, [(label, style), (f" {message}", "")] if label else message)

    def failed(self, name: str, message: str) -> None:
        """Print an error of one file or object on standard error; its name keeps what only looks like a credential."""
        # Most messages of adapters begin with the key.
        text = f" {masked(name)}: {clean_message(message.removeprefix(f'{name!r}: '))}"
        self._write(sys.stderr, [("failed:", "bold red"), (text, "")])

    def raw(self, text: str) -> None:
        """Write trusted text, such as a completion script, to standard output unchanged."""
        self._write(sys.stdout, text)

    def remember_secrets(self) -> None:
        """Keep the current secrets alive, so that later output masks them."""
        self._secrets = redaction().known_secrets()

    def ignore_broken_pipe(self) -> None:
        """Make a closed pipe end only the output, and not the command."""
        self._ignores_broken_pipe = True

    def flush(self) -> None:
        """Flush both streams, so that an error can still be reported."""
        for stream in (sys.stdout, sys.stderr):
            self._try_write(stream, lambda stream: stream.flush())

    def console(self, stream: TextIO | None) -> Console | None:
        """Return a console that draws on a stream; `None` if that is not a terminal which can be drawn on."""
        if stream is None or not _can_draw(stream):
            return None
        from buckia_core.cli.terminal.console import make_console  # noqa: PLC0415  # imports rich

        return make_console(stream)

    def _write(self, stream: TextIO | None, line: Line) -> None:
        if self.print_above is not None and is_terminal(stream):
            self.print_above(line)
        elif not isinstance(line, str) and (console := self.console(stream)) is not None:
            from buckia_core.cli.terminal.console import to_text  # noqa: PLC0415  # imports rich

            self._try_write(stream, lambda _: console.print(to_text(line)))
        else:
            text = _join(line)
            self._try_write(stream, lambda stream: print(text, file=stream, flush=stream is sys.stderr))

    def _try_write(self, stream: TextIO | None, act: Callable[[TextIO], object]) -> None:
        # A stream is `None` in a process without a console, or if it was started closed.
        if stream is None or (self._silenced and stream is sys.stdout):
            return
        try:
            act(stream)
        except OSError as error:
            # Errors of standard error can't be reported.
            if stream is sys.stdout:
                self._close_stdout(stream, error)

    def _close_stdout(self, stream: TextIO, error: OSError) -> None:
        self._silenced = True
        redirect_to_null(stream)
        if not is_broken_pipe(error):
            raise OSError(error.errno, error.strerror or str(error), "standard output") from error
        if not self._ignores_broken_pipe:
            raise PipeClosed


def _join(line: Line) -> str:
    return line if isinstance(line, str) else "".join(text for text, _ in line)


def masked(text: str) -> str:
    """Return a text of a result on one line, without known secrets and without control characters."""
    return sanitize(_mask(text))


def _mask(text: str) -> str:
    return str(redaction().mask_known(text))


def clean_message(text: str) -> str:
    """Return a message on one line, without secrets and without control characters."""
    return str(redaction().clean(text))


@cache
def redaction() -> ModuleType:
    """Import the module on first use: the help and the version do not need it."""
    from buckia_core.config.secrets import redaction  # noqa: PLC0415

    return redaction


def _mask_record(value: object, name: str = "") -> object:
    """Mask the secrets in a value of a record; `name` is the enclosing field."""
    match value:
        case str() if name in NAME_FIELDS:
            return value
        case str() if name in MESSAGE_FIELDS:
            return redaction().redact_known(value)
        case str():
            return _mask(value)
        case Mapping():
            return {key: _mask_record(each, name or str(key)) for key, each in value.items()}
        case list() | tuple():
            return [_mask_record(each, name) for each in value]
        case _:
            return value


def is_terminal(stream: object) -> bool:
    """Tell whether a stream is a terminal."""
    ask = getattr(stream, "isatty", None)
    return bool(ask and ask())


def _can_draw(stream: object) -> bool:
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def is_broken_pipe(error: OSError) -> bool:
    """Tell whether a write error means a closed pipe. On Windows, that is EINVAL."""
    return error.errno == errno.EPIPE or (sys.platform == "win32" and error.errno == errno.EINVAL)


def redirect_to_null(stream: TextIO) -> None:
    """Redirect a stream to the null device, so that the flush at exit does not fail."""
    try:
        descriptor = stream.fileno()
    except OSError:
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def prepare_streams() -> None:
    """Escape characters that the encoding of a stream lacks, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
