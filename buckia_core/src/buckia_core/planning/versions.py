"""Versions of objects, and what has to be done so that a bucket is as it was. Pure.

What a key is brought to, by what was there at the time asked for and what is there now:

    then        now          what is done
    -----------------------------------------------------------------
    content     the same     nothing
    content     other        that version is brought back
    content     deleted      that version is brought back
    nothing     content      nothing; with `delete_new` it is deleted
    nothing     deleted      nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from buckia_core.planning.manifest import RemoteObject


class ObjectVersion(NamedTuple):
    """One version of one object, or the mark that it was deleted.

    Attributes:
        key: The object's key.
        version: The provider's id of this version; unique within the key.
        modified_ns: When the provider took it in, by the provider's clock; nanoseconds since 1970.
        latest: It is what the key stands for now.
        deleted: It has no content: it says that the object was deleted then.
        size: Bytes; 0 of a deletion.
        fingerprint: As that of a `RemoteObject`; empty of a deletion.
    """

    key: str
    version: str
    modified_ns: int
    latest: bool
    deleted: bool = False
    size: int = 0
    fingerprint: str = ""

    def as_object(self) -> RemoteObject:
        """Return the object that this version is while it is the latest one."""
        return RemoteObject(self.key, self.size, self.fingerprint, self.modified_ns, version=self.version)


@dataclass(frozen=True, slots=True)
class Restoration:
    """What is to be done to one key.

    Attributes:
        key: The object.
        version: What is brought back; `None` if the object is deleted, because it was not there.
        current: What is there now; `None` if nothing is.
    """

    key: str
    version: ObjectVersion | None
    current: ObjectVersion | None


def plan_undelete(versions: Iterable[ObjectVersion]) -> Iterator[Restoration]:
    """Yield what brings back all that is deleted now: of each key the newest version.

    Args:
        versions: In order of their keys; those of a key one after the other, the newest first.
    """
    for key, history in _group_by_key(versions):
        if history[0].deleted:
            newest = next((each for each in history if not each.deleted), None)
            if newest is not None:
                yield Restoration(key, newest, None)


def plan_restore_to_time(
    versions: Iterable[ObjectVersion], at_ns: int, *, delete_new: bool = False
) -> Iterator[Restoration]:
    """Yield what brings keys to what they were at a time, in nanoseconds since 1970 by the provider's clock.

    Args:
        versions: As of `undeletions`.
        at_ns: The time.
        delete_new: Delete what was not there.
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
    """Return what brings back one version of one key; `None` if there is none of that id that has content.

    Args:
        versions: All of that key, the newest first.
        version: Its id.
    """
    history = list(versions)
    wanted = next((each for each in history if each.version == version and not each.deleted), None)
    if wanted is None:
        return None
    return Restoration(wanted.key, wanted, None if history[0].deleted else history[0])


def _group_by_key(versions: Iterable[ObjectVersion]) -> Iterator[tuple[str, list[ObjectVersion]]]:
    for key, group in groupby(versions, attrgetter("key")):
        yield key, list(group)
