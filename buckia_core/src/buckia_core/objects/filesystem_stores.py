"""Buckets of a file system, by the name in their URLs."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from buckia_core.config import BucketConfig, ConfigFile, find, load
from buckia_core.objects.async_store import AsyncObjectStore
from buckia_core.objects.store import ObjectStore


class StoresByName:
    """The buckets of one configuration file, or one given by settings. Thread-safe.

    Args:
        config: Path of the file; by default the nearest one of the current directory and those above it.
        provider: Provider of a bucket that is given by settings; `None` if there is a file.
        settings: Settings of the bucket. They replace those of a file.
    """

    def __init__(
        self, config: str | os.PathLike[str] | None, provider: str | None, settings: Mapping[str, Any]
    ) -> None:
        self._path = None if config is None else Path(config)
        self._provider = provider
        self._settings = dict(settings)
        self._file: ConfigFile | None = None
        self._found: dict[str, tuple[ObjectStore, AsyncObjectStore]] = {}
        self._lock = threading.RLock()

    def names(self) -> list[str]:
        """Return the names that are known without a request."""
        with self._lock:
            return list(self._found) if self._provider is not None else list(self._load().buckets)

    def get(self, name: str) -> tuple[ObjectStore, AsyncObjectStore]:
        """Return both faces of a bucket.

        Raises:
            ConfigError: There is no configuration, it is invalid, or it has no such bucket.
        """
        found = self._found.get(name)
        if found is None:
            with self._lock:
                found = self._found.get(name)
                if found is None:
                    store = ObjectStore(self._configure(name))
                    found = self._found[name] = (store, AsyncObjectStore.from_sync(store))
        return found

    async def close(self) -> None:
        """Close the connections of this event loop, and the adapters."""
        for _, asynchronous in list(self._found.values()):
            await asynchronous.close()
        self.close_adapters()

    def close_adapters(self) -> None:
        """Close the adapters, with the connections of threads."""
        with self._lock:
            stores, self._found = list(self._found.values()), {}
        for store, _ in stores:
            store.close()

    def _configure(self, name: str) -> BucketConfig:
        if self._provider is not None:
            return BucketConfig(provider=self._provider, **{"bucket_name": name, "name": name, **self._settings})
        return self._load().bucket(name).with_changes(**self._settings)

    def _load(self) -> ConfigFile:
        if self._file is None:
            self._file = load(find(Path.cwd()) if self._path is None else self._path)
        return self._file
