"""The bucket as the workers of a run see it, in this process or in another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.factory import open_bucket
from buckia_core.config import BucketConfig, KeepReplaced
from buckia_core.planning.keys import FilesystemRules
from buckia_core.syncing.disk.paths import FileLocator, Identity
from buckia_core.syncing.planner.decider import Decider
from buckia_core.syncing.planner.evidence import EvidenceCollector


class BucketHandle:
    """The bucket, and what decides its keys. Pickled, it is the configuration, of which an adapter is made elsewhere.

    Args:
        adapter: The bucket.
        config: What to make the adapter of in another process; `None` keeps all work in this one.
        algorithm: The digest that the baseline keeps.
        disks: Rules of each mapping's disk, by id.
        follow: Symbolic links below the local roots are followed.
        roots: Which directory the local root of each mapping was when the run began, by id.
    """

    def __init__(
        self,
        adapter: BaseSync | None,
        config: BucketConfig | None,
        algorithm: str,
        disks: dict[str, FilesystemRules],
        follow: bool = False,
        roots: Mapping[str, Identity | None] | None = None,
    ) -> None:
        self._given = adapter
        self._config = config
        self._algorithm = algorithm
        self.disks = disks
        self.roots = roots or {}
        self._follow = follow

    @cached_property
    def adapter(self) -> BaseSync:
        """The bucket."""
        if self._given is not None:
            return self._given
        assert self._config is not None
        return _opened(self._config)

    @cached_property
    def decider(self) -> Decider:
        """What decides single keys."""
        return Decider(EvidenceCollector(self.adapter, self._algorithm, self._follow), self.disks)

    def places(self) -> FileLocator:
        """Return the places of keys on the local disks, to be closed after use."""
        return FileLocator(self.disks, follow=self._follow, roots=self.roots)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._config is None:
            raise TypeError("an adapter that was handed in can't go to another process; give a configuration instead")
        return BucketHandle, (None, self._config, self._algorithm, self.disks, self._follow, self.roots)


_adapters: dict[BucketConfig, BaseSync] = {}


def _opened(config: BucketConfig) -> BaseSync:
    """Return the adapter of this process for a configuration, which lives as long as the process."""
    if config not in _adapters:
        _adapters[config] = open_bucket(config)
    return _adapters[config]


@dataclass(frozen=True, slots=True)
class BackupPolicy:
    """Which versions in the bucket are fetched into the local trash before they are replaced or deleted.

        mode     fetched
        ----------------------------------------------------------------------------------------
        AUTO     nothing where the bucket keeps versions; all where reading it is free; else what
                 a person would lose
        ALWAYS   all
        NEVER    nothing

    Attributes:
        mode: As configured.
        versions: The bucket keeps versions.
        free_reads: Reading the bucket costs nothing.
    """

    mode: KeepReplaced
    versions: bool
    free_reads: bool

    def covers(self, loses: bool) -> bool:
        """Tell whether to fetch a version. `loses`: a person wrote it, and nobody let it go."""
        match self.mode:
            case KeepReplaced.AUTO:
                return not self.versions and (loses or self.free_reads)
            case KeepReplaced.ALWAYS:
                return True
            case KeepReplaced.NEVER:
                return False
