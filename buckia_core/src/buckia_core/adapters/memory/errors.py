"""The errors of provider `memory`."""

from __future__ import annotations

from buckia_core.errors import InvalidKey, NotFound, PreconditionFailed

_PROVIDER = "memory"


def not_found(key: str) -> NotFound:
    """There is no such object."""
    return NotFound(f"{key!r}: there is no such object", provider=_PROVIDER, key=key)


def precondition_failed(key: str, reason: str) -> PreconditionFailed:
    """The object is not as expected; `reason` says how."""
    return PreconditionFailed(f"{key!r}: not as expected: {reason}", provider=_PROVIDER, key=key)


def invalid_key(key: str, reason: str) -> InvalidKey:
    """The bucket can't hold the key; `reason` says why."""
    return InvalidKey(f"{key!r}: refused: {reason}", provider=_PROVIDER, key=key)
