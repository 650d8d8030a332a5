"""Checks of one bucket: adapter, connection, credentials, local folders, state, clock and disk."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.adapters.factory import settings_warnings
from buckia_core.cli.diagnosis.outcome import CheckOutcome, UnreliableClock, failed, run_check
from buckia_core.cli.terminal.formatting import format_duration, format_size, format_time
from buckia_core.errors import NotFound, PermissionDenied, SideEmptied
from buckia_core.localfs.filename_rules import detect_filesystem_rules
from buckia_core.objects.bucket_methods import new_probe_key
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.syncing.disk.paths import root_directory
from buckia_core.syncing.scan.mappings import RunOverrides, build_mappings
from buckia_core.syncing.state import database_file

if TYPE_CHECKING:
    import sqlite3

    from buckia_core.client import BuckiaClient

CLOCK_TOLERANCE = 2.0
"""Seconds by which the mtime of a new file may differ from the clock. Some file systems keep even seconds only."""

LOW_DISK_SPACE = 1 << 30
"""Bytes of free space below which the check of the disk warns."""

SLOW_RESPONSE = 1.0
"""Seconds for a small request above which the check of the latency warns."""


def diagnose(client: BuckiaClient, *, write: bool = False) -> Iterator[CheckOutcome]:
    """Check one bucket; checks that depend on a failed one are skipped.

    Args:
        client: Client of the bucket.
        write: Also write, copy and delete objects of its own. Otherwise, nothing is changed.
    """
    adapter = run_check("adapter", lambda: _check_adapter(client))
    yield adapter
    if adapter.error is None:
        for line in settings_warnings(client.config):
            yield CheckOutcome("connection", line, warning=True, advice="Remove the setting, if you can do without it")
        credentials = run_check("credentials", lambda: _check_listing(client))
        yield credentials
        if credentials.error is None:
            yield run_check("latency", lambda: _check_latency(client))
        if write and (credentials.error is None or isinstance(credentials.error, PermissionDenied)):
            from buckia_core.cli.diagnosis.probe import probe_bucket  # noqa: PLC0415  # only with --write

            yield from probe_bucket(client)
    for root in _missing_roots(client):
        yield _check_root(client, root, is_open=adapter.error is None)
    directory = client.config.base_dir
    state = run_check("state directory", lambda: _check_writable(directory))
    yield state
    if adapter.error is None:
        yield run_check("state database", lambda: _check_database(client.state_files.database))
    if state.error is None:
        yield run_check("clock", lambda: _check_clock(directory, client, is_open=adapter.error is None))
        yield run_check("disk", lambda: _check_disk(directory))
    yield run_check("disk space", lambda: _check_space(directory, client))


def _roots(client: BuckiaClient) -> list[str]:
    roots = (root_directory(mapping) for mapping in build_mappings(client.config, RunOverrides()))
    return list(dict.fromkeys(roots))


def _missing_roots(client: BuckiaClient) -> list[str]:
    return [root for root in _roots(client) if not os.path.isdir(root)]


def _check_root(client: BuckiaClient, root: str, *, is_open: bool) -> CheckOutcome:
    """Return the outcome for a missing local root: until the first sync it is empty, later the guard refuses it.

    Earlier runs are known by the bucket, so `is_open` tells whether its adapter could be opened.
    """
    advice = "Mount its disk, or correct `paths` or `files`"
    if not is_open:
        return CheckOutcome("local folder", f"{root} is missing", warning=True, advice=advice)
    if not client.history(1):
        message = f"{root} is missing; a sync treats it as empty"
        return CheckOutcome("local folder", message, warning=True, advice=advice)
    return failed("local folder", SideEmptied(f"{root} is missing"), advice)


def _check_adapter(client: BuckiaClient) -> str:
    return f"{client.config.provider}, {client.adapter.identity}"


def _check_listing(client: BuckiaClient) -> str:
    first = next(iter(client.list()), None)
    return "the bucket can be listed" + (", and is empty" if first is None else "")


def _check_latency(client: BuckiaClient) -> CheckOutcome:
    """Measure requests for an object that does not exist. The connection is open, from the listing."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        # Without the permission to list, some providers answer that reading is denied.
        with suppress(NotFound, PermissionDenied):
            client.adapter.stat_file(new_probe_key())
        seconds.append(time.perf_counter() - started)
    found = statistics.median(seconds)
    message, values = f"{found * 1000:.0f} ms for a small request", {"latency_seconds": round(found, 6)}
    if found <= SLOW_RESPONSE:
        return CheckOutcome("latency", message, values=values)
    advice = "Use a region that is nearer, or check the network and the proxy"
    return CheckOutcome("latency", message, warning=True, advice=advice, values=values)


def _check_writable(directory: Path) -> str:
    state = directory / ".buckia-state"
    target = state if state.is_dir() else directory
    with tempfile.NamedTemporaryFile(dir=target, prefix=TEMP_PREFIX):
        return f"{target} can be written"


def _check_database(path: Path) -> CheckOutcome | str:
    """Check the state database as a sync does, without its repair."""
    if not path.exists():
        return "there is none yet; the first sync creates it"
    database_file.refuse_symlink(path)
    try:
        with closing(database_file.confirm_damage(path, lambda: _open_checked(path))):
            return f"{path.name} is intact, {format_size(path.stat().st_size)}"
    except database_file.DamagedDatabase as damage:
        message = f"{path} is damaged: {damage}"
        advice = "Restore it from a backup, or sync: Buckia puts it aside, starts a new one and deletes nothing"
        return CheckOutcome("state database", message, warning=True, advice=advice)


def _open_checked(path: Path) -> sqlite3.Connection:
    connection = database_file.connect_readonly_anywhere(path)
    try:
        database_file.check_database(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_clock(directory: Path, client: BuckiaClient, *, is_open: bool) -> CheckOutcome | str:
    with tempfile.NamedTemporaryFile(dir=directory, prefix=TEMP_PREFIX) as probe:
        difference = abs(os.stat(probe.name).st_mtime - time.time())
    if difference > CLOCK_TOLERANCE:
        message = f"new files here get a time that is {format_duration(difference)} away from the clock of this machine"
        return failed("clock", UnreliableClock(message), "Set the clocks of this machine and of the disk's server")
    for run in client.history(1) if is_open else ():
        if run.started > datetime.now(UTC) + timedelta(seconds=CLOCK_TOLERANCE):
            message = f"the last run was at {format_time(run.started)}, which is still to come"
            return failed("clock", UnreliableClock(message), "Set the clock of this machine")
    return f"it is {format_time(datetime.now(UTC))}, and new files agree"


def _check_disk(directory: Path) -> str:
    rules = detect_filesystem_rules(str(directory))
    names = (
        "names that differ only in case are one file"
        if rules.case_insensitive
        else "names that differ in case are two files"
    )
    return f"{names}{', and names follow the rules of Windows' if rules.windows else ''}"


def _check_space(directory: Path, client: BuckiaClient) -> CheckOutcome:
    """Return the outcome for the disk with the least free space of those that a sync writes to."""
    directories = [path for path in (str(directory), *_roots(client)) if os.path.isdir(path)]
    free, path = min((shutil.disk_usage(path).free, path) for path in directories)
    message, values = f"{format_size(free)} free at {path}", {"free_bytes": free}
    if free >= LOW_DISK_SPACE:
        return CheckOutcome("disk space", message, values=values)
    advice = "Free some space: downloads, the trash and the state need it"
    return CheckOutcome("disk space", message, warning=True, advice=advice, values=values)
