"""`BucketContext`: the bucket and its rules, for the planner and the workers of a run in any process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.factory import open_bucket
from buckia_core.config import BucketConfig
from buckia_core.planning.keys import FilesystemRules
from buckia_core.syncing.disk.file_locator import FileLocator
from buckia_core.syncing.disk.paths import RootIdentity
from buckia_core.syncing.planner.decider import Decider
from buckia_core.syncing.planner.evidence import EvidenceCollector


class BucketContext:
    """Context of a run: the adapter, the decider, and the rules of file systems.

    A pickle contains the configuration instead of the adapter; each other process opens its own adapter from that.

    Args:
        adapter: The adapter; `None` to open one from `config`.
        config: The configuration for other processes; `None` if the context is not pickled.
        algorithm: The digest algorithm of the baseline.
        filesystem_rules: The rules of each mapping's file system, by id.
        follow: Whether symbolic links below the local roots are followed.
        root_identities: The identity of each mapping's local root at the start of the run, by id.
    """

    def __init__(
        self,
        adapter: BaseSync | None,
        config: BucketConfig | None,
        algorithm: str,
        filesystem_rules: dict[str, FilesystemRules],
        follow: bool = False,
        root_identities: Mapping[str, RootIdentity | None] | None = None,
    ) -> None:
        self._adapter = adapter
        self._config = config
        self._algorithm = algorithm
        self.filesystem_rules = filesystem_rules
        self.root_identities = root_identities or {}
        self._follow = follow

    @cached_property
    def adapter(self) -> BaseSync:
        """The adapter of the bucket."""
        if self._adapter is not None:
            return self._adapter
        assert self._config is not None
        return _shared_adapter(self._config)

    @cached_property
    def decider(self) -> Decider:
        """The decider of single keys."""
        return Decider(EvidenceCollector(self.adapter, self._algorithm, self._follow), self.filesystem_rules)

    def locator(self, *, remember_missing: bool = False) -> FileLocator:
        """Return a locator of the local files, to be closed after use."""
        return FileLocator(
            self.filesystem_rules,
            follow=self._follow,
            root_identities=self.root_identities,
            remember_missing=remember_missing,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        if self._config is None:
            raise TypeError("an adapter that was handed in can't go to another process; give a configuration instead")
        fields = self._config, self._algorithm, self.filesystem_rules, self._follow, self.root_identities
        return BucketContext, (None, *fields)


_adapters: dict[BucketConfig, BaseSync] = {}


def _shared_adapter(config: BucketConfig) -> BaseSync:
    """Return the adapter of this process for a configuration; it is opened once a process."""
    if config not in _adapters:
        _adapters[config] = open_bucket(config)
    return _adapters[config]
