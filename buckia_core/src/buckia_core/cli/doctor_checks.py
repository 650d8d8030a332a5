"""Checks of `buckia doctor`: adapter, connection, credentials, state directory, clock and disk."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.adapters.factory import settings_warnings
from buckia_core.cli.terminal.formatting import format_duration, format_time
from buckia_core.errors import BuckiaError, SideEmptied
from buckia_core.localfs.filename_rules import detect_filesystem_rules
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.syncing.disk.paths import root_directory
from buckia_core.syncing.error_messages import error_message
from buckia_core.syncing.scan.mappings import RunOverrides, build_mappings

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient

CLOCK_TOLERANCE = 2.0
"""Seconds by which the mtime of a new file may differ from the clock. Some file systems keep even seconds only."""

CHECKS = ("configuration", "adapter", "connection", "credentials", "local folder", "state directory", "clock", "disk")
"""Names of the checks, in order."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """Outcome of one check.

    Attributes:
        check: Name of the check.
        message: Result.
        error: Error that prevents a sync; `None` if the check passed.
        warning: Whether the setup works and is unsafe.
    """

    check: str
    message: str
    error: Exception | None = None
    warning: bool = False


class UnreliableClock(BuckiaError):
    """The clock disagrees with the disk or an earlier run."""


def diagnose(client: BuckiaClient) -> Iterator[CheckOutcome]:
    """Check one bucket; checks that depend on a failed one are skipped."""
    adapter = _run_check("adapter", lambda: _check_adapter(client))
    yield adapter
    if adapter.error is None:
        for line in settings_warnings(client.config):
            yield CheckOutcome("connection", line, warning=True)
        yield _run_check("credentials", lambda: _check_listing(client))
    for root in _missing_roots(client):
        yield _check_root(client, root)
    directory = client.config.base_dir
    state = _run_check("state directory", lambda: _check_writable(directory))
    yield state
    if state.error is None:
        yield _run_check("clock", lambda: _check_clock(directory, client))
        yield _run_check("disk", lambda: _check_disk(directory))


def _missing_roots(client: BuckiaClient) -> list[str]:
    roots = (root_directory(mapping) for mapping in build_mappings(client.config, RunOverrides()))
    return [root for root in dict.fromkeys(roots) if not os.path.isdir(root)]


def _check_root(client: BuckiaClient, root: str) -> CheckOutcome:
    """Return the outcome for a missing local root: until the first sync it is empty, later the guard refuses it."""
    if not client.history(1):
        return CheckOutcome("local folder", f"{root} is missing; a sync treats it as empty", warning=True)
    message = f"{root} is missing: mount its disk, or correct `paths` or `files`"
    return CheckOutcome("local folder", message, SideEmptied(message))


def _run_check(check: str, run: Callable[[], str]) -> CheckOutcome:
    try:
        return CheckOutcome(check, run())
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # an error of one check must not skip the others
        return CheckOutcome(check, error_message(error), error)


def _check_adapter(client: BuckiaClient) -> str:
    return f"{client.config.provider}, {client.adapter.identity}"


def _check_listing(client: BuckiaClient) -> str:
    first = next(iter(client.list()), None)
    return "the bucket can be listed" + (", and is empty" if first is None else "")


def _check_writable(directory: Path) -> str:
    state = directory / ".buckia-state"
    target = state if state.is_dir() else directory
    with tempfile.NamedTemporaryFile(dir=target, prefix=TEMP_PREFIX):
        return f"{target} can be written"


def _check_clock(directory: Path, client: BuckiaClient) -> str:
    with tempfile.NamedTemporaryFile(dir=directory, prefix=TEMP_PREFIX) as probe:
        difference = abs(os.stat(probe.name).st_mtime - time.time())
    if difference > CLOCK_TOLERANCE:
        raise UnreliableClock(
            f"new files here get a time that is {format_duration(difference)} away from the clock of this machine; "
            "set the clocks of this machine and of the disk's server"
        )
    for run in client.history(1):
        if run.started > datetime.now(UTC) + timedelta(seconds=CLOCK_TOLERANCE):
            raise UnreliableClock(f"the last run was at {format_time(run.started)}, which is still to come")
    return f"it is {format_time(datetime.now(UTC))}, and new files agree"


def _check_disk(directory: Path) -> str:
    rules = detect_filesystem_rules(str(directory))
    names = (
        "names that differ only in case are one file"
        if rules.case_insensitive
        else "names that differ in case are two files"
    )
    return f"{names}{', and names follow the rules of Windows' if rules.windows else ''}"
