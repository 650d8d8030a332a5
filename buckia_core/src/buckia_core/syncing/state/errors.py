"""Translates errors of the system and of SQLite into `StateError`, with advice."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, NoReturn, ParamSpec, Protocol, TypeVar, cast

from buckia_core.errors import StateDenied, StateError

P = ParamSpec("P")
T = TypeVar("T")

_DAMAGE_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DENIED_ERRNOS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space, then try again",
    errno.EDQUOT: "the quota of the disk is used up; free some space, then try again",
    errno.EFBIG: "it may not grow any more (a limit of file sizes, `ulimit -f`); raise the limit, then try again",
    errno.EMFILE: "too many files are open; raise the limit (`ulimit -n`), then try again",
    errno.ENFILE: "too many files are open on this machine; try again later",
    errno.EIO: "the disk reports an input/output error; check the disk, then try again",
    errno.EROFS: "it is on a read-only file system; mount it writable",
    errno.EEXIST: "a file stands where a directory must be; move it away",
    errno.ENOTDIR: "a file stands where a directory must be; move it away",
    errno.ELOOP: "it is a symbolic link, which Buckia does not follow here; remove it",
}

_ERRNO_BY_SQLITE_CODE = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_AUTH: errno.EACCES,
}


class HasPath(Protocol):
    """Class with methods that read or write one file."""

    path: Path


S = TypeVar("S", bound=HasPath)


def translates_errors(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Decorator: makes a method raise `StateError` for SQLite errors that are not bugs."""

    @wraps(method)
    def translating(self: S, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except sqlite3.Error as error:
            raise_translated(error, self.path)

    return cast("Callable[Concatenate[S, P], T]", translating)


def primary_code(error: sqlite3.Error) -> int:
    """Return the primary SQLite code of an error; 0 if it has none."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error reports that the file is damaged, rather than that it can't be read."""
    return primary_code(error) in _DAMAGE_CODES


def raise_translated(error: sqlite3.Error, path: Path) -> NoReturn:
    """Raise the translation of an SQLite error."""
    found = translate_error(error, path)
    if found is error:
        raise error
    raise found from error


def translate_error(error: sqlite3.Error, path: Path) -> Exception:
    """Return the error to raise for an SQLite error; errors that are bugs in Buckia stay as they are."""
    code = primary_code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StateError(f"{path}: another program keeps it locked; end that program, then try again")
    if code in _DAMAGE_CODES:
        return StateError(f"{path}: it is damaged ({error}); the next sync puts it aside and begins anew")
    if code == sqlite3.SQLITE_NOMEM:
        return StateError(f"{path}: there is not enough memory")
    if code == sqlite3.SQLITE_CANTOPEN or code in _ERRNO_BY_SQLITE_CODE:
        return state_error(_probe_cause(path, _ERRNO_BY_SQLITE_CODE.get(code)), path, detail=str(error))
    return error


def state_error(error: OSError, path: Path, *, detail: str = "") -> StateError:
    """Build the error for a system error on a state file, with advice."""
    number = error.errno or 0
    reason = _ADVICE.get(number) or (detail or error.strerror or str(error))
    if number in (errno.EACCES, errno.EPERM):
        reason = f"you may not read or write it{_owner_hint(path)}; sync as that user, or give yourself permission"
    suffix = f" ({detail})" if number == errno.EIO and detail else ""
    kind = StateDenied if number in _DENIED_ERRNOS else StateError
    return kind(f"{path}: {reason}{suffix}. What it holds stays as it is")


def _probe_cause(path: Path, likely: int | None) -> OSError:
    """Find the system error behind an SQLite error, which does not contain it, by repeating the system calls."""
    handles: list[int] = []
    try:
        if os.path.lexists(path):
            # SQLite opens the database, the journal, the shared memory and, to create one, the directory.
            for _ in range(4):
                handle = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
                handles.append(handle)
    except OSError as error:
        return error
    finally:
        for handle in handles:
            os.close(handle)
    if likely in (errno.EIO, None) and _is_full(path.parent):
        return OSError(errno.ENOSPC, "")
    if likely in (errno.EACCES, None) and os.name == "posix":
        if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            return OSError(errno.EROFS, "")
        if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            return OSError(errno.EACCES, "")
    return OSError(likely or 0, "")


def _is_full(directory: Path) -> bool:
    """Tell whether the disk has no room for the shared memory of a database (32 KiB) and a few pages."""
    if os.name != "posix":
        return False
    try:
        status = os.statvfs(directory)
    except OSError:
        return False
    return status.f_bavail * status.f_frsize < 64 * 1024


def _owner_hint(path: Path) -> str:
    """Name the owner of a file or its directory if it is another user; empty if not."""
    if os.name != "posix":
        return ""
    import pwd  # noqa: PLC0415  # POSIX only

    for each in (path, path.parent):
        try:
            owner = each.stat().st_uid
        except OSError:
            continue
        if owner != os.geteuid():
            try:
                return f" (it belongs to {pwd.getpwuid(owner).pw_name})"
            except KeyError:
                return f" (it belongs to user {owner})"
    return ""
