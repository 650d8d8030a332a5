"""The errors of provider `file`: what the disk said, as an error of Buckia. The one place where that is decided."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    InvalidKey,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
    Transient,
)

PROVIDER = "file"

_SHARING_VIOLATIONS = (32, 33)

_MEANINGS: tuple[tuple[str, type[AdapterError], str], ...] = (
    ("ENOENT", NotFound, "there is no such object"),
    ("ENOTDIR EISDIR", AlreadyExists, "a file stands where a directory must be, or the reverse"),
    ("EACCES EPERM", PermissionDenied, "the disk refuses access"),
    ("EROFS", PermissionDenied, "the disk is read-only"),
    ("ENAMETOOLONG EILSEQ", InvalidKey, "the name is one that the disk can't hold"),
    ("ELOOP", InvalidKey, "a symbolic link stands there, and links are not followed"),
    ("ENOSPC", AdapterError, "the disk is full"),
    ("EDQUOT", AdapterError, "the disk quota is used up"),
    ("EFBIG", AdapterError, "the file is too large for the disk"),
    ("EIO ESTALE ETIMEDOUT EBUSY EMFILE ENFILE EAGAIN EHOSTDOWN ENOTCONN", Transient, "the disk failed"),
)

# Windows says EINVAL of names that it does not allow; not every system has every number.
_BY_NUMBER: dict[int, tuple[type[AdapterError], str]] = {
    getattr(errno, name): (kind, words)
    for names, kind, words in _MEANINGS
    for name in (names + (" EINVAL" if os.name == "nt" and kind is InvalidKey else "")).split()
    if hasattr(errno, name)
}


def not_found(key: str) -> NotFound:
    """There is no such object."""
    return NotFound(f"{key!r}: there is no such object", provider=PROVIDER, key=key)


def root_not_found(root: str, name: str | None) -> NotFound:
    """The directory that is the bucket is missing."""
    of_bucket = f" of bucket {name!r}" if name else ""
    return NotFound(
        f"the root{of_bucket} is missing: {root!r} is not a directory. "
        "Create it, mount the disk that it is on, or correct the setting `root`.",
        provider=PROVIDER,
    )


def root_replaced(root: str) -> AdapterError:
    """The directory that is the bucket was there, and is another one now."""
    return AdapterError(
        f"another directory has taken the place of the root {root!r} since this bucket was opened. If a disk was "
        "mounted or unmounted there, run again.",
        provider=PROVIDER,
    )


def invalid_key(key: str, reason: str) -> InvalidKey:
    """The disk can't hold the key; `reason` says why."""
    return InvalidKey(f"{key!r}: refused: {reason}", provider=PROVIDER, key=key)


def already_exists(key: str, what: str) -> AlreadyExists:
    """Something else stands where the object must be; `what` says what."""
    return AlreadyExists(f"{key!r} can't be written: {what}", provider=PROVIDER, key=key)


def precondition_failed(key: str, reason: str) -> PreconditionFailed:
    """The object is not as expected; `reason` says how."""
    return PreconditionFailed(f"{key!r}: not as expected: {reason}", provider=PROVIDER, key=key)


def translate_error(error: OSError, key: str) -> AdapterError:
    """Return what an error of the disk means for the object `key`, or for the directory of that name."""
    kind, words = _BY_NUMBER.get(error.errno or 0, (AdapterError, "the disk failed"))
    if getattr(error, "winerror", None) in _SHARING_VIOLATIONS:
        kind, words = Transient, "another program has the file open"
    return kind(f"{key!r}: {words} ({error.strerror or type(error).__name__})", provider=PROVIDER, key=key)


@contextmanager
def translate_errors(key: str) -> Iterator[None]:
    """Turn errors of the disk in the block into errors about `key`."""
    try:
        yield
    except OSError as error:
        raise translate_error(error, key) from error
