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
from buckia_core.cli.terminal import formatting
from buckia_core.errors import BuckiaError
from buckia_core.localfs.probing import disk_rules
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.syncing.error_messages import explain

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient

TOLERANCE = 2.0
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
    adapter = _look("adapter", lambda: _adapter(client))
    yield adapter
    if adapter.error is None:
        for line in settings_warnings(client.config):
            yield CheckOutcome("connection", line, warning=True)
        yield _look("credentials", lambda: _one_listing(client))
    directory = client.config.base_dir
    state = _look("state directory", lambda: _writable(directory))
    yield state
    if state.error is None:
        yield _look("clock", lambda: _clock(directory, client))
        yield _look("disk", lambda: _disk(directory))


def _look(check: str, find: Callable[[], str]) -> CheckOutcome:
    try:
        return CheckOutcome(check, find())
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever one check finds, the others get their turn
        return CheckOutcome(check, explain(error), error)


def _adapter(client: BuckiaClient) -> str:
    return f"{client.config.provider}, {client.adapter.identity}"


def _one_listing(client: BuckiaClient) -> str:
    first = next(iter(client.list()), None)
    return "the bucket can be listed" + (", and is empty" if first is None else "")


def _writable(directory: Path) -> str:
    state = directory / ".buckia-state"
    place = state if state.is_dir() else directory
    with tempfile.NamedTemporaryFile(dir=place, prefix=TEMP_PREFIX):
        return f"{place} can be written"


def _clock(directory: Path, client: BuckiaClient) -> str:
    with tempfile.NamedTemporaryFile(dir=directory, prefix=TEMP_PREFIX) as probe:
        apart = abs(os.stat(probe.name).st_mtime - time.time())
    if apart > TOLERANCE:
        raise UnreliableClock(
            f"new files here get a time that is {formatting.seconds(apart)} away from the clock of this machine; "
            "set the clocks of this machine and of the disk's server"
        )
    for run in client.history(1):
        if run.started > datetime.now(UTC) + timedelta(seconds=TOLERANCE):
            raise UnreliableClock(f"the last run was at {formatting.when(run.started)}, which is still to come")
    return f"it is {formatting.when(datetime.now(UTC))}, and new files agree"


def _disk(directory: Path) -> str:
    rules = disk_rules(str(directory))
    names = (
        "names that differ only in case are one file"
        if rules.case_insensitive
        else "names that differ in case are two files"
    )
    return f"{names}{', and names follow the rules of Windows' if rules.windows else ''}"
