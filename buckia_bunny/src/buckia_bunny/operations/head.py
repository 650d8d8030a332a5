"""Looking at single objects, by their keys."""

from __future__ import annotations

from buckia_bunny.errors import not_found, precondition_failed
from buckia_bunny.storage.api import StorageApi
from buckia_bunny.storage.key_encoding import KeyCodec
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition
from buckia_core.planning.manifest import RemoteObject


class ObjectHead:
    """Looks at objects below the setting `prefix`, with one request each."""

    def __init__(self, storage: StorageApi, names: KeyCodec, prefix: str) -> None:
        self._storage = storage
        self._names = names
        self._prefix = prefix

    def path(self, key: str) -> str:
        """Return the path of a key in the zone.

        Raises:
            InvalidKey: The zone can't hold it.
        """
        return self._names.path(key, self._prefix)

    def find(self, key: str) -> RemoteObject | None:
        """Return an object; `None` if there is none."""
        entry = self._storage.describe(self.path(key), key)
        return None if entry is None else entry.as_object(key)

    def look(self, key: str) -> RemoteObject:
        """Return an object.

        Raises:
            NotFound: There is none.
        """
        found = self.find(key)
        if found is None:
            raise not_found(key)
        return found

    def expected(self, key: str, expect: RemoteObject | None) -> RemoteObject:
        """Return an object, which has to be the one that is expected, if one is.

        Raises:
            NotFound: There is none.
            PreconditionFailed: It is another version.
        """
        found = self.look(key)
        if expect is not None and found.fingerprint != expect.fingerprint:
            raise precondition_failed(key, "it is another version now")
        return found

    def meets(self, key: str, expect: Precondition | None) -> RemoteObject | None:
        """Return what is there before a write.

        Raises:
            PreconditionFailed: It is not as `expect` says.
        """
        found = self.find(key)
        match expect:
            case IfAbsent() if found is not None:
                raise precondition_failed(key, "it is there already")
            case IfUnchanged(seen) if found is None or found.fingerprint != seen.fingerprint:
                raise precondition_failed(key)
            case _:
                return found
