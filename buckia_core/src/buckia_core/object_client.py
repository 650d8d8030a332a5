"""`ObjectClient`: the methods of the client for single objects, versions and shares."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import DeleteOutcome
from buckia_core.config import BucketConfig
from buckia_core.errors import AlreadyExists
from buckia_core.planning.manifest import RemoteObject
from buckia_core.syncing import arguments

if TYPE_CHECKING:
    from buckia_core.objects.store import ObjectStore
    from buckia_core.sharing.config import ShareConfig
    from buckia_core.sharing.shares import Shares
    from buckia_core.syncing.transfer.versions import BucketVersions

AnyPath = str | os.PathLike[str]
"""A path in the file system, as a string or a path object."""


class ObjectClient(ABC):
    """The methods of `BuckiaClient` for single objects, versions and shares."""

    config: BucketConfig
    _share_config: ShareConfig | None

    @property
    @abstractmethod
    def adapter(self) -> BaseSync:
        """The adapter of the bucket."""

    @cached_property
    def objects(self) -> ObjectStore:
        """The bucket as a store of objects. Closed with the client."""
        from buckia_core.objects.store import ObjectStore  # noqa: PLC0415  # not needed by a sync

        return ObjectStore(self.config, adapter=self.adapter)

    @cached_property
    def shares(self) -> Shares:
        """Links to copies of objects in a share bucket. Closed with the client.

        Raises:
            ConfigError: There is no `share`, neither in the configuration nor as an argument.
        """
        from buckia_core.sharing.config import ShareConfig  # noqa: PLC0415  # not needed by a sync
        from buckia_core.sharing.shares import Shares  # noqa: PLC0415

        return Shares(self.objects, self._share_config or ShareConfig.from_bucket(self.config))

    def list(self, prefix: str = "") -> Iterator[RemoteObject]:
        """Yield the objects with a prefix, in order of their keys.

        Raises:
            AdapterError: The listing failed, possibly after some objects.
        """
        return self.objects.iter(prefix, partial_names=True)

    def stat(self, key: str) -> RemoteObject:
        """Return all metadata of an object.

        Raises:
            NotFound: There is no such object.
        """
        return self.objects.stat(key)

    def get(self, key: str, target: AnyPath, *, overwrite: bool = False, version: str | None = None) -> RemoteObject:
        """Download an object, or a version of it, to a file, or into a directory under the last part of its key.

        Raises:
            NotFound: There is no such object or version.
            NotSupported: The provider keeps no versions.
            AlreadyExists: The file exists, and `overwrite` is not set.
            IntegrityError: The content does not match the object's digest. An existing file is unchanged.
        """
        path = arguments.as_path(target, "target")
        if version is None:
            return self.objects.download(key, path, overwrite=overwrite)
        path = path / key.rstrip("/").rpartition("/")[2] if path.is_dir() else path
        if path.exists() and not overwrite:
            raise AlreadyExists(f"{path} exists; pass --overwrite to replace it", key=key)
        return self.versions().fetch(key, version, path)

    def put(self, source: AnyPath, key: str) -> RemoteObject:
        """Upload a file, and replace an existing object. If the key ends in a slash, the file's name is appended.

        Raises:
            OSError: The file can't be read.
            AdapterError: The upload failed.
        """
        source = arguments.as_path(source, "source")
        key = key + source.name if not key or key.endswith("/") else key
        return self.objects.put(key, source)

    def remove(self, keys: Sequence[str]) -> Sequence[DeleteOutcome]:
        """Delete objects without a backup, and return an outcome for each key. A missing object is no error."""
        given = arguments.as_strings(keys, "keys")
        failed = {outcome.key: outcome for outcome in self.objects.delete_many(given).failed}
        return [failed.get(key, DeleteOutcome(key)) for key in given]

    def copy(self, source_key: str, key: str) -> RemoteObject:
        """Copy an object, and replace an object under the new key. The server copies, if it can.

        Raises:
            NotFound: There is no such object.
        """
        return self.objects.copy(source_key, key)

    def versions(self) -> BucketVersions:
        """Return the versions that the bucket keeps of overwritten and deleted objects.

        Raises:
            NotSupported: The provider keeps no versions.
        """
        from buckia_core.syncing.transfer.versions import BucketVersions  # noqa: PLC0415  # as above

        return BucketVersions(self.adapter, self.config.max_workers)
