"""A bucket in memory: objects in key order, under one lock, shared by name within the process."""

from __future__ import annotations

import hashlib
import threading
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass

from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.versions import ObjectVersion

UNVERSIONED = "null"
"""Id of the one version of an object in a bucket that keeps none."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of one object.

    Attributes:
        object: All that is known of it.
        listed: The same as a listing tells it, made once because listings are long.
        data: Its bytes.
    """

    object: RemoteObject
    listed: RemoteObject
    data: bytes


@dataclass(frozen=True, slots=True)
class DeleteMarker:
    """The mark of a deletion.

    Attributes:
        version: Its id.
        modified_ns: When it was made, in nanoseconds since 1970.
    """

    version: str
    modified_ns: int


Check = Callable[[StoredObject | None], None]
"""Looks at what is stored under a key, under the bucket's lock, and raises if it must not be replaced."""


class MemoryBucket:
    """Objects by key. Every method is one atomic step; keys are whole, prefixes included."""

    def __init__(self, name: str, *, versions: bool = False) -> None:
        self.name = name
        self.versions = versions
        self._lock = threading.Lock()
        self._keys: list[str] = []
        self._objects: dict[str, StoredObject] = {}
        self._past: dict[str, list[StoredObject | DeleteMarker]] = {}
        self._generation = 0

    def get(self, key: str) -> StoredObject | None:
        """Return what is stored under a key; `None` if nothing is."""
        with self._lock:
            return self._objects.get(key)

    def put(self, key: str, data: bytes, info: UploadInfo, content_type: str, check: Check) -> StoredObject:
        """Store an object, unless `check` raises."""
        value = hashlib.sha256(data).hexdigest()
        with self._lock:
            current = self._objects.get(key)
            check(current)
            self._generation += 1
            stored = _stored(key, data, value, self._generation, info, content_type, versions=self.versions)
            if current is None:
                insort(self._keys, key)
            else:
                self._retire(current)
            self._objects[key] = stored
            return stored

    def delete(self, key: str) -> None:
        """Delete an object; an absent one is no error."""
        with self._lock:
            current = self._objects.pop(key, None)
            if current is not None:
                del self._keys[bisect_left(self._keys, key)]
                self._retire(current)
                if self.versions:
                    self._generation += 1
                    self._past[key].append(DeleteMarker(str(self._generation), time.time_ns()))

    def page(self, after: str, *, inclusive: bool, end: str | None, size: int) -> list[RemoteObject]:
        """Return the next objects in key order: from `after` on, or past it, up to and including `end`."""
        with self._lock:
            start = (bisect_left if inclusive else bisect_right)(self._keys, after)
            stop = len(self._keys) if end is None else bisect_right(self._keys, end)
            return [self._objects[key].listed for key in self._keys[start : min(stop, start + size)]]

    def versions_of(self, key: str) -> list[StoredObject]:
        """Return the versions of a key that were overwritten or deleted, oldest first; none if they aren't kept."""
        with self._lock:
            return [each for each in self._past.get(key, ()) if isinstance(each, StoredObject)]

    def history(self, prefix: str) -> list[ObjectVersion]:
        """Return all versions of the keys that start with a prefix: keys in order, the newest version first."""
        with self._lock:
            keys = sorted(key for key in {*self._keys, *self._past} if key.startswith(prefix))
            return [each for key in keys for each in self._versions(key)]

    def get_version(self, key: str, version: str) -> StoredObject | None:
        """Return one version; `None` if there is none of that id, or if it is a deletion."""
        with self._lock:
            kept = (each for each in self._all(key) if isinstance(each, StoredObject))
            return next((each for each in kept if _id_of(each) == version), None)

    def delete_version(self, key: str, version: str) -> None:
        """Delete one version for good; the one before it is then the latest. An absent one is no error."""
        with self._lock:
            left = [each for each in self._all(key) if _id_of(each) != version]
            if self._objects.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]
            latest = left[-1] if left else None
            if isinstance(latest, StoredObject):
                left.pop()
                self._objects[key] = latest
                insort(self._keys, key)
            self._past[key] = left

    def _all(self, key: str) -> list[StoredObject | DeleteMarker]:
        """Return all of a key, oldest first."""
        current = self._objects.get(key)
        return [*self._past.get(key, ()), *(() if current is None else (current,))]

    def _versions(self, key: str) -> list[ObjectVersion]:
        kept = self._all(key)[::-1]
        return [_version(key, each, latest=each is kept[0]) for each in kept]

    def _retire(self, stored: StoredObject) -> None:
        if self.versions:
            self._past.setdefault(stored.object.key, []).append(stored)


def _id_of(each: StoredObject | DeleteMarker) -> str:
    return each.version if isinstance(each, DeleteMarker) else each.object.version or UNVERSIONED


def _version(key: str, each: StoredObject | DeleteMarker, *, latest: bool) -> ObjectVersion:
    if isinstance(each, DeleteMarker):
        return ObjectVersion(key, each.version, each.modified_ns, latest, deleted=True)
    found = each.object
    return ObjectVersion(key, _id_of(each), found.modified_ns, latest, size=found.size, fingerprint=found.fingerprint)


def _stored(
    key: str, data: bytes, sha256: str, generation: int, info: UploadInfo, content_type: str, *, versions: bool
) -> StoredObject:
    listed = RemoteObject(
        key=key,
        size=len(data),
        fingerprint=f"{sha256[:16]}-{generation}",
        modified_ns=time.time_ns(),
        mtime_ns=info.mtime_ns,
        digests=(Digest("sha256", sha256),),
        version=str(generation) if versions else None,
    )
    whole = listed._replace(content_type=content_type, metadata=dict(info.metadata))
    return StoredObject(whole, listed, data)


_buckets: dict[str, MemoryBucket] = {}
_buckets_lock = threading.Lock()


def shared_bucket(name: str, *, versions: bool = False) -> MemoryBucket:
    """Return this process's bucket of that name; it is made at first use, and `versions` then holds for good."""
    with _buckets_lock:
        return _buckets.setdefault(name, MemoryBucket(name, versions=versions))


def drop_bucket(name: str) -> None:
    """Forget this process's bucket of that name, with all that is in it; adapters that have it open keep it."""
    with _buckets_lock:
        _buckets.pop(name, None)
