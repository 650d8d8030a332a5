"""Object metadata by key."""

from __future__ import annotations

from buckia_bunny.errors import not_found, precondition_failed
from buckia_bunny.storage.api import StorageApi
from buckia_bunny.storage.key_encoding import KeyCodec
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition
from buckia_core.planning.manifest import RemoteObject


class ObjectHead:
    """Object metadata below the configured prefix, with one request per key."""

    def __init__(self, storage: StorageApi, codec: KeyCodec, prefix: str) -> None:
        self._storage = storage
        self._codec = codec
        self._prefix = prefix

    def path(self, key: str) -> str:
        """Return the path of a key in the zone.

        Raises:
            InvalidKey: The zone does not accept it.
        """
        return self._codec.path(key, self._prefix)

    async def find(self, key: str) -> RemoteObject | None:
        """Return an object; `None` if it does not exist."""
        entry = await self._storage.describe(self.path(key), key)
        return None if entry is None else entry.as_object(key)

    async def head(self, key: str) -> RemoteObject:
        """Return an object.

        Raises:
            NotFound: There is no such object.
        """
        found = await self.find(key)
        if found is None:
            raise not_found(key)
        return found

    async def head_expected(self, key: str, expect: RemoteObject | None) -> RemoteObject:
        """Return an object and check that it is the expected version.

        Raises:
            NotFound: There is no such object.
            PreconditionFailed: It is another version.
        """
        found = await self.head(key)
        if expect is not None and found.fingerprint != expect.fingerprint:
            raise precondition_failed(key, "it is another version now")
        return found

    async def check_precondition(self, key: str, expect: Precondition | None) -> RemoteObject | None:
        """Check a precondition, and return the current object or `None`.

        Raises:
            PreconditionFailed: The object is in another state.
        """
        found = await self.find(key)
        match expect:
            case IfAbsent() if found is not None:
                raise precondition_failed(key, "it exists already")
            case IfUnchanged(seen) if found is None or found.fingerprint != seen.fingerprint:
                raise precondition_failed(key)
            case _:
                return found
