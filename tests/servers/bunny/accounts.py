"""Accounts, and how their zones are found: by name, by key, by host name."""

from __future__ import annotations

import secrets
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from .pull_zones import PullZone
from .request import Connection
from .response import Refused, Response, over_limit, storage_error
from .switches import Failing, Gate, Settings, TokenBucket
from .zones import StorageZone


@dataclass(slots=True)
class Account:
    """An account: zones, switches and counters are its own, names of zones are everybody's."""

    id: str
    directory: Path
    """For what does not fit into memory."""
    user_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    api_key: str = field(default_factory=lambda: str(uuid.uuid4()) + secrets.token_hex(16))
    storage_zones: dict[int, StorageZone] = field(default_factory=dict)
    pull_zones: dict[int, PullZone] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    failing: list[Failing] = field(default_factory=list)
    gates: dict[str, Gate] = field(default_factory=dict)
    url_purges: TokenBucket = field(default_factory=TokenBucket)
    prefix_purges: TokenBucket = field(default_factory=TokenBucket)
    calls: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    """By status."""
    peaks: Counter[str] = field(default_factory=Counter)
    """How many calls of a kind there were at a time, refused ones too."""
    bytes_stored: int = 0
    bytes_sent: int = 0
    connected: dict[str, set[int]] = field(default_factory=dict)
    _going_on: Counter[tuple[str, str]] = field(default_factory=Counter)

    def now(self) -> float:
        """Return the account's time, in seconds since 1970."""
        return time.time() + self.settings.clock_ahead_seconds

    @contextmanager
    def during(self, kind: str, where: str, limit: int | None) -> Iterator[None]:
        """Count a call for as long as the block. Raises Refused (400) where there are more than `limit` at a time."""
        self.calls[kind] += 1
        self._going_on[kind, where] += 1
        now = self._going_on[kind, where]
        self.peaks[kind] = max(self.peaks[kind], now)
        try:
            if limit is not None and now > limit:
                raise over_limit()
            yield
        except Refused as refused:
            self.refusals[str(refused.status)] += 1
            raise
        finally:
            self._going_on[kind, where] -= 1

    @contextmanager
    def admitted(self, connection: Connection, where: str) -> Iterator[None]:
        """Let a request in. Raises Refused (429) for too many connections, or requests of any kind."""
        known = self.connected.setdefault(where, set())
        if id(connection) not in known and len(known) < self.settings.connections:
            known.add(id(connection))
            connection.at_close.callback(known.discard, id(connection))
        self._going_on["", where] += 1
        try:
            if id(connection) not in known or self._going_on["", where] > self.settings.requests:
                self.refusals["429"] += 1
                raise storage_error(429, "Too Many Requests")
            yield
        finally:
            self._going_on["", where] -= 1

    async def interfere(self, kind: str, *, of_core: bool = False) -> Response | None:
        """Do to a call what the test wants: hold it, or answer it otherwise."""
        gate = self.gates.get(kind)
        if gate is not None:
            await gate.pass_through()
        for failing in self.failing:
            if failing.applies(kind):
                return failing.response(of_core=of_core)
        return None


class World:
    """All that the server has."""

    def __init__(self, directory: Path) -> None:
        self.accounts: dict[str, Account] = {}
        self.storage_hosts: dict[str, str] = {}
        """Region to `host:port`."""
        self.core_host = ""
        self.cdn_host = ""
        self._directory = directory
        self._ids = count(1001)

    def new_account(self) -> Account:
        """Make an account."""
        account_id = uuid.uuid4().hex
        account = Account(account_id, self._directory / account_id)
        self.accounts[account_id] = account
        return account

    def drop(self, account: Account) -> None:
        """Remove an account and all that it has."""
        for gate in account.gates.values():
            gate.open()
        del self.accounts[account.id]
        shutil.rmtree(account.directory, ignore_errors=True)

    def new_id(self) -> int:
        """Return a number that nothing has."""
        return next(self._ids)

    def account_with(self, api_key: str) -> Account | None:
        """Return the account with this API key."""
        return next((one for one in self.accounts.values() if one.api_key == api_key), None)

    def storage_zone(self, name: str) -> tuple[Account, StorageZone] | None:
        """Return the storage zone of that name and whose it is."""
        for account in self.accounts.values():
            for zone in account.storage_zones.values():
                if zone.name == name and not zone.deleted:
                    return account, zone
        return None

    def pull_zone(self, hostname: str) -> tuple[Account, PullZone] | None:
        """Return the pull zone with that host name and whose it is."""
        for account in self.accounts.values():
            for zone in account.pull_zones.values():
                if hostname.lower() in zone.hostnames:
                    return account, zone
        return None

    def pull_zone_name_taken(self, name: str) -> bool:
        """Tell whether a pull zone has this name."""
        return any(zone.name == name for one in self.accounts.values() for zone in one.pull_zones.values())
