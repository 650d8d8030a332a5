"""Copying files up to an empty bucket, and down to an empty folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from tests.benchmarks.checking import check_bucket, check_directory
from tests.benchmarks.files import empty, make_files
from tests.benchmarks.measure import Contender
from tests.benchmarks.stage import B2Stage, BunnyStage, Stage
from tests.benchmarks.tools import Tool
from tests.benchmarks.workloads import Race, Setting, Workload, number, size


@dataclass(frozen=True, kw_only=True)
class Transfers(Workload):
    """Upload files, then download them.

    Each tool has a bucket of its own, and downloads what it uploaded.
    """

    bytes_each: int
    service: str = ""
    """What the titles say of the server, if it is not the usual one."""

    def races(self, stage: Stage, setting: Setting, tools: Sequence[type[Tool]]) -> Iterator[Race]:
        """Race up, then down."""
        what = f"{number(self.count, 'files')} of {size(self.bytes_each)}{self.service}"
        with stage.place(setting.disk) as place:
            source = place / "source"
            make_files(source, count=self.count, size=self.bytes_each)
            buckets = [stage.new_bucket(setting.network) for _ in tools]
            pairs = list(zip(tools, buckets, strict=True))
            uploads = [_upload(stage, tool(bucket, source, place / "up" / tool.name)) for tool, bucket in pairs]
            yield Race(f"Upload {what}", setting, uploads)
            downloads = [
                _download(tool(bucket, place / "files" / tool.name, place / "down" / tool.name), source)
                for tool, bucket in pairs
            ]
            yield Race(f"Download {what}", setting, downloads)
            for bucket in buckets:
                stage.clear(bucket)


class B2Transfers(Transfers):
    """The same by the native API of B2."""

    stage: ClassVar[type[Stage]] = B2Stage


class BunnyTransfers(Transfers):
    """The same by the storage API of bunny.net."""

    stage: ClassVar[type[Stage]] = BunnyStage


def _upload(stage: Stage, tool: Tool) -> Contender:
    def prepare() -> Sequence[str]:
        stage.clear(tool.bucket)
        tool.forget()
        return tool.up()

    return Contender(
        tool.name, prepare, tool.environment(), partial(check_bucket, tool.bucket, tool.folder, who=tool.name)
    )


def _download(tool: Tool, source: Path) -> Contender:
    def prepare() -> Sequence[str]:
        empty(tool.folder)
        tool.forget()
        return tool.down()

    def check() -> None:
        check_directory(tool.folder, source, who=tool.name)
        # What all tools have downloaded would not fit into memory at a time.
        empty(tool.folder)

    return Contender(tool.name, prepare, tool.environment(), check)
