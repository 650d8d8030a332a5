"""Checks of `buckia doctor --write`: what the key may do, tried with objects that are deleted afterwards."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.adapters.contract.protocols import ResumableUpload, ServerCopy
from buckia_core.adapters.contract.types import IfAbsent
from buckia_core.adapters.wrappers.wrapper import Wrapper
from buckia_core.cli.diagnosis.outcome import CheckOutcome, failed, run_check
from buckia_core.cli.terminal.formatting import format_duration, format_size
from buckia_core.errors import AdapterError, PermissionDenied, PreconditionFailed
from buckia_core.objects.bucket_methods import PROBE_PREFIX, Preflight, new_probe_key, remove_probe
from buckia_core.objects.store import ObjectStore
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.policy import Direction
from buckia_core.syncing.scan.mappings import RunOverrides, build_mappings

if TYPE_CHECKING:
    from buckia_core.adapters.contract.base import BaseSync
    from buckia_core.adapters.contract.resume import PartLayout
    from buckia_core.client import BuckiaClient

PART_SIZE = 5 << 20
"""Bytes of a part of the probe: the smallest part that S3 and B2 take."""

PROBE_SIZE = PART_SIZE + (64 << 10)
"""Bytes of the large probe object: two parts."""

SERVER_CLOCK_TOLERANCE = 5.0
"""Seconds by which the server's clock may differ. Many servers report whole seconds only."""

_LEFT_OVER_AFTER = 3600.0
"""Age in seconds at which a probe belongs to no running command."""


def probe_bucket(client: BuckiaClient) -> Iterator[CheckOutcome]:
    """Write, read, copy and delete a few objects whose keys begin with `.buckia-probe-`; yield what is allowed.

    Sends and reads about 5 MiB. The objects are deleted also after an error, with their versions, and so are probes
    that a killed command left more than an hour ago.
    """
    try:
        found = client.objects.preflight()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # as in `run_check`
        yield failed("put", error)
        return
    yield from _permissions(client, found)
    if not (found.can_write and found.can_delete):
        return
    probe = _Probe(client.objects)
    try:
        yield run_check("conditional put", probe.conditional_put)
        yield run_check("copy", probe.copy)
        if found.can_read:
            yield from probe.measure()
        yield run_check("server clock", probe.server_clock)
    finally:
        problem = probe.clean_up()
    if problem is not None:
        advice = f"Delete the objects that begin with {PROBE_PREFIX}: buckia rm -r {PROBE_PREFIX}"
        yield CheckOutcome("delete", f"a probe is left: {problem}", warning=True, advice=advice)


def _permissions(client: BuckiaClient, found: Preflight) -> Iterator[CheckOutcome]:
    directions = {each.rules.direction for each in build_mappings(client.config, RunOverrides())}
    uploads, downloads = directions != {Direction.DOWN}, directions != {Direction.UP}
    rows = (
        ("put", found.can_write, "objects can be written", "writing is not allowed", uploads),
        ("get", found.can_read, "objects can be read", "reading is not allowed", downloads),
        ("delete", found.can_delete, "objects can be deleted", "deleting is not allowed, so a probe is left", False),
    )
    for check, allowed, done, denied, needed in rows:
        if allowed:
            yield CheckOutcome(check, done)
        elif allowed is False:
            outcome = failed(check, PermissionDenied(denied))
            yield outcome if needed else replace(outcome, error=None, warning=True)


class _SmallParts(Wrapper):
    """Splits uploads into the smallest parts, so that a small object tries a multipart upload."""

    def part_layout(self, size: int) -> PartLayout | None:
        """See `ResumableUpload`."""
        assert isinstance(self.inner, ResumableUpload)
        layout = self.inner.part_layout(1 << 40)
        return None if layout is None or size <= PART_SIZE else replace(layout, part_size=PART_SIZE)


