"""Errors of provider `file`: translates errors of the file system into errors of Buckia."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    BucketNotFound,
    InvalidKey,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
    Transient,
)

PROVIDER = "file"

_SHARING_VIOLATIONS = (32, 33)

_ERRORS: tuple[tuple[str, type[AdapterError], str], ...] = (
    ("ENOENT", NotFound, "there is no such object"),
    ("ENOTDIR EISDIR", AlreadyExists, "a file is where a directory must be, or the reverse"),
    ("EACCES EPERM", PermissionDenied, "the disk refuses access"),
    ("EROFS", PermissionDenied, "the disk is read-only"),
    ("ENAMETOOLONG EILSEQ", InvalidKey, "the disk can't store this name"),
    ("ELOOP", InvalidKey, "it is a symbolic link, and links are not followed"),
    ("ENOSPC", AdapterError, "the disk is full"),
    ("EDQUOT", AdapterError, "the disk quota is used up"),
    ("EFBIG", AdapterError, "the file is too large for the disk"),
    ("EIO ESTALE ETIMEDOUT EBUSY EMFILE ENFILE EAGAIN EHOSTDOWN ENOTCONN", Transient, "the disk failed"),
)

# Windows returns EINVAL for names that it does not allow. Not every system has every errno.
_BY_ERRNO: dict[int, tuple[type[AdapterError], str]] = {
    getattr(errno, name): (kind, message)
    for names, kind, message in _ERRORS
    for name in (names + (" EINVAL" if os.name == "nt" and kind is InvalidKey else "")).split()
    if hasattr(errno, name)
}


def not_found(key: str) -> NotFound:
    """Return the error for an object that does not exist."""
    return NotFound(f"{key!r}: there is no such object", provider=PROVIDER, key=key)


def root_not_found(root: str, name: str | None) -> BucketNotFound:
    """Return the error for a bucket whose directory does not exist."""
    of_bucket = f" of bucket {name!r}" if name else ""
    return BucketNotFound(
        f"the root{of_bucket} is missing: {root!r} is not a directory. "
        "Create it, mount the disk that it is on, or correct the setting `root`.",
        provider=PROVIDER,
    )


def root_replaced(root: str) -> AdapterError:
    """Return the error for a bucket whose directory was replaced by another one."""
    return AdapterError(
        f"the root {root!r} was replaced by another directory since this bucket was opened. If a disk was "
        "mounted or unmounted there, run again.",
        provider=PROVIDER,
    )


def invalid_key(key: str, reason: str) -> InvalidKey:
    """Return the error for a key that the disk can't store."""
    return InvalidKey(f"{key!r}: refused: {reason}", provider=PROVIDER, key=key)


def already_exists(key: str, obstacle: str) -> AlreadyExists:
    """Return the error for a key whose path is blocked by something that is no object."""
    return AlreadyExists(f"{key!r} can't be written: {obstacle}", provider=PROVIDER, key=key)


def precondition_failed(key: str, reason: str) -> PreconditionFailed:
    """Return the error for an object that is not as expected."""
    return PreconditionFailed(f"{key!r}: not as expected: {reason}", provider=PROVIDER, key=key)


def translate_error(error: OSError, key: str) -> AdapterError:
    """Translate an `OSError` about the object `key`, or about the directory of that name."""
    kind, message = _BY_ERRNO.get(error.errno or 0, (AdapterError, "the disk failed"))
    if getattr(error, "winerror", None) in _SHARING_VIOLATIONS:
        kind, message = Transient, "another program has the file open"
    return kind(f"{key!r}: {message} ({error.strerror or type(error).__name__})", provider=PROVIDER, key=key)


@contextmanager
def translate_errors(key: str) -> Iterator[None]:
    """Translate each `OSError` of the block into an error about `key`."""
    try:
        yield
    except OSError as error:
        raise translate_error(error, key) from error
