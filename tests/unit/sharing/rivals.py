"""Machines that share, renew, remove and sweep the same objects at once, and what must hold afterwards.

`python -m tests.unit.sharing.rivals` runs one machine in a process of its own, with its work on standard input.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from buckia_core.config import BucketConfig
from buckia_core.errors import NotFound, PreconditionFailed
from buckia_core.objects.store import ObjectStore
from buckia_core.sharing import shares as shares_module
from buckia_core.sharing.config import ShareConfig
from buckia_core.sharing.record import ShareState
from buckia_core.sharing.shares import Shares

KEYS = ("a.txt", "b/c.bin")


def make_days_short() -> None:
    """Let a day of a share last 50 ms, so that sweeps find expired ones."""
    shares_module.lifetime = lambda days: timedelta(milliseconds=50 * days)  # type: ignore[attr-defined]


def work(shares: Shares, seconds: float, seed: int) -> int:
    """Do random things for some time; return how many."""
    chosen, done, end = random.Random(seed), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        key = chosen.choice(KEYS)
        match chosen.randrange(6):
            case 0 | 1 | 2:
                try:
                    share = shares.add(key, ttl_days=chosen.choice((1, 4, 7)))
                except PreconditionFailed:
                    continue  # the others were faster each time; nothing is left
                assert share.state is ShareState.LIVE
            case 3:
                with suppress(NotFound):
                    shares.remove(key, all=True)
            case _:
                sweep(shares)
        done += 1
    return done


def sweep(shares: Shares) -> None:
    for failure in shares.sweep().failed:
        raise failure.error


def check(shares: Shares, private: ObjectStore, public: ObjectStore) -> None:
    """Check that each copy has its record and each live record its copy, and that a sweep leaves nothing."""
    recorded = {each.share_key: each.state for each in shares.list()}
    copies = {each.key for each in public.iter()}
    assert copies - recorded.keys() == set(), f"objects without a record: {copies} {recorded}"
    assert {key for key, state in recorded.items() if state is ShareState.LIVE} - copies == set(), "lost objects"
    time.sleep(0.4)
    sweep(shares)
    left = [each.key for each in public.iter()]
    assert left == [], (left, shares.list())
    left = [each.key for each in private.iter(".buckia-shares/")]
    assert left == [], (left, shares.list())


def open_shares(private: Mapping[str, Any], shared: Mapping[str, Any]) -> tuple[ObjectStore, ObjectStore, Shares]:
    store = ObjectStore(BucketConfig(**private))
    config = ShareConfig(BucketConfig(**shared), access="public")
    return store, ObjectStore(config.bucket), Shares(store, config)


if __name__ == "__main__":
    given = json.load(sys.stdin)
    make_days_short()
    print(work(open_shares(given["private"], given["shared"])[2], given["seconds"], given["seed"]))
