"""Errors of provider `dirstore`: translates errors of SQLite and the disk into errors of Buckia."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from buckia_core import AdapterError, InvalidKey, NotFound, PermissionDenied, PreconditionFailed, Transient

PROVIDER = "dirstore"


def not_found(key: str) -> NotFound:
    return NotFound(f"{key!r}: there is no such object", provider=PROVIDER, key=key)


def precondition_failed(key: str) -> PreconditionFailed:
    return PreconditionFailed(f"{key!r}: the object is not as expected", provider=PROVIDER, key=key)


def invalid_key(key: str, reason: str) -> InvalidKey:
    return InvalidKey(f"{key!r}: refused: {reason}", provider=PROVIDER, key=key)


@contextmanager
def translate_errors(key: str | None = None) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        # "database is locked": another process holds it for longer than the timeout. This is temporary.
        kind = Transient if "locked" in str(error) else AdapterError
        raise kind(f"the index can't be used: {error}", provider=PROVIDER, key=key) from error
    except PermissionError as error:
        raise PermissionDenied(f"the store can't be used: {error.strerror}", provider=PROVIDER, key=key) from error
