"""Purging what changed from a pull zone, with few requests and within the service's limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from buckia_bunny.account.account import BunnyAccount
from buckia_bunny.errors import PROVIDER
from buckia_bunny.storage.key_encoding import quoted
from buckia_core.adapters.wrappers.token_bucket import TokenBucket
from buckia_core.errors import AdapterError, Throttled

PREFIXES = 10
"""Directories that are purged at most, before it is the whole zone."""

_URLS_PER_SECOND, _URLS_AT_ONCE = 5.0, 100.0
_PREFIXES_PER_SECOND, _PREFIXES_AT_ONCE = 0.5, 15.0
"""The service lets 120 and 20 pass at once; the difference is for others that purge."""

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """What is purged.

    Attributes:
        paths: Objects, as paths of the storage zone.
        directories: Directories, each with a slash at its end.
        everything: The whole pull zone; there are no paths and directories then.
    """

    paths: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    everything: bool = False


def plan_purge(paths: Sequence[str] | None, *, most: int) -> PurgePlan:
    """Return how to purge what is at these paths; `None` means that nobody knows which.

    Up to `most` one by one. More: by the directories that they are in, or those above, so that there are ten at most.
    If these have no directory in common, everything.
    """
    if paths is None:
        return PurgePlan(everything=True)
    if len(paths) <= most:
        return PurgePlan(tuple(paths))
    depth = max(path.count("/") for path in paths)
    while depth:
        directories = sorted({_above(path, depth) for path in paths})
        if "" in directories:
            break
        directories = list(_without_nested(directories))
        if len(directories) <= PREFIXES:
            return PurgePlan(directories=tuple(directories))
        depth -= 1
    return PurgePlan(everything=True)


class Purging(Protocol):
    """What purges, such as an `BunnyAccount`."""

    def purge_url(self, url: str) -> None:
        """Purge one address, or with `*` at its end all that begin so."""

    def purge_zone(self, pull_zone: int) -> None:
        """Purge all of a pull zone."""


class Purger:
    """Purges a pull zone, at the pace that the service allows."""

    def __init__(
        self, account: Purging, pull_zone: int, host: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._account = account
        self._pull_zone = pull_zone
        self._base = f"https://{host}/"
        self._sleep = sleep
        self._urls = TokenBucket(_URLS_PER_SECOND, burst=_URLS_AT_ONCE, sleep=sleep)
        self._prefixes = TokenBucket(_PREFIXES_PER_SECOND, burst=_PREFIXES_AT_ONCE, sleep=sleep)

    def carry_out(self, plan: PurgePlan) -> None:
        """Purge what a plan says.

        Raises:
            AdapterError: Something could not be purged; what came before it is.
        """
        if plan.everything:
            self._account.purge_zone(self._pull_zone)
        for path in plan.paths:
            self.purge(f"{self._base}{quoted(path)}")
        for directory in plan.directories:
            self.purge(f"{self._base}{quoted(directory)}*")

    def purge(self, url: str) -> None:
        """Purge one address, or all that begin as it does if it ends in `*` or a slash.

        Raises:
            AdapterError: It could not be purged.
        """
        bucket = self._prefixes if url.endswith(("*", "/")) else self._urls
        for attempt in range(1, _ATTEMPTS + 1):
            bucket.acquire()
            try:
                self._account.purge_url(url)
            except Throttled as error:
                # Others purge too. Each attempt waits until the service surely has room for one more.
                if attempt == _ATTEMPTS:
                    raise
                self._sleep(max(error.retry_after or 0.0, attempt / bucket.rate))
            else:
                return


def purger_of(account: BunnyAccount, pull_zone: str, host: str | None = None) -> Purger:
    """Return what purges the pull zone of that name or number.

    Raises:
        AdapterError: There is none, or it has no host name.
    """
    zone = account.pull_zone(pull_zone)
    hosts = [host, *zone.hosts] if host else list(zone.hosts)
    if not hosts:
        raise AdapterError(f"the pull zone {pull_zone!r} has no host name", provider=PROVIDER)
    return Purger(account, zone.id, hosts[0])


def _above(path: str, depth: int) -> str:
    """Return the directory that a path is in, or the one `depth` levels below the root; empty for the root."""
    return "".join(f"{part}/" for part in path.split("/")[:-1][:depth])


def _without_nested(directories: Iterable[str]) -> Iterable[str]:
    """Yield directories, in order, without those that are in another one."""
    last = None
    for directory in directories:
        if last is None or not directory.startswith(last):
            last = directory
            yield directory


def encoded(url: str) -> str:
    """Return an address that a person typed, with what an address can't have encoded."""
    return quote(url, safe="/:?#[]@!$&'()*+,;=%~")
