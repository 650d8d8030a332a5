"""Servers for all tests: started when the first test asks, shared by all processes of a run, stopped at its end."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# pytest puts the folder of this file on the path, the modules of `tests` are named from the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.disks.locales import LatinLocale
from tests.disks.mounting import Exfat, FoldingDisk, PlainFoldingDisk
from tests.servers.b2.server import B2Account, B2Server
from tests.servers.bunny.node_sdk import NodeSdk
from tests.servers.bunny.server import BunnyAccount, BunnyServer
from tests.servers.ceph import CephGateway
from tests.servers.chromium import Chromium
from tests.servers.moto_server import MotoServer
from tests.servers.rclone_serve import RcloneServer
from tests.servers.s3_server import Available, NewBucket, S3Server
from tests.servers.shared import SERVERS, Server, SharedServers
from tests.system_calls import failing_calls as calls

REQUIRE = "BUCKIA_REQUIRE_SERVERS"
"""The environment variable that names, comma separated, servers and clients of them whose absence is a failure."""

DISKS = (FoldingDisk, PlainFoldingDisk, Exfat)

_SHARED = pytest.StashKey[SharedServers]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare what a run can be asked for."""
    words = "play all tables of syncs on every kind of bucket, not only those that fit the time"
    parser.addoption("--everywhere", action="store_true", help=words)


def pytest_configure(config: pytest.Config) -> None:
    """Agree on the directory through which the processes of this run share servers, and listen to Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Ignored, as in the background of a shell, they would be ignored by the commands that tests start, too.
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    known = [*SERVERS, NodeSdk.name, *(kind.name for kind in DISKS), LatinLocale.name, Chromium.name, calls.NAME]
    unknown = _required().difference(known)
    if unknown:
        raise pytest.UsageError(f"{REQUIRE} names {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    told = getattr(config, "workerinput", {}).get("shared_servers")
    directory, owner = told or (f"{tempfile.gettempdir()}/buckia-{uuid.uuid4().hex[:12]}", os.getpid())
    config.stash[_SHARED] = SharedServers(Path(directory), owner=owner)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist the directory and its owner."""
    shared = node.config.stash[_SHARED]
    node.workerinput["shared_servers"] = (str(shared.directory), shared.owner)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this run started, where this process owns it."""
    shared = config.stash.get(_SHARED, None)
    if shared is not None and shared.owner == os.getpid():
        shared.stop()


@pytest.fixture(scope="session")
def ceph(pytestconfig: pytest.Config) -> CephGateway:
    """A Ceph RADOS Gateway."""
    return _server(pytestconfig, CephGateway)


@pytest.fixture(scope="session")
def moto_server(pytestconfig: pytest.Config) -> MotoServer:
    """moto's S3 server."""
    return _server(pytestconfig, MotoServer)


@pytest.fixture(scope="session")
def rclone_server(pytestconfig: pytest.Config) -> RcloneServer:
    """A folder served as buckets by `rclone serve s3`."""
    return _server(pytestconfig, RcloneServer)


@pytest.fixture(scope="session")
def b2_server(pytestconfig: pytest.Config) -> B2Server:
    """A server of Backblaze B2's native API."""
    return _server(pytestconfig, B2Server)


@pytest.fixture
def b2_account(b2_server: B2Server) -> Iterator[B2Account]:
    """An account on the B2 server that only this test uses: its switches and counters reach nobody else."""
    account = b2_server.new_account()
    yield account
    account.drop()


@pytest.fixture(scope="session")
def bunny_server(pytestconfig: pytest.Config) -> BunnyServer:
    """A server of bunny.net's Edge Storage, core API and CDN."""
    return _server(pytestconfig, BunnyServer)


@pytest.fixture
def bunny_account(bunny_server: BunnyServer) -> Iterator[BunnyAccount]:
    """An account on the Bunny server that only this test uses: its switches and counters reach nobody else."""
    account = bunny_server.new_account()
    yield account
    account.drop()


@pytest.fixture(scope="session")
def node_sdk(tmp_path_factory: pytest.TempPathFactory) -> NodeSdk:
    """bunny.net's own TypeScript client, installed by npm for this process."""
    available, sdk = NodeSdk.install(tmp_path_factory.mktemp("node-sdk"))
    _demand(NodeSdk.name, available)
    assert sdk is not None
    return sdk


@pytest.fixture(scope="session")
def failing_calls() -> Iterator[calls.FailingCalls]:
    """What makes system calls of a command fail."""
    _demand(calls.NAME, calls.available())
    found = calls.build()
    yield found
    shutil.rmtree(found.library.parent)


@pytest.fixture(scope="session")
def bucket_name() -> NewBucket:
    """Make a fresh bucket on a given server: `bucket = bucket_name(ceph)`."""

    def new_bucket(server: S3Server, stem: str = "test", **options: Any) -> str:
        return server.new_bucket(stem, **options)

    return new_bucket


@pytest.fixture(scope="session", params=DISKS, ids=lambda kind: kind.__name__)
def _folding_root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    kind = request.param
    _demand(kind.name, kind.available())
    with kind.mounted(tmp_path_factory.mktemp("disk")) as root:
        yield root


@pytest.fixture
def folding_disk(_folding_root: Path) -> Iterator[Path]:
    """An empty directory on a disk that takes names in another case for one: on each of several kinds."""
    directory = Path(tempfile.mkdtemp(dir=_folding_root))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def latin_locale(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables of a locale whose encoding is ISO-8859-1."""
    _demand(LatinLocale.name, LatinLocale.available())
    return LatinLocale.make(tmp_path_factory.mktemp("locale"))


@pytest.fixture
def chromium(tmp_path: Path) -> Chromium:
    """A browser without a window."""
    _demand(Chromium.name, Chromium.available())
    return Chromium(Chromium.find() or "", tmp_path)


def _required() -> set[str]:
    return {name.strip() for name in os.environ.get(REQUIRE, "").split(",") if name.strip()}


def _server(config: pytest.Config, kind: type[Server]) -> Server:
    _demand(kind.name, kind.available())
    return config.stash[_SHARED].get(kind)


def _demand(name: str, available: Available) -> None:
    if not available and name in _required():
        pytest.fail(f"{available.reason}; {REQUIRE} names {name}", pytrace=False)
    if not available:
        pytest.skip(available.reason)
