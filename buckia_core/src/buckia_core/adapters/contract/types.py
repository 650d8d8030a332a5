"""Data types of the contract: preconditions, delete outcomes, the attributes of an upload."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from buckia_core.errors import AdapterError, BucketNotFound, NotFound
from buckia_core.planning.digest import Digests
from buckia_core.planning.manifest import RemoteObject

if TYPE_CHECKING:
    from buckia_core.config.object_rules import ObjectAttributes


@dataclass(frozen=True, slots=True)
class IfAbsent:
    """The object must not exist."""


@dataclass(frozen=True, slots=True)
class IfUnchanged:
    """The object must still have the fingerprint of `seen`."""

    seen: RemoteObject


Precondition = IfAbsent | IfUnchanged
"""What must hold of the object of a key when it is written; `None` in its place: nothing."""


def satisfies(expect: Precondition | None, found: RemoteObject | None) -> bool:
    """Tell whether an object, `None` if it does not exist, satisfies a precondition."""
    match expect:
        case None:
            return True
        case IfAbsent():
            return found is None
        case IfUnchanged(seen):
            return found is not None and found.fingerprint == seen.fingerprint


def stat_or_none(stat: Callable[[str], RemoteObject], key: str) -> RemoteObject | None:
    """Return `stat(key)`, `None` if the object does not exist.

    Raises:
        BucketNotFound: The bucket does not exist.
        AdapterError: As `stat`.
    """
    try:
        return stat(key)
    except BucketNotFound:
        raise
    except NotFound:
        return None


def delete_one(delete: Callable[[Sequence[str]], Iterable[DeleteOutcome]], key: str) -> None:
    """Delete one object with a `delete_files`. One that does not exist is no error.

    Raises:
        AdapterError: It was not deleted, or the adapter did not say whether it was.
    """
    check_deleted(delete([key]), key)


def check_deleted(outcomes: Iterable[DeleteOutcome], key: str) -> None:
    """Return if the outcomes of a `delete_files` say that an object is deleted; raises as `delete_one`."""
    found = {outcome.key: outcome for outcome in outcomes}
    if key not in found:
        raise AdapterError(f"{key!r}: the provider did not say whether it is deleted", key=key)
    if (error := found[key].error) is not None:
        raise error


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """Attributes of an upload.

    Attributes:
        mtime_ns: Modification time of the source; stored if the adapter declares `mtime`.
        digests: Digests of the full source, to verify the bytes that arrive; stored if the provider can.
        content_type: MIME type; `None` lets the adapter guess it from the key.
        metadata: User metadata; stored if the adapter declares `metadata`. Names are lower-case ASCII letters, digits
            and dashes; values are any text without control characters, which the adapter encodes if it must.
        mode: Permission bits of the source, `None` if it is no file. The `file` adapter grants a new file no group or
            other permission that the source lacks.
        digests_computed: The caller has computed `digests` from the `bytes` that are the source: an adapter need not
            compute them again.
        attributes: Headers and tags of the object, in place of those of the settings; `None` for those of the settings.
            Only for adapters that declare `attributes`. Its `content_type` and `metadata` are not used.
    """

    mtime_ns: int | None = None
    digests: Digests = ()
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    mode: int | None = None
    digests_computed: bool = False
    attributes: ObjectAttributes | None = None


class BucketLocation(NamedTuple):
    """Where the server finds a bucket, for copies to another bucket of the same service.

    Attributes:
        service: The service: two buckets of one service have the same text.
        bucket: The bucket, as the service names it in a copy.
        prefix: The prefix before all keys, as `normalize_prefix` returns it.
    """

    service: str
    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class DeleteOutcome:
    """Result for one key of a `delete_files` call.

    Attributes:
        key: The key.
        error: Why the delete failed; `None` if the object no longer exists.
    """

    key: str
    error: AdapterError | None = None
