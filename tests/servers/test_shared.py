"""One server for a whole run, gone when the run is; and no silent skip where a server is required."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers.process import ServerFailed, clean_environment, module_command
from tests.servers.rclone_serve import RcloneServer
from tests.servers.s3_server import S3Server
from tests.servers.shared import Desk, SharedServers


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "shared"
    yield directory
    SharedServers(directory, owner=os.getpid()).stop()


def eventually(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def answers(server: S3Server) -> bool:
    with closing(server.client()) as client:
        try:
            client.list_buckets()
        except OSError:
            return False
        except Exception as error:
            if type(error).__name__ == "EndpointConnectionError":
                return False
            raise
    return True


@pytest.mark.usefixtures("rclone_server")
def test_all_who_ask_get_the_same_server_until_the_owner_stops_it(directory: Path) -> None:
    owner, worker = SharedServers(directory, owner=os.getpid()), SharedServers(directory, owner=os.getpid())
    server = worker.get(RcloneServer)
    assert owner.get(RcloneServer) == server and answers(server)
    owner.stop()
    worker.stop()
    assert not answers(server) and not directory.exists()


@pytest.mark.usefixtures("rclone_server")
def test_a_server_does_not_outlive_its_owner(directory: Path) -> None:
    program = (
        "import os, pathlib, sys\n"
        "from tests.servers.rclone_serve import RcloneServer\n"
        "from tests.servers.shared import SharedServers\n"
        "shared = SharedServers(pathlib.Path(sys.argv[1]), owner=os.getpid())\n"
        "print(shared.get(RcloneServer).endpoint, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    _, environment = module_command("keeper")
    command = [sys.executable, "-c", program, str(directory)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    endpoint = done.stdout.strip()
    assert endpoint.startswith("http://"), done.stderr
    assert eventually(lambda: not directory.exists())
    assert not answers(RcloneServer(endpoint=endpoint, access_key="x" * 20, secret_key="x", root=""))


def test_a_start_that_failed_fails_for_all(directory: Path) -> None:
    class Unknown(RcloneServer):
        name = "unknown"

    shared = SharedServers(directory, owner=os.getpid())
    for _ in range(2):
        with pytest.raises(ServerFailed, match="KeyError: 'unknown'"):
            shared.get(Unknown)
    assert Desk(directory / "unknown").keeper() is None


@pytest.mark.parametrize(
    ("required", "outcome"),
    [("", "1 skipped"), ("moto", "1 skipped"), ("moto,ceph", "1 error"), ("minio", "names minio; known: ceph")],
)
def test_a_server_that_is_missing(tmp_path: Path, required: str, outcome: str) -> None:
    test = Path(__file__).with_name("test_servers.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"{test}::test_a_lost_reply_was_carried_out"],
        env=clean_environment(PATH=str(tmp_path), BUCKIA_REQUIRE_SERVERS=required),
        cwd=test.parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert outcome in done.stdout + done.stderr
    if "minio" not in required:
        assert "ceph-mon" in done.stdout and "not found" in done.stdout
