"""Machines at once: no record is lost, and no object is left without one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from buckia_core.config.share_settings import lifetime
from buckia_core.sharing import shares as shares_module
from buckia_core.sharing.config import ShareConfig
from buckia_core.sharing.shares import Shares
from tests.unit.sharing import rivals


@pytest.fixture
def short_days(monkeypatch):
    monkeypatch.setattr(shares_module, "lifetime", lifetime)
    rivals.make_days_short()


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_machines_that_share_and_sweep_at_once_lose_nothing(open_pair, short_days, kind):
    pair = open_pair(kind)
    for key in rivals.KEYS:
        pair.private.put(key, key.encode())
    machines = [Shares(pair.private, ShareConfig(pair.public.config, access="public")) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(rivals.work, machines, [0.8] * 4, range(4)))
    assert min(done) > 0
    rivals.check(machines[0], pair.private, pair.public)


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_twenty_that_share_one_object_at_once_make_one_share(open_pair, kind):
    pair = open_pair(kind)
    pair.private.put("a.txt", b"1")
    machines = [Shares(pair.private, ShareConfig(pair.public.config, access="public")) for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        shares = list(pool.map(lambda each: each.add("a.txt"), machines))
    assert len({each.id for each in shares}) == len({each.share_key for each in shares}) == 1
    assert len(pair.copies) == len(pair.records) == 1
