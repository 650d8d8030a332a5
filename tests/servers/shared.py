"""One server of each kind for a whole test run, however many processes the run has.

Whichever process first asks for a server starts a keeper for it (`keeper.py`); the others wait and are told the
same addresses. The process that owns the run ends the keepers. A keeper whose owner dies ends by itself, so that
nothing is left running even then.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, Protocol, Self, TypeVar

from .b2.server import B2Server
from .bunny.server import BunnyServer
from .ceph import CephGateway
from .moto_server import MotoServer
from .process import ChildProcess, ServerFailed, module_command, tail
from .rclone_serve import RcloneServer
from .s3_server import Available


class Runnable(Protocol):
    """A dataclass of plain values that tells clients where a running server is, and knows how to run one."""

    name: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __init__(self, **fields: Any) -> None: ...

    @classmethod
    def available(cls) -> Available:
        """Tell whether this server can be started here; costs no start."""
        ...

    @classmethod
    def running(cls, directory: Path) -> AbstractContextManager[Self]:
        """Run a server that keeps everything below `directory`; it is stopped when the block ends."""
        ...


_KINDS: Final[tuple[type[Runnable], ...]] = (CephGateway, MotoServer, RcloneServer, B2Server, BunnyServer)

SERVERS: Final[Mapping[str, type[Runnable]]] = MappingProxyType({server.name: server for server in _KINDS})
"""Every server that tests can ask for, by the name that `BUCKIA_REQUIRE_SERVERS` uses."""

Server = TypeVar("Server", bound=Runnable)


class Desk:
    """The folder through which a keeper and the processes of a run tell each other things, as files.

    `address`: the server runs, and this is what clients need. `failure`: it does not, and why. `stop`: it is no
    longer needed. `pid`: the keeper is alive.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "keeper.log"
        self.data = folder / "data"
        self._pid = folder / "pid"
        self._stop = folder / "stop"
        self._address = folder / "address"
        self._failure = folder / "failure"

    def claim(self) -> bool:
        """Make the folder. Of all processes that try, one is told True."""
        try:
            self.folder.mkdir()
        except FileExistsError:
            return False
        return True

    def settled(self) -> bool:
        """Tell whether the start succeeded or failed."""
        return self._address.exists() or self._failure.exists()

    def publish(self, server: Runnable) -> None:
        """Say that the server runs."""
        self._write(self._address, json.dumps(dataclasses.asdict(server)))

    def fail(self, reason: str) -> None:
        """Say that the server does not run."""
        self._write(self._failure, reason)

    def read(self, kind: type[Server]) -> Server:
        """Return what was published, or raise ServerFailed with the reason of the failure."""
        if self._failure.exists():
            raise ServerFailed(self._failure.read_text())
        return kind(**json.loads(self._address.read_text()))

    def keeper_begins(self) -> None:
        """Say that the keeper, which is this process, is alive."""
        self._write(self._pid, str(os.getpid()))

    def keeper_ends(self) -> None:
        """Say that the keeper has stopped everything it started."""
        self._pid.unlink(missing_ok=True)

    def keeper(self) -> int | None:
        """Return the process id of a living keeper."""
        with suppress(FileNotFoundError):
            return int(self._pid.read_text())
        return None

    def ask_to_stop(self) -> None:
        """Say that the server is not needed any more."""
        with suppress(FileNotFoundError):
            self._stop.touch()

    def asked_to_stop(self) -> bool:
        """Tell whether the server is needed no more."""
        return self._stop.exists() or not self.folder.exists()

    def _write(self, path: Path, text: str) -> None:
        new = path.with_suffix(".new")
        new.write_text(text)
        new.replace(path)


class SharedServers:
    """The servers of one test run.

    `directory` is the same for all processes of the run, and made when the first server is asked for; `owner` is
    the id of the process that calls `stop` at the end.
    """

    def __init__(self, directory: Path, *, owner: int) -> None:
        self.directory = directory
        self.owner = owner
        self._keepers: list[ChildProcess] = []

    def get(self, kind: type[Server]) -> Server:
        """Return the run's server of that kind, started if it is not running yet.

        Raises ServerFailed, in every process that asks, where the start failed.
        """
        name = kind.name
        self.directory.mkdir(mode=0o700, exist_ok=True)
        desk = Desk(self.directory / name)
        if desk.claim():
            self._start_keeper(name, desk)
        deadline = time.monotonic() + 150
        while not desk.settled():
            if time.monotonic() > deadline:
                raise ServerFailed(f"{name} was not ready after 150 s:\n{tail(desk.log)}")
            time.sleep(0.05)
        return desk.read(kind)

    def _start_keeper(self, name: str, desk: Desk) -> None:
        command, environment = module_command("keeper", name, str(desk.folder), str(self.owner))
        keeper = ChildProcess(command, log=desk.log, env=environment, grace=20)
        try:
            keeper.wait_until(desk.settled, seconds=140)
        except ServerFailed as error:
            desk.fail(str(error))
            keeper.stop()
        finally:
            if self.owner == os.getpid():
                self._keepers.append(keeper)
            else:
                keeper.leave()

    def stop(self) -> None:
        """End all servers of the run and remove its directory. Only the owner calls this; twice is no error."""
        desks = [Desk(folder) for folder in self.directory.iterdir()] if self.directory.exists() else []
        for desk in desks:
            desk.ask_to_stop()
        deadline = time.monotonic() + 20
        while any(desk.keeper() for desk in desks) and time.monotonic() < deadline:
            time.sleep(0.02)
        for desk in desks:
            if (pid := desk.keeper()) is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        for keeper in self._keepers:
            keeper.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
