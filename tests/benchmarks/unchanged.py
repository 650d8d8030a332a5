"""Syncs of two sides that are equal, or nearly."""

from __future__ import annotations

import shutil
import subprocess
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count as counting
from pathlib import Path
from typing import ClassVar, Final

from tests.benchmarks.checking import check_bucket, check_contents, few
from tests.benchmarks.files import make_files, make_named_files, make_sparse_files, name_of_file
from tests.benchmarks.measure import Contender, WrongResult
from tests.benchmarks.stage import ListingStage, Stage
from tests.benchmarks.tools import Buckia, S5cmd, Tool
from tests.benchmarks.workloads import Race, Setting, Workload, number, size

_LISTED_BYTES: Final = 4 << 10


@dataclass(frozen=True, kw_only=True)
class EqualSides(Workload):
    """All tools sync one folder with one bucket, which have the same files."""

    def races(self, stage: Stage, setting: Setting, tools: Sequence[type[Tool]]) -> Iterator[Race]:
        """Fill both sides, then race; at the end, both sides must be equal."""
        with stage.place(setting.disk) as place:
            source, bucket = place / "source", stage.new_bucket(setting.network)
            self.make_files(source)
            fill(S5cmd(bucket, source, place / "filling"))
            found = [tool(bucket, source, place / "tools" / tool.name) for tool in tools]
            yield Race(self.title, setting, [self.contender(tool) for tool in found])
            check_bucket(bucket, source, who="all")
            stage.clear(bucket)

    @property
    @abstractmethod
    def title(self) -> str:
        """What the tools do."""

    @abstractmethod
    def contender(self, tool: Tool) -> Contender:
        """Return how a tool takes part."""

    def make_files(self, directory: Path) -> None:
        """Make the files of both sides."""
        make_named_files(directory, count=self.count)


class Unchanged(EqualSides):
    """Nothing to do; a tool that remembers syncs has seen these files before."""

    @property
    def title(self) -> str:
        return f"Nothing to do, {number(self.count, 'files')}"

    def contender(self, tool: Tool) -> Contender:
        if isinstance(tool, Buckia):
            fill(tool)
        return Contender(tool.name, tool.sync, tool.environment(), lambda: None)


@dataclass(frozen=True, kw_only=True)
class Adoption(EqualSides):
    """The first sync of two sides that already are equal."""

    bytes_each: int

    @property
    def title(self) -> str:
        return f"First sync of equal sides, {number(self.count, 'files')} of {size(self.bytes_each)}"

    def make_files(self, directory: Path) -> None:
        make_files(directory, count=self.count, size=self.bytes_each)

    def contender(self, tool: Tool) -> Contender:
        def prepare() -> Sequence[str]:
            tool.forget()
            return tool.sync()

        return Contender(tool.name, prepare, tool.environment(), lambda: None)


class Changed(EqualSides):
    """One file in a hundred has other content of the same size."""

    _versions: ClassVar[Iterator[int]] = counting(1)

    @property
    def changed(self) -> range:
        """The numbers of the changed files."""
        return range(0, self.count, 100)

    @property
    def title(self) -> str:
        return f"{len(self.changed):,} of {number(self.count, 'files')} changed"

    def contender(self, tool: Tool) -> Contender:
        def prepare() -> Sequence[str]:
            # Since its last turn, the others have changed both sides.
            if isinstance(tool, Buckia):
                fill(tool)
            version = next(self._versions) % 10
            for each in self.changed:
                path = tool.folder / name_of_file(each)
                path.write_text(path.read_text(encoding="ascii")[:-2] + f"{version}\n", encoding="ascii")
            return tool.sync()

        keys = few([name_of_file(each) for each in self.changed])
        check = partial(check_contents, tool.bucket, tool.folder, keys, who=tool.name)
        return Contender(tool.name, prepare, tool.environment(), check)


class ListedOnly(Workload):
    """Nothing to do, more objects than a server here could hold: it only lists them, and the files take no room."""

    stage: ClassVar[type[Stage]] = ListingStage

    def races(self, stage: Stage, setting: Setting, tools: Sequence[type[Tool]]) -> Iterator[Race]:
        """The files come first, so that they are older than the objects."""
        assert isinstance(stage, ListingStage)
        with stage.place(setting.disk) as place:
            source = place / "source"
            make_sparse_files(source, count=self.count, size=_LISTED_BYTES)
            bucket = stage.generate(self.count, _LISTED_BYTES)
            found = [tool(bucket, source, place / "tools" / tool.name) for tool in tools]
            fill(next((tool for tool in found if isinstance(tool, Buckia)), found[0]))
            contenders = [Contender(tool.name, tool.sync, tool.environment(), lambda: None) for tool in found]
            yield Race(f"Nothing to do, {number(self.count, 'files')}, generated listing", setting, contenders)


class Deletes(Workload):
    """All files but one are deleted, and so is what the bucket has of them."""

    def races(self, stage: Stage, setting: Setting, tools: Sequence[type[Tool]]) -> Iterator[Race]:
        """Each tool has a bucket of its own, which is filled before each run."""
        with stage.place(setting.disk) as place:
            everything = place / "everything"
            make_named_files(everything, count=self.count + 1)
            found = [
                tool(stage.new_bucket(setting.network), place / "files" / tool.name, place / "tools" / tool.name)
                for tool in tools
            ]
            title = f"Delete {number(self.count, 'objects')}"
            yield Race(title, setting, [_deleting(tool, everything) for tool in found])
            for tool in found:
                stage.clear(tool.bucket)


def _deleting(tool: Tool, everything: Path) -> Contender:
    def prepare() -> Sequence[str]:
        shutil.rmtree(tool.folder, ignore_errors=True)
        tool.folder.parent.mkdir(parents=True, exist_ok=True)
        everything.rename(tool.folder)
        fill(tool if isinstance(tool, Buckia) else S5cmd(tool.bucket, tool.folder, tool.place / "filling"))
        tool.folder.rename(everything)
        (tool.folder / name_of_file(0)).parent.mkdir(parents=True)
        shutil.copy2(everything / name_of_file(0), tool.folder / name_of_file(0))
        return tool.mirror()

    return Contender(
        tool.name, prepare, tool.environment(), partial(check_bucket, tool.bucket, tool.folder, who=tool.name)
    )


def fill(tool: Tool) -> None:
    """Have a tool upload what the bucket lacks, and remember that if it remembers anything."""
    done = subprocess.run(tool.sync(), env=dict(tool.environment()), capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongResult(f"{tool.name} ended with {done.returncode}: {done.stderr[-2000:]}")
