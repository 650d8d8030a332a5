"""Nothing to do: many small files, all in step, on a Ceph gateway, beside s5cmd and rclone.

python -m tests.benchmarks.unchanged [--files 100000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from tests.benchmarks.measure import Contender, race, table
from tests.benchmarks.stage import Stage, program
from tests.servers.ceph import CephGateway


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
            contenders = prepare(server, place / "stage", options.files)
            print(table(f"{options.files} unchanged objects", race(contenders, rounds=options.rounds)))


def prepare(server: CephGateway, place: Path, files: int) -> list[Contender]:
    """Make the files, bring everything in step, and return the contenders."""
    stage = Stage(server, place)
    make_files(stage.project, files)
    stage.configure(place / ".buckia", stage.project)
    buckia = [program("buckia"), "-C", str(place), "-q", "sync"]
    s5cmd = [program("s5cmd"), "--endpoint-url", server.endpoint, "--log", "error", "sync"]
    rclone = [program("rclone"), "sync", str(stage.project), f"ceph:{stage.bucket}", "--config", stage.rclone_config()]
    subprocess.run(buckia, env=stage.env, check=True)
    return [
        Contender("buckia sync", buckia, stage.env),
        Contender("rclone sync --size-only", [*rclone, "--size-only"], stage.env),
        Contender("rclone sync --checksum", [*rclone, "--checksum"], stage.env),
        Contender("s5cmd sync", [*s5cmd, f"{stage.project}/", f"s3://{stage.bucket}"], stage.env),
    ]


def make_files(directory: Path, count: int) -> None:
    """Make small files, a hundred in each folder."""
    for number in range(count):
        folder = directory / f"folder-{number // 100:05d}"
        if number % 100 == 0:
            folder.mkdir(parents=True)
        (folder / f"file-{number:07d}.txt").write_text(f"content of file {number}\n", encoding="ascii")


if __name__ == "__main__":
    main()
