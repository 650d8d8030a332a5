"""A client that remembers what it was asked, for commands that are run inside the test's own process."""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from buckia_core.adapters.contract.types import DeleteOutcome
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.cli import main
from buckia_core.errors import NotFound
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation, Plan, Reason
from buckia_core.syncing.disk.trash import Trash
from buckia_core.syncing.events import Event, Finished, Planned, Status, SyncResult
from buckia_core.syncing.state.locations import StateFiles
from tests.unit.commands import ran, signals_kept

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
NOON_NS = int(NOON.timestamp()) * 10**9


def remote(key: str, size: int = 3) -> RemoteObject:
    return RemoteObject(key, size, f"etag-{key}", NOON_NS, NOON_NS, (Digest("md5", "0" * 32),), metadata={"a": "b"})


def operation(action: Action, key: str, reason: Reason, **more: Any) -> Operation:
    return Operation(action, key, "root", reason, LocalEntry(key, "root", 3, NOON_NS, 0, 0), **more)


@dataclass
class Bucket:
    """What the clients of one bucket do, and what they were asked.

    Attributes:
        events: Told to the listener of a run, in order.
        counts: Fields of the result of a run.
        error: Raised instead of doing anything.
        objects: What the bucket has.
        left: Conflicts that are left.
        calls: Name and arguments of each call.
    """

    name: str
    directory: Path
    events: list[Event] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    objects: list[RemoteObject] = field(default_factory=list)
    left: list[Any] = field(default_factory=list)
    runs: list[SyncResult] = field(default_factory=list)
    differ: list[Any] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    closed: int = 0

    @property
    def trash(self) -> Trash:
        return Trash(self.directory / ".buckia-state" / "trash" / self.name, [PathMapping("r", str(self.directory))])

    def asked(self, call: str) -> dict[str, Any]:
        """Return the arguments of the one call of that name."""
        (arguments,) = [arguments for name, arguments in self.calls if name == call]
        return arguments

    def does(self, *operations: Operation, status: Status = Status.DONE, error: str | None = None) -> None:
        """Let the next runs do these operations."""
        self.events = [Planned(Plan(list(operations)))]
        self.events += [Finished(each, status, f"local/{each.key}", error) for each in operations]


class FakeClient:
    """Stands in for `buckia_core.client.BuckiaClient`."""

    buckets: dict[str, Bucket]

    def __init__(self, config: Any) -> None:
        self.config = config
        self.bucket = self.buckets[config.name]
        self.stopped = False

    @property
    def adapter(self) -> Any:
        """What a command that chooses objects asks the bucket."""

        def stat(key: str) -> RemoteObject:
            for each in self.bucket.objects:
                if each.key == key:
                    return each
            raise NotFound(f"{key!r}: there is no such object", key=key)

        return SimpleNamespace(provider="fake", list_files=self.list, stat_file=stat)

    @property
    def state_files(self) -> StateFiles:
        return StateFiles(self.bucket.directory / ".buckia-state", self.config.name, "fake:")

    def _note(self, call: str, **arguments: Any) -> None:
        self.bucket.calls.append((call, arguments))
        if self.bucket.error is not None:
            raise self.bucket.error

    def sync(self, *, events: Callable[[Event], None], **request: Any) -> SyncResult:
        self._note("sync", **request)
        for event in self.bucket.events:
            events(event)
        return SyncResult(
            bucket=self.config.name, dry_run=request["dry_run"], started=NOON, seconds=0.4, **self.bucket.counts
        )

    def check(self, *, events: Callable[[Event], None], **request: Any) -> Any:
        self._note("check", **request)
        return SimpleNamespace(same=7, differ=self.bucket.differ, success=not self.bucket.differ)

    def conflicts(self) -> list[Any]:
        return self.bucket.left

    def resolve(self, keys: Sequence[str], keep: str) -> SyncResult:
        self._note("resolve", keys=keys, keep=keep)
        return SyncResult(bucket=self.config.name, started=NOON, **self.bucket.counts)

    def trash(self) -> Trash:
        return self.bucket.trash

    def history(self, limit: int = 20) -> list[SyncResult]:
        return self.bucket.runs[:limit]

    def stop(self) -> None:
        self.stopped = True

    def list(self, prefix: str = "") -> Any:
        self._note("list", prefix=prefix)
        return (each for each in sorted(self.bucket.objects) if each.key.startswith(prefix))

    def stat(self, key: str) -> RemoteObject:
        self._note("stat", key=key)
        return remote(key)

    def remove(self, keys: Sequence[str]) -> Any:
        self._note("remove", keys=list(keys))
        return [DeleteOutcome(key) for key in keys]

    def close(self) -> None:
        self.bucket.closed += 1


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project directory, which is the current one, with one bucket `assets`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".buckia").write_text("assets:\n  provider: memory\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def assets(project: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """The bucket `assets` of the project; all clients are fakes."""
    return two_buckets(project, monkeypatch, names=("assets",))["assets"]


@pytest.fixture
def buckets(project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Bucket]:
    """A project with the buckets `assets` and `backup`."""
    return two_buckets(project, monkeypatch, names=("assets", "backup"))


def two_buckets(project: Path, monkeypatch: pytest.MonkeyPatch, names: Sequence[str]) -> dict[str, Bucket]:
    text = "".join(f"{name}:\n  provider: memory\n" for name in names)
    (project / ".buckia").write_text(text, encoding="utf-8")
    FakeClient.buckets = {name: Bucket(name, project) for name in names}
    module = ModuleType("buckia_core.client")
    module.BuckiaClient = FakeClient  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "buckia_core.client", module)
    return FakeClient.buckets


@pytest.fixture
def buckia(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command: `buckia("sync", "--json")`."""
    return partial(ran, capsys)


_bucket_names = itertools.count()


@pytest.fixture
def memory_bucket(project: Path) -> MemorySync:
    """The bucket `assets` of the project, in memory, with a real client."""
    name = f"cli-{next(_bucket_names)}"
    (project / ".buckia").write_text(f"assets:\n  provider: memory\n  bucket_name: {name}\n", encoding="utf-8")
    return MemorySync(MemorySettings(bucket_name=name))


class _Stdout:
    """Standard output that keeps bytes."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()

    def write(self, text: str) -> int:
        return self.buffer.write(text.encode())

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, bytes]]:
    """Run a command with bytes as standard input; returns the exit code, and the bytes of standard output."""

    def run(*arguments: str, given: bytes = b"") -> tuple[int, bytes]:
        written = _Stdout()
        with monkeypatch.context() as patch, signals_kept():
            patch.setattr(sys, "stdout", written)
            patch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(given), isatty=lambda: False))
            code = main(list(arguments))
        return code, written.buffer.getvalue()

    return run


def conflict(key: str, **more: Any) -> Any:
    facts = {
        "key": key,
        "path": key,
        "local_size": 3,
        "local_mtime_ns": NOON_NS,
        "remote_size": 4,
        "remote_mtime_ns": NOON_NS,
        "since": NOON - timedelta(days=1),
        "reason": "changed on both sides",
    }
    return SimpleNamespace(**facts | more)
