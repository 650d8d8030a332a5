"""Syncs two folders with one bucket until both are in step, and says what that has left behind in the process.

python -m tests.e2e.network.soak_client PLAN

PLAN is a JSON file with the `folders`, the `settings` of the bucket, and the `folder` and `settings` of a first small
sync. The output is JSON: the runs of each folder, and what is left.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig

_MOST_RUNS = 8


def synced(folder: Path, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Sync until a run has nothing left to do, and return the counts of all runs."""
    runs: list[dict[str, Any]] = []
    config = BucketConfig(base_dir=folder, paths=["files"], **settings)
    with BuckiaClient(config, state_dir=folder / "state") as client:
        while len(runs) < _MOST_RUNS:
            result = client.sync()
            runs.append(
                {
                    "uploaded": result.uploaded,
                    "downloaded": result.downloaded,
                    "failed": result.failed,
                    "unchanged": result.unchanged,
                    "requests": result.requests,
                    "seconds": round(result.seconds, 1),
                    "errors": sorted({str(each)[:200] for each in result.errors})[:5],
                }
            )
            if not (result.failed or result.uploaded or result.downloaded):
                break
    return runs


def held() -> dict[str, Any]:
    """Return what this process holds: files and sockets, threads, tasks, and small blocks of memory."""
    gc.collect()
    directory = Path("/proc/self/fd")
    return {
        "descriptors": sorted(_target(each) for each in directory.iterdir()) if directory.is_dir() else [],
        "threads": sorted(each.name for each in threading.enumerate()),
        "tasks": sum(isinstance(each, asyncio.Task) and not each.done() for each in gc.get_objects()),
        "blocks": sys.getallocatedblocks(),
    }


def _target(descriptor: Path) -> str:
    try:
        found = os.readlink(descriptor)
    except OSError:  # that of the directory itself
        return "gone"
    return "gone" if found.endswith("/fd") else found


def peak_bytes() -> int:
    """Return the peak of resident memory so far; 0 where the system does not say."""
    # That of `getrusage` begins with the peak of the process that started this one.
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), 0)


def main() -> None:
    """Sync and report."""
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    first, settings = plan["first"], plan["settings"]
    synced(Path(first["folder"]), first["settings"])  # imports, caches and pools of the process
    before, small, started = held(), peak_bytes(), time.process_time()
    runs = [synced(Path(folder), settings) for folder in plan["folders"]]
    report = {
        "runs": runs,
        "cpu": round(time.process_time() - started, 1),
        "before": before,
        "after": held(),
        "grown": peak_bytes() - small,
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
