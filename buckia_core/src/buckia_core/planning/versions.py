"""Versions of objects, and plans that restore them. Pure.

Restoring a key to a point in time:

    then        now          operation
    -----------------------------------------------------------------
    content     the same     none
    content     other        restore that version
    content     deleted      restore that version
    nothing     content      none; delete with `delete_new`
    nothing     deleted      none
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from buckia_core.planning.manifest import RemoteObject


class ObjectVersion(NamedTuple):
    """Version of an object, or delete marker.

    Attributes:
        key: The object's key.
        version: The provider's version id; unique within the key.
        modified_ns: Time when the provider received it, by the provider's clock; nanoseconds since 1970.
        latest: Whether it is the current version.
        deleted: Whether it is a delete marker, which has no content.
        size: Bytes; 0 for a delete marker.
        fingerprint: As in `RemoteObject`; empty for a delete marker.
    """

    key: str
    version: str
    modified_ns: int
    latest: bool
    deleted: bool = False
    size: int = 0
    fingerprint: str = ""

    def as_object(self) -> RemoteObject:
        """Return the version as an object."""
        return RemoteObject(self.key, self.size, self.fingerprint, self.modified_ns, version=self.version)


class Restoration(NamedTuple):
    """Operation that restores a version of one key.

    Attributes:
        key: The object's key.
        version: The version to restore; `None` to delete the object, because it did not exist.
        current: The current version; `None` if there is none.
    """

    key: str
    version: ObjectVersion | None
    current: ObjectVersion | None


def plan_undelete(versions: Iterable[ObjectVersion]) -> Iterator[Restoration]:
    """Yield operations that restore the newest version of each deleted object.

    Args:
        versions: Versions in order of keys; for each key, the newest first.
    """
    for key, history in _group_by_key(versions):
        if history[0].deleted:
            newest = next((each for each in history if not each.deleted), None)
            if newest is not None:
                yield Restoration(key, newest, None)


def plan_restore_to_time(
    versions: Iterable[ObjectVersion], at_ns: int, *, delete_new: bool = False
) -> Iterator[Restoration]:
    """Yield operations that restore objects to a point in time.

    Args:
        versions: As for `plan_undelete`.
        at_ns: The time, by the provider's clock; nanoseconds since 1970.
        delete_new: Whether to delete objects that did not exist at that time.
    """
    for key, history in _group_by_key(versions):
        now = None if history[0].deleted else history[0]
        then = next((each for each in history if each.modified_ns <= at_ns), None)
        if then is None or then.deleted:
            if now is not None and delete_new:
                yield Restoration(key, None, now)
        elif now is None or (now.size, now.fingerprint) != (then.size, then.fingerprint):
            yield Restoration(key, then, now)


def plan_restore_version(versions: Iterable[ObjectVersion], version: str) -> Restoration | None:
    """Return the operation that restores one version; `None` if there is no such version with content.

    Args:
        versions: All versions of one key, the newest first.
        version: The version id.
    """
    history = list(versions)
    wanted = next((each for each in history if each.version == version and not each.deleted), None)
    if wanted is None:
        return None
    return Restoration(wanted.key, wanted, None if history[0].deleted else history[0])


def _group_by_key(versions: Iterable[ObjectVersion]) -> Iterator[tuple[str, list[ObjectVersion]]]:
    for key, group in groupby(versions, attrgetter("key")):
        yield key, list(group)
