"""Logging to the terminal and to `--log-file`, sanitized and without secrets."""

from __future__ import annotations

import errno
import logging
import os
import stat
from io import TextIOWrapper
from pathlib import Path

from buckia_core.cli.terminal.output import Output, redaction
from buckia_core.config.environment import log_level
from buckia_core.config.secrets.sanitize import sanitize

_LEVELS = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}
_STYLES = {logging.WARNING: "yellow", logging.ERROR: "bold red", logging.CRITICAL: "bold red"}
_LIBRARIES_VERBOSITY = 3
_LOGGER_PREFIX = "buckia"


def configure_logging(output: Output) -> None:
    """Configure logging from the options; replaces an earlier configuration. A log file is appended to.

    Raises:
        InvalidSetting: `BUCKIA_LOG_LEVEL` is no level.
        OSError: The log file can't be opened.
    """
    options = output.options
    stop_logging()
    root = logging.getLogger()
    level = _LEVELS.get(options.verbosity, logging.DEBUG)
    if options.verbosity == 0:
        level = log_level() or level
    _add_handler(root, _TerminalHandler(output), level, everything=options.verbosity >= _LIBRARIES_VERBOSITY)
    if options.log_file is not None:
        _add_handler(
            root, _file_handler(options.log_file), logging.DEBUG, everything=options.verbosity >= _LIBRARIES_VERBOSITY
        )
    root.setLevel(min(handler.level for handler in _handlers))
    # Otherwise warnings of libraries would go to standard error without redaction.
    logging.captureWarnings(capture=True)


def stop_logging() -> None:
    """Remove and close the handlers."""
    root = logging.getLogger()
    logging.captureWarnings(capture=False)
    while _handlers:
        handler = _handlers.pop()
        root.removeHandler(handler)
        handler.close()
    root.setLevel(logging.WARNING)


_handlers: list[logging.Handler] = []


def _add_handler(root: logging.Logger, handler: logging.Handler, level: int, *, everything: bool) -> None:
    handler.setLevel(level)
    handler.addFilter(lambda record: redaction().RedactingFilter().filter(record))
    if not everything:
        handler.addFilter(_is_relevant)
    root.addHandler(handler)
    _handlers.append(handler)


def _is_relevant(record: logging.LogRecord) -> bool:
    # Below a warning, records of libraries only help to debug the libraries.
    return record.levelno >= logging.WARNING or record.name.startswith(_LOGGER_PREFIX)


def _file_handler(path: Path) -> logging.Handler:
    handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_OneLineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


class _LogFile(logging.FileHandler):
    """Log file, appended to. A new file is private; symbolic links of other users are not followed."""

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        if not self._is_link():
            flags |= getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.baseFilename, flags, 0o600)
        return open(descriptor, "a", encoding=self.encoding, errors=self.errors)

    def _is_link(self) -> bool:
        try:
            status = os.lstat(self.baseFilename)
        except OSError:
            return False
        if not stat.S_ISLNK(status.st_mode):
            return False
        # Links of the system, such as /dev/stderr, and of the user are followed.
        if os.name != "nt" and status.st_uid not in (0, os.geteuid()):
            raise PermissionError(
                errno.EACCES, "is a link that another user made; name another file", self.baseFilename
            )
        return True


class _OneLineFormatter(logging.Formatter):
    """Formatter that keeps a record on one line, so that no file name can forge another; tracebacks follow below."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's own name
        return sanitize(super().formatMessage(record))


class _TerminalHandler(logging.Handler):
    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output
        self.setFormatter(_OneLineFormatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            first, *others = self.format(record).splitlines() or [""]
            if others and not self._output.options.tracebacks:
                # The last line of a traceback is the error.
                first, others = f"{first.removesuffix('.')}: {others[-1].strip()}", []
            self._output.error(first, label=f"{record.levelname}:", style=_STYLES.get(record.levelno, ""))
            for line in others:
                self._output.error(line)
        except Exception:  # noqa: BLE001  # a handler must never raise
            self.handleError(record)
