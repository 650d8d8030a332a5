"""`Backend`: the bucket behind `ObjectStore` and `AsyncObjectStore`, which share one."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.object_options import Encryption, ObjectOptions, Retention
from buckia_core.adapters.contract.protocols import WithOptions
from buckia_core.adapters.contract.types import Precondition, UploadInfo
from buckia_core.adapters.factory import open_bucket
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.config import BucketConfig
from buckia_core.config.parsers import SQLITE_OFF
from buckia_core.errors import InvalidSetting, NotSupported
from buckia_core.objects.progress import ProgressListener
from buckia_core.objects.read import Reader
from buckia_core.objects.upload import Upload

DEFAULT_ALGORITHM = "sha256"


class Backend:
    """A bucket, whose adapter is created on first use. Thread-safe.

    Args:
        bucket: The bucket's configuration, or an adapter.
        adapter: Replaces the adapter that the configuration names.

    An adapter that was passed is not closed.
    """

    def __init__(self, bucket: BucketConfig | BaseSync, adapter: BaseSync | None = None) -> None:
        self.config = bucket if isinstance(bucket, BucketConfig) else None
        given = bucket if isinstance(bucket, BaseSync) else adapter
        if self.config is None and given is None:
            raise InvalidSetting(f"bucket must be a BucketConfig or an adapter, not {bucket!r}")
        self._adapter = given
        self._owned = given is None
        self._reader: Reader | None = None
        self._lock = threading.Lock()

    @property
    def opened(self) -> BaseSync | None:
        """The adapter, if it has been created."""
        return self._adapter

    @property
    def adapter(self) -> BaseSync:
        """The adapter. The first use may block: it loads the adapter and resolves references to secrets."""
        found = self._adapter
        if found is None:
            with self._lock:
                if self._adapter is None:
                    assert self.config is not None
                    self._adapter = open_bucket(self.config)
                found = self._adapter
        return found

    @property
    def algorithm(self) -> str:
        """The digest that is computed for each object."""
        return DEFAULT_ALGORITHM if self.config is None else self.config.checksum_algorithm

    def adapter_with(self, encryption: Encryption | None = None, retention: Retention | None = None) -> BaseSync:
        """Return the adapter, or a view of it whose calls have these options; don't close the view.

        Raises:
            NotSupported: The provider, as configured, lacks one of them.
        """
        adapter = self.adapter
        if encryption is None and retention is None:
            return adapter
        if not (adapter.capabilities.with_options and isinstance(adapter, WithOptions)):
            message = "the provider, as configured, has no encryption and no locks for single objects"
            raise NotSupported(message, provider=adapter.provider)
        return adapter.with_options(ObjectOptions(encryption, retention))

    def reader(self, encryption: Encryption | None = None) -> Reader:
        """Return what reads objects.

        Raises:
            NotSupported: As `adapter_with`.
        """
        adapter, reader = self.adapter_with(encryption), self._reader
        if reader is not None and reader.adapter is adapter:
            return reader
        config = self.config
        policy = RetryPolicy() if config is None else RetryPolicy(config.retry_attempts, config.retry_seconds)
        reader = self._reader = Reader(adapter, self.algorithm, policy)
        return reader

    def upload(
        self,
        key: str,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        encryption: Encryption | None = None,
        retention: Retention | None = None,
        expect: Precondition | None = None,
        progress: ProgressListener | None = None,
    ) -> Upload:
        """Return an upload to a key.

        Raises:
            NotSupported: The provider, as configured, has no metadata, encryption or locks.
        """
        adapter = self.adapter_with(encryption, retention)
        if metadata and not adapter.capabilities.metadata:
            raise NotSupported(f"{key!r}: the provider keeps no metadata", provider=adapter.provider, key=key)
        info = UploadInfo(content_type=content_type, metadata=dict(metadata or {}))
        config = self.config
        if config is None:
            return Upload(adapter, key, info, DEFAULT_ALGORITHM, expect, progress)
        return Upload(adapter, key, info, config.checksum_algorithm, expect, progress, config.sqlite != SQLITE_OFF)

    def close(self) -> None:
        """Close the adapter, unless it was passed. The next use creates another."""
        if not self._owned:
            return
        with self._lock:
            adapter, self._adapter = self._adapter, None
        if adapter is not None:
            adapter.close()
