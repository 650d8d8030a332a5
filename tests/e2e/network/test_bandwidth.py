"""A bandwidth limit, measured: ten seconds of small and large objects in each direction."""

from __future__ import annotations

import time

import pytest

from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig

pytestmark = pytest.mark.long

RATE = 2 << 20
SMALL, SMALL_BYTES = 320, 32 << 10
LARGE_BYTES = 10 << 20
TOTAL = SMALL * SMALL_BYTES + LARGE_BYTES


def client(root, server, bucket):
    config = BucketConfig(
        provider="s3",
        bucket_name=bucket,
        base_dir=root,
        region=server.region,
        endpoint_url=server.endpoint,
        access_key_id=server.access_key,
        secret_access_key=server.secret_key,
        paths=["files"],
    )
    return BuckiaClient(config, state_dir=root / "state")


def seconds_of(sync, **options):
    started = time.monotonic()
    result = sync(**options)
    return time.monotonic() - started, result


def test_ten_seconds_of_transfers_keep_to_the_limit(ceph, bucket_name, tmp_path):
    bucket = bucket_name(ceph)
    here, there = tmp_path / "here", tmp_path / "there"
    for root in (here, there):
        (root / "files").mkdir(parents=True)
    for number in range(SMALL):
        (here / "files" / f"{number:03}").write_bytes(bytes([number % 256]) * SMALL_BYTES)
    (here / "files" / "large").write_bytes(bytes(range(256)) * (LARGE_BYTES // 256))
    with client(here, ceph, bucket) as source, client(there, ceph, bucket) as target:
        source.status(), target.status()  # imports and connections are no part of the transfer
        up, uploaded = seconds_of(source.sync, bwlimit=f"{RATE}:off")
        down, downloaded = seconds_of(target.sync, bwlimit=f"off:{RATE}")
    assert (uploaded.uploaded, downloaded.downloaded) == (SMALL + 1, SMALL + 1)
    assert TOTAL / up == pytest.approx(RATE, rel=0.05)
    assert TOTAL / down == pytest.approx(RATE, rel=0.05)
