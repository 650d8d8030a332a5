"""Error messages: what is reported of an exception that one file, or one key, failed with."""

from __future__ import annotations

import os
from concurrent.futures import CancelledError

from buckia_core.config.secrets.redaction import clean, redacted_logger
from buckia_core.errors import AdapterError, BuckiaError
from buckia_core.planning.keys import TEMP_PREFIX

log = redacted_logger(__name__)

ENDS_RUN = (MemoryError, CancelledError)
"""Exceptions that say nothing about the file at hand: the run ends. `KeyboardInterrupt` and `SystemExit` do so too."""


def explain(error: Exception, path: str = "") -> str:
    """Return what went wrong, for a person, with what to do where that is known. Has no secrets in it.

    `path` is the file that it is about: the system names none where a read or a write fails.

    Any exception but those of Buckia and of the system is a fault in Buckia or in an adapter, and is called so. Its
    traceback goes into the log, at DEBUG.
    """
    match error:
        case BuckiaError():
            return clean(str(error)) or type(error).__name__
        case OSError():
            advice = " (give yourself permission, or exclude it)" if isinstance(error, PermissionError) else ""
            named = str(error.filename or "")
            if not named or os.path.basename(named).startswith(TEMP_PREFIX):
                # Names of temporary files tell nobody anything.
                named = path
            where = f": {named}" if named else ""
            return clean(f"{error.strerror or error}{where}{advice}")
        case _:
            log.debug("internal error", exc_info=error)
            return clean(f"internal error, {type(error).__name__}: {error}; please report it, with the output of -vv")


def is_unexplained(error: Exception | None) -> bool:
    """Tell whether a provider refused something without a reason, as Ceph does where two writers meet."""
    return type(error) is AdapterError
