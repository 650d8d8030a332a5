"""Where text goes: results to standard output, everything about the way there to standard error."""

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
    from buckia_core.config.secrets.secret import Secret

Record = Mapping[str, object]

NAME_FIELDS = frozenset({"key", "path", "prefix", "line"})
"""Fields of records that programs use to find a thing again: they are what they are, even if a secret is part of it."""

MESSAGE_FIELDS = frozenset({"error", "message", "problem"})
"""Fields of records that hold what a server, a library or the system said."""


class PipeClosed(Exception):  # not an error: whoever read the output has all that he wanted
    """Nobody reads standard output any more."""


class Output:
    """The two streams of the command: the one gate for all that it says.

    Each line is made safe for a terminal here, and no secret of this process passes, save by `disclose`. Messages also
    lose what only looks like a credential; results keep it, because it may be the name of an object.

    Attributes:
        options: What `--json` and `--quiet` say; they are looked at anew for each line.
        above: Takes a line that is to stand above a drawing on the terminal; `None` while nothing is drawn.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.print_above: Callable[[str], None] | None = None
        self._silenced = False
        self._ignores_broken_pipe = False
        self._secrets: list[Secret] = []

    def result(self, record: Record, *lines: str) -> None:
        """Show one thing that was asked for: the record as a line of JSON, or the lines for a person."""
        if self.options.json:
            self.record(record)
            return
        for line in lines:
            self._write(sys.stdout, _masked_line(line))

    def disclose(self, record: Record, *lines: str) -> None:
        """Show a result that is a secret itself, such as a key that was just made. Nothing of it is masked."""
        if self.options.json:
            self._write(sys.stdout, json.dumps(record))
            return
        for line in lines:
            self._write(sys.stdout, sanitize(line))

    def record(self, record: Record) -> None:
        """Write a line of JSON, in ASCII: names with any bytes arrive as they are."""
        text = json.dumps(record)
        if record.get("error") or record.get("message") or record.get("problem") or _mask(text) is not text:
            text = json.dumps(_mask_record(record))
        self._write(sys.stdout, text)

    def say(self, line: str) -> None:
        """Tell a person what was done; not under `--json` or `--quiet`."""
        if not self.options.json and not self.options.quiet:
            self._write(sys.stdout, _masked_line(line))

    def note(self, line: str) -> None:
        """Tell a person something by the way, on standard error; not under `--quiet`."""
        if not self.options.quiet:
            self._write(sys.stderr, clean_message(line))

    def error(self, line: str) -> None:
        """Tell what went wrong, on standard error."""
        self._write(sys.stderr, clean_message(line))

    def failed(self, name: str, message: str) -> None:
        """Tell what went wrong with one file or object, on standard error; its name is shown as it is."""
        self._write(sys.stderr, f"failed: {_masked_line(name)}: {clean_message(message)}")

    def raw(self, text: str) -> None:
        """Write a text of our own, such as a script, to standard output as it is."""
        self._write(sys.stdout, text)

    def remember_secrets(self) -> None:
        """Keep the secrets that the process holds now out of all that follows, whoever forgets them."""
        self._secrets = _redaction().known_secrets()

    def ignore_broken_pipe(self) -> None:
        """From now on, a reader of standard output that goes away stops the text and not the work."""
        self._ignores_broken_pipe = True

    def flush(self) -> None:
        """Hand everything to the system, so that an error shows while it can still be reported."""
        for stream in (sys.stdout, sys.stderr):
            self._try_write(stream, lambda stream: stream.flush())

    def _write(self, stream: TextIO | None, line: str) -> None:
        if self.print_above is not None and stream is not None and stream.isatty():
            self.print_above(line)
            return
        self._try_write(stream, lambda stream: print(line, file=stream, flush=stream is sys.stderr))

    def _try_write(self, stream: TextIO | None, act: Callable[[TextIO], object]) -> None:
        # A process that is started without a console, or with a stream closed, has `None` here.
        if stream is None or (self._silenced and stream is sys.stdout):
            return
        try:
            act(stream)
        except OSError as error:
            # Where standard error can't be written, there is no place left to say so.
            if stream is sys.stdout:
                self._close_stdout(stream, error)

    def _close_stdout(self, stream: TextIO, error: OSError) -> None:
        self._silenced = True
        redirect_to_null(stream)
        if not is_broken_pipe(error):
            raise OSError(error.errno, error.strerror or str(error), "standard output") from error
        if not self._ignores_broken_pipe:
            raise PipeClosed


def _masked_line(line: str) -> str:
    return sanitize(_mask(line))


def _mask(text: str) -> str:
    masked: str = _redaction().mask_known(text)
    return masked


def clean_message(text: str) -> str:
    """Return a message as it may be shown: on one line, without secrets and without control characters."""
    message: str = _redaction().clean(text)
    return message


@cache
def _redaction() -> ModuleType:
    """Import it when something is shown: the help and the version do without."""
    from buckia_core.config.secrets import redaction  # noqa: PLC0415

    return redaction


def _mask_record(value: object, name: str = "") -> object:
    """Return a value of a record without the secrets; `name` is that of the field that it stands in."""
    match value:
        case str() if name in NAME_FIELDS:
            return value
        case str() if name in MESSAGE_FIELDS:
            return _redaction().redact(value, _redaction().known_secrets())
        case str():
            return _mask(value)
        case Mapping():
            return {key: _mask_record(each, name or str(key)) for key, each in value.items()}
        case list() | tuple():
            return [_mask_record(each, name) for each in value]
        case _:
            return value


def is_broken_pipe(error: OSError) -> bool:
    """Tell whether an error of a write means that nobody reads any more. Windows says "invalid argument"."""
    return error.errno == errno.EPIPE or (sys.platform == "win32" and error.errno == errno.EINVAL)


def redirect_to_null(stream: TextIO) -> None:
    """Send what a stream still holds, and all that follows, to nowhere; the interpreter flushes it at its end."""
    try:
        descriptor = stream.fileno()
    except OSError:
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def prepare_streams() -> None:
    """Let no character that the terminal's encoding lacks end the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
