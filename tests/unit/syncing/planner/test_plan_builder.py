"""A merge without changes stops early when the run is to end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.reconcile import InSync
from buckia_core.syncing.planner.decider import Decider
from buckia_core.syncing.planner.evidence import EvidenceCollector
from buckia_core.syncing.planner.plan_builder import PlanBuilder
from buckia_core.syncing.scan.local import UnreadablePaths

COUNT = 5000


class Groups(Decider):
    """Finds all keys in sync, and notes which it is given at a time."""

    groups: ClassVar[list[list[str]]] = []

    def decide_all(self, keys):
        self.groups.append([local.key for _, local, _, _ in keys if local is not None])
        return [(InSync(), local, remote, base) for _, local, remote, base in keys]


def test_small_files_are_hashed_in_groups_and_all_others_alone():
    keys = [f"{number:05d}" for number in range(COUNT)]
    large = {"00007", "01000"}
    not_told = {"00011", "01500"}
    local = [LocalEntry(key, "root", 2 << 20 if key in large else 1, 1, 1, 1) for key in keys]
    md5 = (Digest("md5", "0" * 32),)
    remote = [RemoteObject(each.key, each.size, "x", digests=() if each.key in not_told else md5) for each in local]
    decider = Groups(EvidenceCollector(MemorySync(MemorySettings()), "sha256"), {})
    with ThreadPoolExecutor(1) as pool:
        planned = PlanBuilder(
            [PathMapping("root", "/nowhere")], decider, UnreadablePaths(), threading.Event(), pool
        ).build(local, remote, ())
    assert planned.plan.unchanged == COUNT
    assert sorted(key for group in decider.groups for key in group) == keys
    assert {key for group in decider.groups if len(group) == 1 for key in group} >= large | not_told
    assert len(decider.groups) <= COUNT // 32 + 6


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
