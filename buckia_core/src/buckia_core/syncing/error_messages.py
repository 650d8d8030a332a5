"""Error messages of operations that failed."""

from __future__ import annotations

import os
from concurrent.futures import CancelledError

from buckia_core.config.secrets.redaction import clean, redacted_logger
from buckia_core.errors import AdapterError, BuckiaError
from buckia_core.planning.keys import TEMP_PREFIX

log = redacted_logger(__name__)

FATAL_ERRORS = (MemoryError, CancelledError)
"""Exceptions that end the run instead of failing one operation, as `KeyboardInterrupt` and `SystemExit` do."""

_OPEN_ELSEWHERE = (32, 33)
"""Numbers of Windows errors, whose text says that another process uses the file, or a locked part of it."""


def error_message(error: Exception, path: str = "") -> str:
    """Return a message for the user, without secrets, and with advice if there is any.

    `path` is the file of the operation, because an `OSError` of a read or a write names none.

    Exceptions other than `BuckiaError` and `OSError` are reported as internal errors. Their traceback is logged at
    DEBUG.
    """
    match error:
        case BuckiaError():
            return clean(str(error)) or type(error).__name__
        case OSError():
            advice = ""
            if getattr(error, "winerror", None) in _OPEN_ELSEWHERE:
                advice = " (close it there)"
            elif isinstance(error, PermissionError):
                advice = " (give yourself permission, or exclude it)"
            named = str(error.filename or "")
            if not named or os.path.basename(named).startswith(TEMP_PREFIX):
                # Names of temporary files mean nothing to users.
                named = path
            where = f": {named}" if named else ""
            return clean(f"{error.strerror or error}{where}{advice}")
        case _:
            log_internal_error(error)
            return clean(f"internal error, {type(error).__name__}: {error}; please report it, with the output of -vv")


def log_internal_error(error: Exception) -> None:
    """Log the traceback of an unexpected exception at DEBUG."""
    if not isinstance(error, BuckiaError | OSError):
        log.debug("internal error", exc_info=error)


def is_generic_error(error: Exception | None) -> bool:
    """Tell whether a provider refused a request without a reason, as Ceph does for concurrent writes."""
    return type(error) is AdapterError
