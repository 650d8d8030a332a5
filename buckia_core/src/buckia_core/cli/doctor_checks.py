"""What a sync needs, looked at piece by piece."""

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
from buckia_core.errors import BuckiaError
from buckia_core.localfs.probing import disk_rules
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.syncing.error_messages import error_message

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient

CLOCK_TOLERANCE = 2.0
"""Seconds by which the times of new files may differ from the clock; some disks keep even seconds only."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """The outcome of one check.

    Attributes:
        check: What was looked at.
        message: What was found.
        error: What keeps a sync from working; `None` where nothing does.
        warning: Whether it works and is unsafe.
    """

    check: str
    message: str
    error: Exception | None = None
    warning: bool = False


class UnreliableClock(BuckiaError):
    """The clock is not what the disk, or an earlier run, says it is."""


def diagnose(client: BuckiaClient) -> Iterator[CheckOutcome]:
    """Check one bucket; what depends on something that is broken is left out."""
    adapter = _run_check("adapter", lambda: _check_adapter(client))
    yield adapter
    if adapter.error is None:
        for line in settings_warnings(client.config):
            yield CheckOutcome("connection", line, warning=True)
        yield _run_check("credentials", lambda: _check_listing(client))
    directory = client.config.base_dir
    state = _run_check("state directory", lambda: _check_writable(directory))
    yield state
    if state.error is None:
        yield _run_check("clock", lambda: _check_clock(directory, client))
        yield _run_check("disk", lambda: _check_disk(directory))


def _run_check(check: str, find: Callable[[], str]) -> CheckOutcome:
    try:
        return CheckOutcome(check, find())
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever one check finds, the others get their turn
        return CheckOutcome(check, error_message(error), error)


def _check_adapter(client: BuckiaClient) -> str:
    return f"{client.config.provider}, {client.adapter.identity}"


def _check_listing(client: BuckiaClient) -> str:
    first = next(iter(client.list()), None)
    return "the bucket can be listed" + (", and is empty" if first is None else "")


def _check_writable(directory: Path) -> str:
    state = directory / ".buckia-state"
    place = state if state.is_dir() else directory
    with tempfile.NamedTemporaryFile(dir=place, prefix=TEMP_PREFIX):
        return f"{place} can be written"


def _check_clock(directory: Path, client: BuckiaClient) -> str:
    with tempfile.NamedTemporaryFile(dir=directory, prefix=TEMP_PREFIX) as probe:
        apart = abs(os.stat(probe.name).st_mtime - time.time())
    if apart > CLOCK_TOLERANCE:
        raise UnreliableClock(
            f"new files here get a time that is {format_duration(apart)} away from the clock of this machine; "
            "set the clocks of this machine and of the disk's server"
        )
    for run in client.history(1):
        if run.started > datetime.now(UTC) + timedelta(seconds=CLOCK_TOLERANCE):
            raise UnreliableClock(f"the last run was at {format_time(run.started)}, which is still to come")
    return f"it is {format_time(datetime.now(UTC))}, and new files agree"


def _check_disk(directory: Path) -> str:
    rules = disk_rules(str(directory))
    names = (
        "names that differ only in case are one file"
        if rules.case_insensitive
        else "names that differ in case are two files"
    )
    return f"{names}{', and names follow the rules of Windows' if rules.windows else ''}"
