"""Error messages: what is reported of an exception that one file, or one key, failed with."""

from __future__ import annotations

import logging
from concurrent.futures import CancelledError

from buckia_core.config.redaction import clean
from buckia_core.errors import BuckiaError

log = logging.getLogger(__name__)

ENDS_RUN = (MemoryError, CancelledError)
"""Exceptions that say nothing about the file at hand: the run ends. `KeyboardInterrupt` and `SystemExit` do so too."""


def explain(error: Exception) -> str:
    """Return what went wrong, for a person, with what to do where that is known. Has no secrets in it.

    Any exception but those of Buckia and of the system is a fault in Buckia or in an adapter, and is called so. Its
    traceback goes into the log, at DEBUG.
    """
    match error:
        case BuckiaError():
            return clean(str(error)) or type(error).__name__
        case OSError():
            advice = " (give yourself permission, or exclude it)" if isinstance(error, PermissionError) else ""
            where = f": {error.filename}" if error.filename else ""
            return clean(f"{error.strerror or error}{where}{advice}")
        case _:
            log.debug("internal error", exc_info=error)
            return clean(f"internal error, {type(error).__name__}: {error}; please report it, with the output of -vv")
