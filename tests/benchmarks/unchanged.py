"""Nothing to do: many small files, all in step, on a Ceph gateway, beside s5cmd and rclone.

python -m tests.benchmarks.unchanged [--files 100000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measure import Contender, race, table
from tests.servers.ceph import CephGateway

BUCKET = "unchanged"


def main() -> None:
    """Set the stage, run the race, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    available = CephGateway.available()
    if not available:
        raise SystemExit(available.reason)
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        (place / "ceph").mkdir()
        with CephGateway.running(place / "ceph") as server:
            server.client().create_bucket(Bucket=BUCKET)
            contenders = prepare(server, place, options.files)
            print(table(f"{options.files} unchanged objects", race(contenders, rounds=options.rounds)))


def prepare(server: CephGateway, place: Path, files: int) -> list[Contender]:
    """Make the files, bring everything in step with each tool's own first run, and return the contenders."""
    project = place / "project"
    make_files(project, files)
    (place / ".buckia").write_text(
        f"{BUCKET}:\n  provider: s3\n  bucket_name: {BUCKET}\n  endpoint_url: {server.endpoint}\n"
        f"  region: {server.region}\n  paths: [project/]\n",
        encoding="utf-8",
    )
    env = environment(server)
    buckia = [program("buckia"), "-C", str(place), "-q", "sync"]
    s5cmd = [program("s5cmd"), "--endpoint-url", server.endpoint, "--log", "error", "sync"]
    rclone = [program("rclone"), "sync", str(project), f"ceph:{BUCKET}", "--config", str(place / "rclone.conf")]
    (place / "rclone.conf").write_text(
        f"[ceph]\ntype = s3\nprovider = Ceph\nendpoint = {server.endpoint}\nenv_auth = true\n", encoding="utf-8"
    )
    subprocess.run(buckia, env=env, check=True)
    return [
        Contender("buckia sync", buckia, env),
        Contender("rclone sync --size-only", [*rclone, "--size-only"], env),
        Contender("rclone sync --checksum", [*rclone, "--checksum"], env),
        Contender("s5cmd sync", [*s5cmd, f"{project}/", f"s3://{BUCKET}"], env),
    ]


def make_files(directory: Path, count: int) -> None:
    """Make small files, a hundred in each folder."""
    for number in range(count):
        folder = directory / f"folder-{number // 100:05d}"
        if number % 100 == 0:
            folder.mkdir(parents=True)
        (folder / f"file-{number:07d}.txt").write_text(f"content of file {number}\n", encoding="ascii")


def environment(server: CephGateway) -> dict[str, str]:
    """Return the environment of all contenders: credentials of the server, and nothing that is the machine's own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_"))}
    return env | {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": server.region,
    }


def program(name: str) -> str:
    """Return the path of a program, preferably that of this environment."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if not found:
        raise SystemExit(f"{name} is not installed; make test installs it")
    return found


if __name__ == "__main__":
    main()
