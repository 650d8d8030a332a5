"""What a comparison takes place on: a server, the ways to it, and directories on a disk and in memory."""

from __future__ import annotations

import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from buckia_core.testing.fault_proxy.ports import HOST, free_port
from tests.benchmarks.buckets import B2Bucket, Bucket, BunnyBucket, GeneratedBucket, S3Bucket
from tests.benchmarks.files import ROOT, directory_on
from tests.benchmarks.measure import Missing
from tests.benchmarks.networks import HTTP, Access, Approaches, Network
from tests.servers.b2.server import B2Server
from tests.servers.bunny.server import BunnyServer
from tests.servers.ceph import CephGateway
from tests.servers.process import ChildProcess, answers_http, clean_environment, run


class Stage(ABC):
    """A server of its own for one workload. What it stores is gone at the end, and so is its memory."""

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Self]:
        """Start the server, and stop everything at the end of the block.

        Raises:
            Missing: The server is not installed.
        """
        with tempfile.TemporaryDirectory(prefix="buckia-bench-") as directory, ExitStack() as stack:
            yield cls(Path(directory), stack)

    @abstractmethod
    def __init__(self, directory: Path, stack: ExitStack) -> None:
        """Start the server; `stack` stops it."""

    @abstractmethod
    def new_bucket(self, network: Network = HTTP) -> Bucket:
        """Create a bucket that clients reach over that network."""

    def clear(self, bucket: Bucket) -> None:
        """Delete all objects of a bucket, and free their memory."""
        bucket.clear()

    @contextmanager
    def place(self, disk: str) -> Iterator[Path]:
        """Make an empty directory on a disk, which is removed at the end of the block."""
        with tempfile.TemporaryDirectory(prefix="buckia-bench-", dir=directory_on(disk)) as directory:
            yield Path(directory)


class CephStage(Stage):
    """A Ceph gateway, which may be reached in all ways."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        if not (available := CephGateway.available()):
            raise Missing(available.reason)
        (directory / "ceph").mkdir()
        self.server = stack.enter_context(CephGateway.running(directory / "ceph"))
        self.approaches = stack.enter_context(Approaches(self.server.endpoint, directory))

    def new_bucket(self, network: Network = HTTP) -> S3Bucket:
        return S3Bucket(self.server, self.approaches.by(network))

    def clear(self, bucket: Bucket) -> None:
        super().clear(bucket)
        # The gateway collects what is deleted every minute, after two.
        configuration = self.server.configuration
        command = ["radosgw-admin", "-c", configuration, "--no-mon-config", "gc", "process", "--include-all"]
        run(command, log=Path(configuration).parent / "commands.log", seconds=300)


class ListingStage(Stage):
    """The server that only lists; it is started for a number of objects."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._directory = directory
        self._stack = stack

    def new_bucket(self, network: Network = HTTP) -> Bucket:
        raise NotImplementedError("this server lists one bucket, which `generate` makes")

    def generate(self, count: int, size: int) -> GeneratedBucket:
        """Begin a server with so many objects of that size, changed now."""
        port, log = free_port(), self._directory / "listing.log"
        command = [sys.executable, "-m", "tests.benchmarks.listing_server", str(port), str(count), str(size)]
        child = self._stack.enter_context(
            ChildProcess(command, log=log, env=clean_environment(PYTHONPATH=str(ROOT)), grace=0)
        )
        child.wait_until(lambda: answers_http(port))
        return GeneratedBucket(Access(f"http://{HOST}:{port}"))


class B2Stage(Stage):
    """The B2 server of this repository."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.account = stack.enter_context(B2Server.running(directory)).new_account()

    def new_bucket(self, network: Network = HTTP) -> B2Bucket:
        return B2Bucket(self.account)


class BunnyStage(Stage):
    """The server of this repository for bunny.net."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.account = stack.enter_context(BunnyServer.running(directory)).new_account()

    def new_bucket(self, network: Network = HTTP) -> BunnyBucket:
        return BunnyBucket(self.account)
