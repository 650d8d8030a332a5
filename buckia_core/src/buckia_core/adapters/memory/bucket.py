"""A bucket in memory: objects in key order, under one lock, shared by name within the process."""

from __future__ import annotations

import hashlib
import threading
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass

from buckia_core.adapters.objects import UploadInfo
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of one object.

    Attributes:
        object: All that is known of it.
        listed: The same as a listing tells it, made once because listings are long.
        data: Its bytes.
    """

    object: RemoteObject
    listed: RemoteObject
    data: bytes


Check = Callable[[Stored | None], None]
"""Looks at what is stored under a key, under the bucket's lock, and raises if it must not be replaced."""


class MemoryBucket:
    """Objects by key. Every method is one atomic step; keys are whole, prefixes included."""

    def __init__(self, name: str, *, versions: bool = False) -> None:
        self.name = name
        self.versions = versions
        self._lock = threading.Lock()
        self._keys: list[str] = []
        self._objects: dict[str, Stored] = {}
        self._past: dict[str, list[Stored]] = {}
        self._generation = 0

    def get(self, key: str) -> Stored | None:
        """Return what is stored under a key; `None` if nothing is."""
        with self._lock:
            return self._objects.get(key)

    def put(self, key: str, data: bytes, info: UploadInfo, content_type: str, check: Check) -> Stored:
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

    def page(self, after: str, *, inclusive: bool, end: str | None, size: int) -> list[RemoteObject]:
        """Return the next objects in key order: from `after` on, or past it, up to and including `end`."""
        with self._lock:
            start = (bisect_left if inclusive else bisect_right)(self._keys, after)
            stop = len(self._keys) if end is None else bisect_right(self._keys, end)
            return [self._objects[key].listed for key in self._keys[start : min(stop, start + size)]]

    def versions_of(self, key: str) -> list[Stored]:
        """Return the versions of a key that were overwritten or deleted, oldest first; none if they aren't kept."""
        with self._lock:
            return list(self._past.get(key, ()))

    def _retire(self, stored: Stored) -> None:
        if self.versions:
            self._past.setdefault(stored.object.key, []).append(stored)


def _stored(
    key: str, data: bytes, sha256: str, generation: int, info: UploadInfo, content_type: str, *, versions: bool
) -> Stored:
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
    return Stored(whole, listed, data)


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
