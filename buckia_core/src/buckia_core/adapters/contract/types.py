"""The small data that the contract is made of: preconditions, outcomes, what goes with an upload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from buckia_core.errors import AdapterError, NotFound
from buckia_core.planning.digest import Digests
from buckia_core.planning.manifest import RemoteObject

__all__ = [
    "DeleteOutcome",
    "IfAbsent",
    "IfUnchanged",
    "Precondition",
    "RemoteObject",
    "UploadInfo",
    "satisfies",
    "stat_or_none",
]


@dataclass(frozen=True, slots=True)
class IfAbsent:
    """The object must not exist."""


@dataclass(frozen=True, slots=True)
class IfUnchanged:
    """The object must still be the one that was seen."""

    seen: RemoteObject


Precondition = IfAbsent | IfUnchanged


def satisfies(expect: Precondition | None, found: RemoteObject | None) -> bool:
    """Tell whether what is there, which may be nothing, is as a write expects it."""
    match expect:
        case None:
            return True
        case IfAbsent():
            return found is None
        case IfUnchanged(seen):
            return found is not None and found.fingerprint == seen.fingerprint


def stat_or_none(look: Callable[[str], RemoteObject], key: str) -> RemoteObject | None:
    """Return what `look` tells of an object, `None` where there is none.

    Raises:
        NotFound: The bucket itself is missing, which says nothing about the object.
        AdapterError: As `look`.
    """
    try:
        return look(key)
    except NotFound as error:
        if error.key is None:
            raise
        return None


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """What is told about the bytes of an upload.

    Attributes:
        mtime_ns: Modification time of the source; kept if the adapter declares `mtime`.
        digests: Digests of the whole source; kept where the provider can, and used to verify what arrived.
        content_type: MIME type; `None` lets the adapter guess it from the key.
        metadata: User metadata. Names are lower case; kept if the adapter declares `metadata`.
        mode: Permission bits of the source, `None` if it is no file. For buckets that are directories: what is written
            there must not be readable for more people than the source is.
    """

    mtime_ns: int | None = None
    digests: Digests = ()
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class DeleteOutcome:
    """What became of one key of a `delete_files` call; `error` is `None` where the object is gone."""

    key: str
    error: AdapterError | None = None
