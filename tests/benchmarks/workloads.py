"""What is compared. `WORKLOADS` has everything by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from tests.benchmarks.files import DISKS
from tests.benchmarks.measure import Contender
from tests.benchmarks.networks import HTTP, Network
from tests.benchmarks.stage import CephStage, Stage
from tests.benchmarks.tools import S3_TOOLS, Tool


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a comparison takes place: the disk of the files, and the network to the server."""

    disk: str
    network: Network

    def __str__(self) -> str:
        return f"{self.disk}, {self.network.name}"


@dataclass(frozen=True, slots=True)
class Race:
    """One comparison: a row of results."""

    title: str
    setting: Setting
    contenders: Sequence[Contender]


@dataclass(frozen=True, kw_only=True)
class Workload(ABC):
    """A task for all tools, which may be set in several settings.

    Attributes:
        name: What options call it.
        count: How many files there are.
        networks: Over which networks it is compared.
        disks: On which disks.
        tools: Who takes part.
    """

    name: str
    count: int
    networks: tuple[Network, ...] = (HTTP,)
    disks: tuple[str, ...] = DISKS
    tools: tuple[type[Tool], ...] = S3_TOOLS
    stage: ClassVar[type[Stage]] = CephStage

    def settings(self, disks: Sequence[str], networks: Sequence[str]) -> list[Setting]:
        """Return the settings of this workload, of those that are asked for."""
        return [
            Setting(disk, network)
            for disk in self.disks
            if disk in disks
            for network in self.networks
            if network.name in networks
        ]

    def scaled(self, factor: float) -> Self:
        """Return the same task with another number of files."""
        return replace(self, count=max(1, round(self.count * factor)))

    @abstractmethod
    def races(self, stage: Stage, setting: Setting, tools: Sequence[type[Tool]]) -> Iterator[Race]:
        """Set the stage for one race after the other. What stands after a `yield` runs when that race is over."""


def number(count: int, unit: str) -> str:
    """Return a count as people write it: `2,000 files`."""
    return f"{count:,} {unit}" if count != 1 else f"1 {unit.removesuffix('s')}"


def size(count: int) -> str:
    """Return a number of bytes in the largest unit that divides it: `4 KiB`."""
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if count and count % (1 << shift) == 0:
            return f"{count >> shift:,} {unit}"
    return f"{count:,} bytes"
