"""`VersionMethods`: the methods of `S3Sync` for versions, and the locks of new ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from buckia_core.adapters.contract.readers import open_chunks
from buckia_core.adapters.contract.types import Precondition
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.versions import ObjectVersion
from buckia_s3.config.settings import S3Settings

if TYPE_CHECKING:
    from buckia_s3.operations.object_locks import ObjectLocks
    from buckia_s3.operations.versions import Versions


class VersionMethods:
    """VersionMethods: list, read, restore, delete and lock versions."""

    _settings: S3Settings

    if TYPE_CHECKING:

        @property
        def versions(self) -> Versions: ...

        @property
        def locks(self) -> ObjectLocks: ...

    def list_versions(self, prefix: str = "") -> Iterator[ObjectVersion]:
        """See `Versioned`."""
        return self.versions.list(prefix)

    def stat_version(self, key: str, version: str) -> RemoteObject:
        """See `Versioned`."""
        return self.versions.stat(key, version)

    @contextmanager
    def open_version(self, key: str, version: str) -> Iterator[BinaryIO]:
        """See `Versioned`."""
        with self.versions.open_version(key, version) as chunks, open_chunks(chunks) as reader:
            yield reader

    def restore_version(self, key: str, version: str, *, expect: Precondition | None = None) -> RemoteObject:
        """See `Versioned`. Copies on the server; multipart above 5 GiB."""
        return self._apply_locks(self.versions.restore(key, version, expect))

    def delete_version(self, key: str, version: str) -> None:
        """See `Versioned`. `versions.delete` can also bypass a retention in mode GOVERNANCE."""
        self.versions.delete(key, version, retry=False)

    def _apply_locks(self, written: RemoteObject) -> RemoteObject:
        """Lock an object as the settings say, after a multipart upload or a copy."""
        from buckia_s3.operations.object_spec import lock_headers  # noqa: PLC0415  # as above

        headers = lock_headers(self._settings)
        if headers:
            self.locks.apply(written.key, written.version, headers)
        return written
