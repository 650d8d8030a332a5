"""Transfers up and down, many small files and one large one, on a Ceph gateway, beside s5cmd, rclone and aws-cli.

python -m tests.benchmarks.transfers [--files 2000] [--large 1024] [--rounds 3]

The server keeps everything in memory, and what is deleted for a while too: a round with a large file takes four times
its size, so that more than three rounds of 1 GiB need more than 16 GiB.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Contender, race, table
from tests.benchmarks.stage import Stage, program
from tests.servers.ceph import CephGateway


def main() -> None:
    """Run all four races and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000, help="small files, of 4 KiB")
    parser.add_argument("--large", type=int, default=1024, help="size of the large file, in MiB")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    available = CephGateway.available()
    if not available:
        raise SystemExit(available.reason)
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        (place / "ceph").mkdir()
        with CephGateway.running(place / "ceph") as server:
            for title, size, count in (
                (f"{options.files} × 4 KiB", 4096, options.files),
                (f"1 × {options.large} MiB", options.large << 20, 1),
            ):
                stage = Stage(server, place / title.replace(" ", ""))
                make_files(stage.project, size, count)
                print(table(f"{title}, up", race(uploads(stage), rounds=options.rounds)), flush=True)
                print()
                print(table(f"{title}, down", race(downloads(stage), rounds=options.rounds)), flush=True)
                print()
                stage.clear("")


def make_files(directory: Path, size: int, count: int) -> None:
    """Make files of random bytes, a hundred in each folder."""
    with open("/dev/urandom", "rb") as random:
        for number in range(count):
            folder = directory / f"folder-{number // 100:03d}"
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / f"file-{number:05d}.bin").open("wb") as file:
                for _ in range(max(1, size >> 20)):
                    file.write(random.read(min(size, 1 << 20)))


def uploads(stage: Stage) -> list[Contender]:
    """Each tool uploads the same files to a place of its own, which is emptied before."""
    local, commands = f"{stage.project}/", _commands(stage)
    found = []
    for name, command in commands.items():
        target = f"{name}/"
        found.append(Contender(name, command(local, target), stage.env, partial(stage.clear, target)))
    return found


def downloads(stage: Stage) -> list[Contender]:
    """Each tool downloads what it uploaded, to an empty folder."""
    found = []
    for name, command in _commands(stage, down=True).items():
        folder = stage.place / f"down-{name}"
        found.append(
            Contender(name, command(f"{folder}/", f"{name}/"), stage.env, partial(_empty, stage, folder, name))
        )
    return found


def _empty(stage: Stage, folder: Path, name: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if name == "buckia":
        stage.configure(folder.parent / "down.buckia", folder, "buckia/")
        shutil.rmtree(folder.parent / ".buckia-state", ignore_errors=True)


def _commands(stage: Stage, *, down: bool = False) -> dict[str, Any]:
    def buckia(local: str, key: str) -> list[str]:
        path = stage.place / ("down.buckia" if down else "up.buckia")
        stage.configure(path, Path(local), key)
        return [program("buckia"), "-c", str(path), "-q", "sync"]

    def s5cmd(local: str, key: str) -> list[str]:
        url = f"s3://{stage.bucket}/{key}"
        ends = [f"{url}*", local] if down else [local, url]
        return [program("s5cmd"), "--endpoint-url", stage.server.endpoint, "--log", "error", "cp", *ends]

    def rclone(local: str, key: str) -> list[str]:
        url = f"ceph:{stage.bucket}/{key}"
        ends = [url, local] if down else [local, url]
        return [program("rclone"), "copy", "--config", stage.rclone_config(), "--transfers", "32", *ends]

    def aws(local: str, key: str) -> list[str]:
        url = f"s3://{stage.bucket}/{key}"
        ends = [url, local] if down else [local, url]
        copy = ["s3", "cp", "--recursive", "--only-show-errors", *ends]
        return [program("aws"), "--endpoint-url", stage.server.endpoint, *copy]

    return {"buckia": buckia, "s5cmd": s5cmd, "rclone": rclone, "aws": aws}


if __name__ == "__main__":
    main()
