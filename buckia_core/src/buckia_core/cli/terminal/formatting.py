"""Formatting of sizes, counts, durations, times and summaries for people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from buckia_core.planning import manifest

if TYPE_CHECKING:
    from buckia_core.syncing.events import SyncResult


def format_size(number: int) -> str:
    """Format a byte count: `812 B`, `1.2 KiB`, `3.4 GiB`."""
    if number < 1024:
        return f"{number} B"
    amount = float(number)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        amount /= 1024
        # 1023.96 would round to 1024.0 of this unit.
        if amount < 1023.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} EiB"


def format_count(number: int, noun: str) -> str:
    """Format a count with its noun: `1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def format_duration(amount: float) -> str:
    """Format a duration in seconds: `0.4 s`, `3 min 20 s`, `2 h 5 min`."""
    if amount < 59.95:
        return f"{amount:.1f} s"
    rounded = round(amount)
    if rounded < 3600:
        return f"{rounded // 60} min {rounded % 60} s"
    return f"{rounded // 3600} h {rounded % 3600 // 60} min"


def time_or_none(nanoseconds: int) -> datetime | None:
    """Convert nanoseconds since 1970 to a time in UTC; `None` outside of the range of `datetime`."""
    try:
        return manifest.time_from_ns(nanoseconds)
    except OverflowError:
        return None


def format_time(time: datetime | int | None) -> str:
    """Format a time, or nanoseconds since 1970, in the local time zone to the second; `-` for `None`."""
    if time is None:
        return "-"
    if isinstance(time, int):
        found = time_or_none(time)
        if found is None:
            return f"{time // 10**9} s after 1970"
        time = found
    try:
        return f"{time.astimezone():%Y-%m-%d %H:%M:%S}"
    except (OverflowError, OSError, ValueError):
        # Some C libraries have no local time for such a distant date.
        return time.isoformat(sep=" ", timespec="seconds")


def format_version(size: int | None, time: datetime | int | None) -> str:
    """Format the size and time of one side of a conflict; `deleted` without a size."""
    return "deleted" if size is None else f"{format_size(size)}, {format_time(time)}"


def format_summary(result: SyncResult, *, planned_start: str = "Dry run, nothing was changed: ") -> str:
    """Format the summary of a run; that of a dry run with something to do begins with `planned_start`."""
    if not result.ended:
        return "Interrupted: it was killed, or still runs"
    planned = result.dry_run
    changes = [
        *_transfer_counts(result, planned=planned),
        *_delete_counts(result, planned=planned),
        *_problem_counts(result),
    ]
    rest = [*_skipped_counts(result)]
    if result.interrupted:
        start = "Interrupted: "
    elif not changes:
        start = "Nothing to do: "
    else:
        start = planned_start if planned else ""
    if changes:
        rest.append(f"{result.unchanged} unchanged")
    else:
        rest.insert(0, f"{format_count(result.unchanged, 'file')} in step")
    return start + ", ".join([*changes, *rest, format_duration(result.seconds)])


def _skipped_counts(result: SyncResult) -> Iterable[str]:
    """Yield the counts of entries that are not files, by kind, and of other skipped entries."""
    kinds = [format_count(number, kind.removeprefix("a ")) for kind, number in sorted(result.left_out.items())]
    if kinds:
        yield f"{' and '.join([', '.join(kinds[:-1]), kinds[-1]] if kinds[1:] else kinds)} left out"
    if others := result.skipped - sum(result.left_out.values()):
        yield f"{others} skipped"


def _transfer_counts(result: SyncResult, *, planned: bool) -> Iterable[str]:
    rows = (
        (result.uploaded, "to upload", "uploaded", result.bytes_up),
        (result.downloaded, "to download", "downloaded", result.bytes_down),
        (result.moved, "to move in the bucket", "moved in the bucket", 0),
        (result.adopted, "to adopt", "found in step", 0),
    )
    for number, future, past, volume in rows:
        if number:
            amount = f" ({format_size(volume)})" if volume else ""
            yield f"{number} {future if planned else past}{amount}"


def _delete_counts(result: SyncResult, *, planned: bool) -> Iterable[str]:
    verb = "to delete" if planned else "deleted"
    if result.deleted_local:
        yield f"{result.deleted_local} {verb} locally ({'to' if planned else 'in'} the trash)"
    if result.deleted_remote:
        yield f"{result.deleted_remote} {verb} in the bucket"


def _problem_counts(result: SyncResult) -> Iterable[str]:
    if result.conflicts:
        unresolved = f" ({len(result.unresolved)} left to decide)" if result.unresolved else ""
        yield format_count(result.conflicts, "conflict") + unresolved
    if result.failed:
        yield f"{result.failed} failed"
