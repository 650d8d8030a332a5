"""The errors of provider `memory`."""

from __future__ import annotations

from buckia_core.errors import InvalidKey, NotFound, PreconditionFailed

_PROVIDER = "memory"


def not_found(key: str) -> NotFound:
    """Return the error for an object that does not exist."""
    return NotFound(f"{key!r}: there is no such object", provider=_PROVIDER, key=key)


def precondition_failed(key: str, reason: str) -> PreconditionFailed:
    """Return the error for an object that is not as expected."""
    return PreconditionFailed(f"{key!r}: not as expected: {reason}", provider=_PROVIDER, key=key)


def invalid_key(key: str, reason: str) -> InvalidKey:
    """Return the error for a key that the bucket can't hold."""
    return InvalidKey(f"{key!r}: refused: {reason}", provider=_PROVIDER, key=key)