@dataclass(slots=True)
class _Probe:
    """Tries the calls of a sync with objects of its own.

    Attributes:
        store: The bucket.
        keys: Keys to delete.
        written: First object, with the times before and after it was written, in seconds since 1970.
    """

    store: ObjectStore
    keys: list[str] = field(default_factory=list)
    written: tuple[float, RemoteObject, float] | None = None

    @property
    def adapter(self) -> BaseSync:
        return self.store.adapter

    def conditional_put(self) -> CheckOutcome | str:
        key = self._new_key()
        before = time.time()
        found = self.adapter.upload_file(b"probe", key, expect=IfAbsent())
        self.written = before, found, time.time()
        if not self.adapter.capabilities.conditional_write:
            return "the provider has none, so Buckia checks an object just before it writes"
        try:
            self.adapter.upload_file(b"other", key, expect=IfAbsent())
        except PreconditionFailed:
            return "writes that would replace a newer object are refused by the provider"
        message = "the provider replaced an object that it was told to keep"
        return CheckOutcome(
            "conditional put", message, warning=True, advice="Turn conditional writes off in the settings of the bucket"
        )

    def copy(self) -> CheckOutcome | str:
        adapter = self.adapter
        if not (adapter.capabilities.server_copy and isinstance(adapter, ServerCopy)):
            return "the provider has none: copies and moves go through this machine"
        if self.written is None:
            return "not tried, as nothing was written"
        try:
            adapter.copy_file(self.written[1], self._new_key())
        except PermissionDenied as error:
            return replace(failed("copy", error), error=None, warning=True)
        return "the provider copies objects"

    def measure(self) -> Iterator[CheckOutcome]:
        """Upload and download the large object: in parts, where the provider has them."""
        adapter, key = self.adapter, self._new_key()
        in_parts = adapter.capabilities.resumable_upload and isinstance(adapter, ResumableUpload)
        store = ObjectStore(_SmallParts(adapter)) if in_parts else self.store
        check = "multipart" if in_parts else "throughput"
        with tempfile.TemporaryDirectory(prefix="buckia-") as directory:
            path = Path(directory) / "probe"
            # Random bytes: a proxy or a disk that compresses would measure itself.
            path.write_bytes(os.urandom(PROBE_SIZE))
            started = time.perf_counter()
            sent = run_check(check, lambda: _sent(store, key, path))
            up = PROBE_SIZE / (time.perf_counter() - started)
            if in_parts or sent.error is not None:
                yield sent
            if sent.error is None:
                yield run_check("throughput", lambda: self._throughput(key, Path(directory) / "back", up))

    def _throughput(self, key: str, target: Path, up: float) -> CheckOutcome:
        started = time.perf_counter()
        self.adapter.download_file(key, target)
        down = PROBE_SIZE / (time.perf_counter() - started)
        message = f"{format_size(round(up))}/s up, {format_size(round(down))}/s down, with one object"
        values = {"up_bytes_per_second": round(up), "down_bytes_per_second": round(down), "object_bytes": PROBE_SIZE}
        return CheckOutcome("throughput", message, values=values)

    def server_clock(self) -> CheckOutcome | str:
        if self.written is None:
            return "unknown, as nothing was written"
        before, found, after = self.written
        modified = self.adapter.stat_file(found.key).modified_ns / 1e9
        if not modified:
            return "the provider does not show it"
        difference = modified - min(max(modified, before), after)
        values = {"difference_seconds": round(difference, 3)}
        if abs(difference) <= SERVER_CLOCK_TOLERANCE:
            return CheckOutcome("server clock", "the clocks of the provider and of this machine agree", values=values)
        side = "ahead of" if difference > 0 else "behind"
        message = f"the provider's clock is {format_duration(abs(difference))} {side} this machine's"
        advice = "Set this machine's clock: signatures fail if it is wrong, and `conflict: newest_wins` compares times"
        return CheckOutcome("server clock", message, warning=True, advice=advice, values=values)

    def clean_up(self) -> Exception | None:
        """Delete all probes of this command, and old ones of others; return the last error."""
        problem: Exception | None = None
        with suppress(AdapterError):
            old = (time.time() - _LEFT_OVER_AFTER) * 1e9
            self.keys += [each.key for each in self.adapter.list_files(PROBE_PREFIX) if 0 < each.modified_ns < old]
        for key in self.keys:
            try:
                remove_probe(self.adapter, key)
            except (AdapterError, OSError) as error:
                problem = error
        return problem

    def _new_key(self) -> str:
        key = new_probe_key()
        self.keys.append(key)
        return key


def _sent(store: ObjectStore, key: str, path: Path) -> str:
    store.put(key, path)
    return "objects can be uploaded in parts"
