"""Listing a zone of bunny.net with a million objects in a thousand directories.

python -m tests.benchmarks.bunny_listing [--directories 1000] [--files 1000] [--rounds 1]

The server makes its listings while it is asked, in one process of Python. What it takes for that is measured by a
client that only reads the answers, five at a time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measure import Contender, race, table
from tests.servers.bunny.server import BunnyServer

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


def main() -> None:
    """Generate a zone, list it, print the table and what the server saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directories", type=int, default=1000)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    objects = options.directories * options.files
    with tempfile.TemporaryDirectory() as directory, BunnyServer.running(Path(directory)) as server:
        account = server.new_account()
        zone = account.new_zone("bench")
        account.generate(zone, directories=options.directories, files=options.files)
        place = [zone.endpoint, zone.name, zone.password]
        contenders = [
            Contender("list_files", [sys.executable, "-c", _LIST, *place, str(objects)], os.environ),
            Contender("reading alone", [sys.executable, "-c", _READ, *place, str(options.directories)], os.environ),
        ]
        print(table(f"{objects} objects in {options.directories} directories", race(contenders, rounds=options.rounds)))
        seen = account.seen()
        print(f"\nlistings: {seen['calls']['list']}, at a time: {seen['peaks']['list']}, refused: {seen['refusals']}")


if __name__ == "__main__":
    main()
