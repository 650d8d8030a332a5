"""A merge without changes stops early when the run is to end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.planner.decider import Decider
from buckia_core.syncing.planner.evidence import EvidenceCollector
from buckia_core.syncing.planner.plan_builder import PlanBuilder
from buckia_core.syncing.scan.local import UnreadablePaths

COUNT = 5000


def test_a_run_that_is_to_end_reads_no_further():
    stopped, read = threading.Event(), []
    keys = [f"{number:05d}" for number in range(COUNT)]

    def local():
        for key in keys:
            read.append(key)
            if len(read) == 1500:
                stopped.set()
            yield LocalEntry(key, "root", 1, 1, 1, 1)

    remote = [RemoteObject(key, 1, "same") for key in keys]
    base = [BaselineEntry(key, "root", 1, 1, 1, 1, False, "same", "") for key in keys]
    decider = Decider(EvidenceCollector(MemorySync(MemorySettings()), "sha256"), {})
    with ThreadPoolExecutor(1) as pool:
        PlanBuilder([PathMapping("root", "/nowhere")], decider, UnreadablePaths(), stopped, pool).build(
            local(), remote, base
        )
    assert 1500 <= len(read) < 2100
