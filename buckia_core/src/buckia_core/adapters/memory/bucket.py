"""Bucket in memory: objects in key order, under one lock, shared by name within the process."""

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
"""Version id of every object of a bucket without versions."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of one object.

    Attributes:
        object: The object with its metadata, as `stat_file` returns it.
        listed: The object as listings return it; built once because listings are long.
        data: The content.
    """

    object: RemoteObject
    listed: RemoteObject
    data: bytes


@dataclass(frozen=True, slots=True)
class DeleteMarker:
    """The version that a deletion adds.

    Attributes:
        version: Version id.
        modified_ns: Time of the deletion, in nanoseconds since 1970.
    """

    version: str
    modified_ns: int


Check = Callable[[StoredObject | None], None]
"""Gets the object stored under a key, `None` if there is none, and raises if it must not be replaced."""


class MemoryBucket:
    """Objects by full key. Every method is atomic."""

    def __init__(self, name: str, *, versions: bool = False) -> None:
        self.name = name
        self.versions = versions
        self._lock = threading.Lock()
        self._keys: list[str] = []
        self._objects: dict[str, StoredObject] = {}
        self._old_versions: dict[str, list[StoredObject | DeleteMarker]] = {}
        self._generation = 0

    def get(self, key: str) -> StoredObject | None:
        """Return the object of a key; `None` if there is none."""
        with self._lock:
            return self._objects.get(key)

    def put(self, key: str, data: bytes, info: UploadInfo, content_type: str, check: Check) -> StoredObject:
        """Store an object, unless `check` raises; it is called under the lock."""
        sha256 = hashlib.sha256(data).hexdigest()
        with self._lock:
            current = self._objects.get(key)
            check(current)
            self._generation += 1
            stored = _stored(key, data, sha256, self._generation, info, content_type, versions=self.versions)
            if current is None:
                insort(self._keys, key)
            else:
                self._keep_version(current)
            self._objects[key] = stored
            return stored

    def delete(self, key: str) -> None:
        """Delete an object; an absent one is no error."""
        with self._lock:
            current = self._objects.pop(key, None)
            if current is not None:
                del self._keys[bisect_left(self._keys, key)]
                self._keep_version(current)
                if self.versions:
                    self._generation += 1
                    self._old_versions[key].append(DeleteMarker(str(self._generation), time.time_ns()))

    def page(self, after: str, *, inclusive: bool, end: str | None, size: int) -> list[RemoteObject]:
        """Return up to `size` objects in key order: after `after`, or from it if `inclusive`, up to and with `end`."""
        with self._lock:
            start = (bisect_left if inclusive else bisect_right)(self._keys, after)
            stop = len(self._keys) if end is None else bisect_right(self._keys, end)
            return [self._objects[key].listed for key in self._keys[start : min(stop, start + size)]]

    def list_versions(self, prefix: str) -> list[ObjectVersion]:
        """Return all versions of the keys that start with a prefix: keys in order, the newest version first."""
        with self._lock:
            keys = sorted(key for key in {*self._keys, *self._old_versions} if key.startswith(prefix))
            return [version for key in keys for version in self._versions(key)]

    def get_version(self, key: str, version: str) -> StoredObject | None:
        """Return one version; `None` if there is none of that id, or if it is a delete marker."""
        with self._lock:
            stored = (entry for entry in self._history(key) if isinstance(entry, StoredObject))
            return next((entry for entry in stored if _version_id(entry) == version), None)

    def delete_version(self, key: str, version: str) -> None:
        """Delete one version permanently; the one before it becomes the latest. An absent one is no error."""
        with self._lock:
            left = [entry for entry in self._history(key) if _version_id(entry) != version]
            if self._objects.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]
            latest = left[-1] if left else None
            if isinstance(latest, StoredObject):
                left.pop()
                self._objects[key] = latest
                insort(self._keys, key)
            self._old_versions[key] = left

    def _history(self, key: str) -> list[StoredObject | DeleteMarker]:
        """Return all versions of a key, oldest first."""
        current = self._objects.get(key)
        return [*self._old_versions.get(key, ()), *(() if current is None else (current,))]

    def _versions(self, key: str) -> list[ObjectVersion]:
        newest_first = self._history(key)[::-1]
        return [_object_version(key, entry, latest=entry is newest_first[0]) for entry in newest_first]

    def _keep_version(self, stored: StoredObject) -> None:
        if self.versions:
            self._old_versions.setdefault(stored.object.key, []).append(stored)


def _version_id(entry: StoredObject | DeleteMarker) -> str:
    return entry.version if isinstance(entry, DeleteMarker) else entry.object.version or UNVERSIONED


def _object_version(key: str, entry: StoredObject | DeleteMarker, *, latest: bool) -> ObjectVersion:
    version = _version_id(entry)
    if isinstance(entry, DeleteMarker):
        return ObjectVersion(key, version, entry.modified_ns, latest, deleted=True)
    found = entry.object
    return ObjectVersion(key, version, found.modified_ns, latest, size=found.size, fingerprint=found.fingerprint)


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
    return StoredObject(listed._replace(content_type=content_type, metadata=dict(info.metadata)), listed, data)


_buckets: dict[str, MemoryBucket] = {}
_buckets_lock = threading.Lock()


def shared_bucket(name: str, *, versions: bool = False) -> MemoryBucket:
    """Return this process's bucket of that name. The first call creates it, with or without `versions`."""
    with _buckets_lock:
        return _buckets.setdefault(name, MemoryBucket(name, versions=versions))
