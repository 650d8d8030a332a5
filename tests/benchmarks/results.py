"""Results of comparisons: medians, ratios to the best other tool, and the JSON file that keeps all samples."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tests.benchmarks.measure import Samples

OURS: Final = "buckia"

Quantity = Literal["wall", "cpu", "memory"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of this project as a multiple of the smallest median of another tool, and which tool that is."""

    value: float
    peer: str


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: the samples of each tool, in a setting.

    Attributes:
        title: What the tools did, as in `Upload 2,000 files of 4 KiB`.
        disk: Where the files were: `disk` or `tmpfs`.
        network: `http` or `https`, and `-30ms` after it if there was a delay.
        version: The version of this project, with its commit.
        samples: By the name of the tool.
    """

    title: str
    disk: str
    network: str
    version: str
    samples: Mapping[str, Samples]

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells rows apart."""
        return self.title, self.disk, self.network

    def median(self, tool: str, quantity: Quantity) -> float:
        """Return the median of a tool's samples."""
        return statistics.median(values(self.samples[tool], quantity))

    def best_peer(self, quantity: Quantity) -> str | None:
        """Return the other tool with the smallest median; None if there is no other."""
        peers = [tool for tool in self.samples if tool != OURS]
        return min(peers, key=lambda tool: self.median(tool, quantity), default=None)

    def ratio(self, quantity: Quantity) -> Ratio | None:
        """Return how this project compares with the best other tool; None if either is missing."""
        peer = self.best_peer(quantity)
        if peer is None or OURS not in self.samples:
            return None
        return Ratio(self.median(OURS, quantity) / self.median(peer, quantity), peer)


def values(samples: Samples, quantity: Quantity) -> Sequence[float]:
    """Return all samples of one quantity."""
    match quantity:
        case "wall":
            return samples.wall
        case "cpu":
            return samples.cpu
        case "memory":
            return samples.memory


@dataclass(slots=True)
class Results:
    """All rows of a machine.

    Attributes:
        machine: What it is, by name: processor, memory, kernel, file systems.
        versions: Of the tools and servers, by name.
        rows: In the order in which they were first measured.
        skipped: What could not run, and why.
    """

    machine: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Add a row. It takes the place of an earlier one for the same task in the same setting."""
        for position, each in enumerate(self.rows):
            if each.key == row.key:
                self.rows[position] = row
                return
        self.rows.append(row)

    def save(self, path: Path) -> None:
        """Write everything to a file, each row on a line of its own."""
        whole = dataclasses.asdict(self)
        rows = [json.dumps(row, ensure_ascii=False) for row in whole.pop("rows")]
        head = "".join(
            f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)},\n" for name, value in whole.items()
        )
        text = "{\n" + head + ' "rows": [\n  ' + ",\n  ".join(rows) + "\n ]\n}\n"
        path.write_text(text, encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read what `save` has written."""
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        rows = [
            Row(**{**row, "samples": {tool: Samples(**each) for tool, each in row["samples"].items()}})
            for row in read.pop("rows")
        ]
        return cls(rows=rows, **read)
