"""Purges of a pull zone, with few requests and within the rate limits of the service."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from buckia_bunny.account.account import BunnyAccount
from buckia_bunny.errors import PROVIDER
from buckia_bunny.storage.key_encoding import quote_path
from buckia_core.adapters.wrappers.token_bucket import TokenBucket
from buckia_core.errors import AdapterError, Throttled

MAX_DIRECTORIES = 10
"""Most directories in a plan; more are purged as the whole zone."""

_URLS_PER_SECOND, _URLS_BURST = 5.0, 100.0
_DIRECTORIES_PER_SECOND, _DIRECTORIES_BURST = 0.5, 15.0
"""The service allows bursts of 120 and 20; the difference is left to other clients."""

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """Purge plan.

    Attributes:
        paths: Objects, as paths of the storage zone.
        directories: Directories, each with a slash at its end.
        everything: The whole pull zone, without paths and directories.
    """

    paths: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    everything: bool = False


def plan_purge(paths: Sequence[str] | None, *, max_urls: int) -> PurgePlan:
    """Plan the purge of paths; `None` stands for unknown paths.

    Up to `max_urls` paths are purged one by one. More are purged by up to ten common directories, or all at once if the
    root is among them.
    """
    if paths is None:
        return PurgePlan(everything=True)
    if len(paths) <= max_urls:
        return PurgePlan(tuple(paths))
    depth = max(path.count("/") for path in paths)
    while depth:
        directories = sorted({_ancestor(path, depth) for path in paths})
        if "" in directories:
            break
        directories = list(_without_nested(directories))
        if len(directories) <= MAX_DIRECTORIES:
            return PurgePlan(directories=tuple(directories))
        depth -= 1
    return PurgePlan(everything=True)


class Purging(Protocol):
    """Account that can purge, such as `BunnyAccount`."""

    def purge_url(self, url: str) -> None:
        """Purge one URL, or all URLs with a prefix if it ends in `*`."""

    def purge_zone(self, pull_zone: int) -> None:
        """Purge a whole pull zone."""


class Purger:
    """Purges a pull zone within the rate limits of the service."""

    def __init__(
        self, account: Purging, pull_zone: int, host: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._account = account
        self._pull_zone = pull_zone
        self._base = f"https://{host}/"
        self._sleep = sleep
        self._urls = TokenBucket(_URLS_PER_SECOND, burst=_URLS_BURST, sleep=sleep)
        self._directories = TokenBucket(_DIRECTORIES_PER_SECOND, burst=_DIRECTORIES_BURST, sleep=sleep)

    def run(self, plan: PurgePlan) -> None:
        """Run a plan.

        Raises:
            AdapterError: A purge failed; the earlier ones are done.
        """
        if plan.everything:
            self._account.purge_zone(self._pull_zone)
        for path in plan.paths:
            self.purge(f"{self._base}{quote_path(path)}")
        for directory in plan.directories:
            self.purge(f"{self._base}{quote_path(directory)}*")

    def purge(self, url: str) -> None:
        """Purge one URL, or all URLs with a prefix if it ends in `*` or a slash.

        Raises:
            AdapterError: The purge failed.
        """
        bucket = self._directories if url.endswith(("*", "/")) else self._urls
        for attempt in range(1, _ATTEMPTS + 1):
            bucket.acquire()
            try:
                self._account.purge_url(url)
            except Throttled as error:
                # Other clients share the limit, so each attempt waits longer.
                if attempt == _ATTEMPTS:
                    raise
                self._sleep(max(error.retry_after or 0.0, attempt / bucket.rate))
            else:
                return


def open_purger(account: BunnyAccount, pull_zone: str, host: str | None = None) -> Purger:
    """Open the purger of a pull zone, given by name or number.

    Raises:
        AdapterError: There is no such pull zone, or it has no host name.
    """
    zone = account.pull_zone(pull_zone)
    hosts = [host, *zone.hosts] if host else list(zone.hosts)
    if not hosts:
        raise AdapterError(f"the pull zone {pull_zone!r} has no host name", provider=PROVIDER)
    return Purger(account, zone.id, hosts[0])


def _ancestor(path: str, depth: int) -> str:
    """Return the directory of a path, at most `depth` levels below the root; empty for the root."""
    return "".join(f"{part}/" for part in path.split("/")[:-1][:depth])


def _without_nested(directories: Iterable[str]) -> Iterable[str]:
    """Yield sorted directories without those inside another one."""
    last = None
    for directory in directories:
        if last is None or not directory.startswith(last):
            last = directory
            yield directory


def encode_url(url: str) -> str:
    """Percent-encode the invalid characters of a URL that a user typed."""
    return quote(url, safe="/:?#[]@!$&'()*+,;=%~")
