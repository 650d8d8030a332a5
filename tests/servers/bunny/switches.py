"""What a test can set for an account: limits, its clock, calls that fail, calls that are held."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from .response import HungUp, Refused, Response, core_error, storage_error


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set for an account. Defaults are the service's (PROVIDERS 1.5, 1.7); limits count what is going on at
    a time, of one zone at one host.
    """

    listings: int = 5
    deletes: int = 30
    zips: int = 10
    requests: int = 250
    connections: int = 100
    """From one address to one host."""
    purge_urls: int = 120
    purge_urls_per_second: float = 5.0
    purge_prefixes: int = 20
    purge_prefixes_per_second: float = 0.5
    replicating: int = 1
    """0 leaves `ReplicatedZones` empty until the test says that the zone is replicated."""
    listing_milliseconds: int = 0
    """How long a listing takes at least."""
    clock_ahead_seconds: float = 0
    """How far the account's clock is ahead of the machine's: signed URLs end early, purges refill."""
    visitor_ip: str = ""
    """Where CDN requests come from; empty for the client's own address."""
    visitor_country: str = "DE"

    def changed(self, changes: Mapping[str, Any]) -> Settings:
        """Return the settings with some changed. Raises ValueError where a name or a value is wrong."""
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        for name, value in changes.items():
            right = str if isinstance(known.get(name), str) else (int, float)
            if name not in known or not isinstance(value, right):
                raise ValueError(f"no such setting: {name}={value!r}")
        return replace(self, **changes)


@dataclass(slots=True)
class Failing:
    """Calls that get this response in place of being carried out."""

    status: int
    """0 ends the connection without a response. 201 for uploads: the response is good and the file is not there."""
    message: str = ""
    calls: frozenset[str] | None = None
    """Kinds as they are counted; None for all."""
    times: int | None = None
    """How often at most; None for no end."""
    share: float = 1.0
    """How many of the calls, drawn from a generator with `seed`."""
    seed: int = 0
    retry_after: int | None = None
    """Seconds, as a header."""
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def applies(self, call: str) -> bool:
        """Tell whether this call fails, and count it."""
        if self.times == 0 or (self.calls is not None and call not in self.calls):
            return False
        if self._random.random() >= self.share:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def response(self, *, of_core: bool) -> Response:
        """Return what is answered. Raises HungUp or Refused."""
        if self.status == 0:
            raise HungUp
        refuse = core_error(self.status, "failing", self.message) if of_core else None
        refused = refuse or storage_error(self.status, self.message)
        if self.status < 400:
            return refused.response()
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        raise Refused(self.status, refused.body, headers)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Failing:
        """Read what a test sent. Raises TypeError or ValueError where it is none."""
        calls = given.get("calls")
        return cls(**{**given, "calls": frozenset(calls) if calls is not None else None})


class Gate:
    """Calls of one kind, held until the test lets them go on."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._changed = asyncio.Condition()
        self.waiting = 0

    async def pass_through(self) -> None:
        """Wait until the gate is opened."""
        await self._count(1)
        try:
            await self._open.wait()
        finally:
            await self._count(-1)

    async def wait_for(self, calls: int) -> None:
        """Return when so many calls are held."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.waiting >= calls)

    def open(self) -> None:
        """Let all calls go on."""
        self._open.set()

    async def _count(self, change: int) -> None:
        async with self._changed:
            self.waiting += change
            self._changed.notify_all()


class TokenBucket:
    """Calls that may come in a burst, and then at a rate (PROVIDERS 1.7)."""

    def __init__(self) -> None:
        self._spent = 0.0
        self._at = 0.0

    def take(self, now: float, *, size: int, per_second: float) -> bool:
        """Take one at the time `now`, in seconds. Return whether there was one."""
        self._spent = max(0.0, self._spent - max(0.0, now - self._at) * per_second)
        self._at = now
        if self._spent + 1 > size:
            return False
        self._spent += 1
        return True
