"""All workloads, and the choice of them that is quick."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.bunny_listing import BunnyListing
from tests.benchmarks.files import TMPFS
from tests.benchmarks.networks import HTTP, HTTP_DELAYED, HTTPS, NETWORKS
from tests.benchmarks.object_calls import ObjectCalls
from tests.benchmarks.tools import B2_TOOLS, S3_TOOLS, Buckia, Rclone, RcloneChecksum, S5cmd
from tests.benchmarks.transfers import B2Transfers, BunnyTransfers, Transfers
from tests.benchmarks.unchanged import Adoption, Changed, Deletes, ListedOnly, Unchanged
from tests.benchmarks.workloads import Workload

_KIB, _MIB, _GIB = 1 << 10, 1 << 20, 1 << 30

WORKLOADS: Final[tuple[Workload, ...]] = (
    Transfers(name="files-2000", count=2000, bytes_each=4 * _KIB, networks=NETWORKS),
    Transfers(name="files-10000", count=10_000, bytes_each=4 * _KIB, networks=(HTTP, HTTPS)),
    Transfers(name="files-8mib", count=200, bytes_each=8 * _MIB, networks=(HTTP, HTTPS)),
    Transfers(name="file-1gib", count=1, bytes_each=_GIB, networks=(HTTP, HTTPS)),
    Unchanged(name="unchanged-2000", count=2000, networks=NETWORKS),
    Unchanged(name="unchanged-20000", count=20_000),
    Unchanged(name="unchanged-100000", count=100_000),
    Changed(name="changed-100000", count=100_000),
    Deletes(name="deletes-10001", count=10_001, networks=(HTTP, HTTP_DELAYED)),
    Adoption(name="equal-20000", count=20_000, bytes_each=4 * _KIB, tools=(*S3_TOOLS, RcloneChecksum)),
    ListedOnly(name="listed-100000", count=100_000, disks=(TMPFS,), tools=(Buckia, S5cmd, Rclone)),
    # s5cmd would take more memory than most machines have: see its peak with 100,000.
    ListedOnly(name="listed-1000000", count=1_000_000, disks=(TMPFS,), tools=(Buckia, Rclone)),
    ObjectCalls(name="objects-10000", count=10_000, disks=(TMPFS,)),
    B2Transfers(name="b2-500", count=500, bytes_each=4 * _KIB, service=", Backblaze B2", tools=B2_TOOLS),
    BunnyTransfers(name="bunny-2000", count=2000, bytes_each=4 * _KIB, service=", bunny.net", tools=(Buckia,)),
    BunnyListing(name="bunny-listing", count=1000, disks=(TMPFS,), tools=(Buckia,)),
)

QUICK: Final[dict[str, object]] = {
    "workloads": ["files-2000", "unchanged-2000"],
    "disks": [TMPFS],
    "networks": [HTTP.name, HTTPS.name],
    "tools": [Buckia.name, S5cmd.name, Rclone.name],
    "rounds": 3,
}
"""The options that `--quick` stands for."""
