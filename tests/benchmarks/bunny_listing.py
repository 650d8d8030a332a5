"""Listing a zone of bunny.net with a million objects in a thousand directories.

The server makes its listings while it is asked, in one process of Python. What it takes for that is measured by a
client that only reads the answers, five at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tests.benchmarks.measure import Contender
from tests.benchmarks.results import OURS
from tests.benchmarks.stage import BunnyStage, Stage
from tests.benchmarks.tools import Tool, environment
from tests.benchmarks.workloads import Race, Setting, Workload, number

_FILES = 1000
"""In each directory."""

_LIST = """
import sys
from buckia_bunny.settings import BunnySettings
from buckia_bunny.sync import BunnySync
from buckia_core.config.secrets.secret import Secret
endpoint, zone, password, objects = sys.argv[1:]
settings = BunnySettings(bucket_name=zone, endpoint_url=endpoint, storage_api_key=Secret(password))
with BunnySync(settings) as adapter:
    last, count = "", 0
    for found in adapter.list_files():
        assert found.key > last
        last, count = found.key, count + 1
assert count == int(objects), count
"""

_READ = """
import sys
from concurrent.futures import ThreadPoolExecutor
import urllib3
endpoint, zone, password, directories = sys.argv[1:]
pool = urllib3.PoolManager(maxsize=5)
def read(number):
    url = f"{endpoint}/{zone}/directory-{number:06d}/"
    assert pool.request("GET", url, headers={"AccessKey": password}).status == 200
with ThreadPoolExecutor(5) as threads:
    list(threads.map(read, range(int(directories))))
"""


@dataclass(frozen=True, kw_only=True)
class BunnyListing(Workload):
    """List all objects with this project's adapter; `count` is that of the directories."""

    stage: ClassVar[type[Stage]] = BunnyStage

    def races(self, stage: Stage, setting: Setting, tools: Sequence[type[Tool]]) -> Iterator[Race]:
        """Generate a zone, and list it."""
        assert isinstance(stage, BunnyStage)
        zone = stage.account.new_zone("bench")
        stage.account.generate(zone, directories=self.count, files=_FILES)
        place = [zone.endpoint, zone.name, zone.password]
        listing = [sys.executable, "-c", _LIST, *place, str(self.count * _FILES)]
        reading = [sys.executable, "-c", _READ, *place, str(self.count)]
        contenders = [
            Contender(OURS, lambda: listing, environment(), lambda: None),
            Contender("reading alone", lambda: reading, environment(), lambda: None),
        ]
        title = f"List {number(self.count * _FILES, 'objects')} in {number(self.count, 'directories')}, bunny.net"
        yield Race(title, setting, contenders)
