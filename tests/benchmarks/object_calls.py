"""Putting and getting many small objects from one program, beside other asynchronous libraries.

The libraries are installed into an environment of their own: `make bench-libraries`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

from tests.benchmarks import object_client
from tests.benchmarks.buckets import Bucket
from tests.benchmarks.files import ROOT
from tests.benchmarks.measure import Contender, Missing, WrongResult
from tests.benchmarks.stage import Stage
from tests.benchmarks.tools import Tool, environment
from tests.benchmarks.workloads import Race, Setting, Workload, number

_PYTHON: Final = ROOT / "build" / "bench-libraries" / "bin" / "python"


class Library(Tool):
    """A library, as `object_client` uses it. `up` puts the objects, `down` gets and compares them."""

    package: ClassVar[str]
    count = 0

    def environment(self) -> Mapping[str, str]:
        found = dict(self.bucket.environment())
        return environment(**found, AWS_DEFAULT_REGION=found["AWS_REGION"])

    def up(self) -> Sequence[str]:
        return self._run("put")

    def down(self) -> Sequence[str]:
        return self._run("get")

    def sync(self) -> Sequence[str]:
        raise NotImplementedError

    def mirror(self) -> Sequence[str]:
        raise NotImplementedError

    @classmethod
    def version(cls) -> Sequence[str]:
        code = f"import importlib.metadata as m; print(m.version({cls.package!r}))"
        return [cls._python(), "-c", code]

    def _run(self, action: str) -> Sequence[str]:
        bucket, endpoint = self.bucket.name, self.bucket.access.endpoint
        program = [self._python(), str(Path(object_client.__file__)), self.package]
        return [*program, action, bucket, endpoint, str(self.count)]

    @classmethod
    def _python(cls) -> str:
        if not _PYTHON.exists():
            raise Missing(f"{cls.package} is not installed (`make bench-libraries` installs it)")
        return os.fspath(_PYTHON)


class BuckiaLibrary(Library):
    """`AsyncObjectStore`."""

    name, package = "buckia", "buckia"

    @classmethod
    def _python(cls) -> str:
        return sys.executable


class Obstore(Library):
    """Bare obstore: Rust, with threads of its own."""

    name = package = "obstore"


class S3fs(Library):
    """s3fs, on aiobotocore."""

    name = package = "s3fs"


class Aioboto3(Library):
    """aioboto3, on aiobotocore."""

    name = package = "aioboto3"


LIBRARIES: Final[tuple[type[Tool], ...]] = (BuckiaLibrary, Obstore, S3fs, Aioboto3)


@dataclass(frozen=True, kw_only=True)
class ObjectCalls(Workload):
    """Put objects of 4 KiB, then get them, 64 calls at a time."""

    tools: tuple[type[Tool], ...] = LIBRARIES

    def races(self, stage: Stage, setting: Setting, tools: Sequence[type[Tool]]) -> Iterator[Race]:
        """Race put, then get."""
        with stage.place(setting.disk) as place:
            libraries = [tool(stage.new_bucket(setting.network), place, place / tool.name) for tool in tools]
            for library in libraries:
                assert isinstance(library, Library)
                library.count = self.count
            what = f"{number(self.count, 'objects')} of 4 KiB from one Python program"
            puts = [_contender(each, each.up, partial(_check, each.bucket, self.count)) for each in libraries]
            yield Race(f"Put {what}", setting, puts)
            yield Race(f"Get {what}", setting, [_contender(each, each.down, lambda: None) for each in libraries])
            for library in libraries:
                stage.clear(library.bucket)


def _contender(tool: Tool, prepare: Callable[[], Sequence[str]], check: Callable[[], None]) -> Contender:
    return Contender(tool.name, prepare, tool.environment(), check)


def _check(bucket: Bucket, count: int) -> None:
    found = bucket.sizes()
    if found != {object_client.key(each): len(object_client.content(each)) for each in range(count)}:
        raise WrongResult(f"the bucket has {len(found)} objects where there should be {count}, or other ones")
    last = count - 1
    if b"".join(bucket.read(object_client.key(last))) != object_client.content(last):
        raise WrongResult(f"{object_client.key(last)} has other content")
