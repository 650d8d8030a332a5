"""A soak: many small files up and down on a network where something fails all the time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from buckia_core.testing.fault_proxy.faults import Answer, Cut, Fault, LoseReply, Refuse, Reset, Stall, Truncate
from tests.e2e.buckets import S3Bucket
from tests.servers.process import clean_environment
from tests.servers.s3_faults import S3FaultProxy

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[3]

COUNT = int(os.environ.get("BUCKIA_SOAK_FILES", "20000"))
"""Files that go up and down; a larger number is for a machine that has the time."""

IN_FIRST = 200
"""Files of a sync before, after which the process has what it keeps."""

FAULTS: tuple[tuple[Fault, float], ...] = (
    (Reset(), 0.002),
    (Reset(after=100, direction="down"), 0.002),
    (LoseReply(reset=True), 0.002),
    (LoseReply(), 0.002),
    (Cut(after=0), 0.002),
    (Cut(after=500), 0.002),
    (Cut(after=300, direction="up"), 0.002),
    (Truncate(after=500), 0.002),
    (Truncate(after=500, honest=True), 0.002),
    (Answer(500), 0.002),
    (Answer(503, retry_after=1), 0.002),
    (Stall(30, after=200), 10 / COUNT),
    (Stall(30, after=200, direction="up"), 10 / COUNT),
    (Refuse(0.3), 3 / COUNT),
)
"""What becomes of a request, and how likely. One of fifty is hit."""

MOST_BLOCKS = 10_000
"""Small blocks of memory that may be left: modules for errors, and no block for each file or request."""

MOST_BYTES_A_FILE = 2048
"""What the peak of memory may grow by for each file that is to be synced: its operation and its entries."""


def content(number: int) -> bytes:
    """Return the content of a file: from 0 to 3,000 bytes, and another one in each."""
    return (b"%d " % number) * (number % 500)


def make_files(folder: Path, count: int, per_directory: int = 500) -> None:
    """Make the folder `files` with so many files."""
    for start in range(0, count, per_directory):
        directory = folder / "files" / f"{start // per_directory:04}"
        directory.mkdir(parents=True)
        for number in range(start, min(start + per_directory, count)):
            (directory / f"{number:06}.txt").write_bytes(content(number))


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of the folder `files`, temporary ones included."""
    root = folder / "files"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.timeout(3000)
def test_many_files_arrive_through_many_faults_and_leave_nothing_behind(ceph, bucket_name, tmp_path):
    here, there, first = (tmp_path / name for name in ("here", "there", "first"))
    make_files(here, COUNT)
    make_files(first, IN_FIRST)
    (there / "files").mkdir(parents=True)
    with S3FaultProxy(ceph.endpoint) as proxy:
        bucket = S3Bucket(ceph, bucket_name(ceph, "soak"), proxy)
        other = S3Bucket(ceph, bucket_name(ceph, "soak"), proxy)
        rules = [
            proxy.fault(fault, probability=chance, seed=number, when=lambda request: f"/{bucket.name}" in request.path)
            for number, (fault, chance) in enumerate(FAULTS)
        ]
        plan = {
            "folders": [str(here), str(there)],
            "settings": bucket.settings() | {"read_timeout": 3, "connect_timeout": 3},
            "first": {"folder": str(first), "settings": other.settings()},
        }
        (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        command = [sys.executable, "-m", "tests.e2e.network.soak_client", str(tmp_path / "plan.json")]
        environment = clean_environment(PYTHONPATH=str(ROOT), PYTHONWARNINGS="error")
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        report = json.loads(done.stdout)
        print(json.dumps(report, indent=1), [(rule.fault, rule.chosen) for rule in rules])
        assert all(rule.chosen for rule in rules)
    before, after = report["before"], report["after"]
    for runs in report["runs"]:
        assert (runs[-1]["failed"], runs[-1]["unchanged"]) == (0, COUNT), report["runs"]
        assert len(runs) <= 4, report["runs"]
    made = contents(here)
    assert contents(there) == made
    assert len(made) == COUNT
    listed = bucket.keys()
    assert all(data == content(int(Path(name).stem)) for name, data in made.items())
    assert [key.removeprefix("files/") for key in listed] == sorted(made)
    assert after["descriptors"] == before["descriptors"]
    assert after["threads"] == before["threads"]
    assert after["tasks"] == 0
    assert after["blocks"] - before["blocks"] < MOST_BLOCKS
    assert report["grown"] < (40 << 20) + MOST_BYTES_A_FILE * COUNT
    bucket.close()
    other.close()
