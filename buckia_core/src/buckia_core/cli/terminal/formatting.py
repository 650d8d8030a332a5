"""Numbers and times in the words that people read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from buckia_core.syncing.events import SyncResult

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_size(number: int) -> str:
    """Return bytes as `812 B`, `1.2 KiB`, `3.4 GiB`."""
    if number < 1024:
        return f"{number} B"
    amount = float(number)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        amount /= 1024
        # 1023.96 would round to 1024.0, which belongs to the next unit.
        if amount < 1023.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} EiB"


def format_count(number: int, noun: str) -> str:
    """Return `1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def format_duration(amount: float) -> str:
    """Return a time span as `0.4 s`, `3 min 20 s`, `2 h 5 min`."""
    if amount < 59.95:
        return f"{amount:.1f} s"
    whole = round(amount)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def time_from_ns(nanoseconds: int) -> datetime | None:
    """Return the time that is so many nanoseconds after 1970, in UTC; `None` if no calendar of ours reaches it."""
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None


def format_time(moment: datetime | int | None) -> str:
    """Return a time (or nanoseconds since 1970) in the local time zone, to the second; `-` if there is none."""
    if moment is None:
        return "-"
    if isinstance(moment, int):
        nanoseconds = moment
        found = time_from_ns(nanoseconds)
        if found is None:
            return f"{nanoseconds // 10**9} s after 1970"
        moment = found
    try:
        return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
    except (OverflowError, OSError, ValueError):
        # The C library of some systems knows no local time that far away.
        return f"{moment.isoformat(sep=' ', timespec='seconds')}"


def format_summary(result: SyncResult) -> str:
    """Return the sentence at the end of one bucket's run."""
    planned = result.dry_run
    work = [
        *_transfer_counts(result, planned=planned),
        *_delete_counts(result, planned=planned),
        *_problem_counts(result),
    ]
    rest = [*_skipped_counts(result)]
    if result.interrupted:
        start = "Interrupted: "
    elif not work:
        start = "Nothing to do: "
    else:
        start = "Dry run, nothing was changed: " if planned else ""
    if work:
        rest.append(f"{result.unchanged} unchanged")
    else:
        rest.insert(0, f"{format_count(result.unchanged, 'file')} in step")
    return start + ", ".join([*work, *rest, format_duration(result.seconds)])


def _skipped_counts(result: SyncResult) -> Iterable[str]:
    """Yield what takes no part: entries that are no files, by what they are, and the rest."""
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
        yield f"{result.deleted_local} {verb} here ({'to' if planned else 'in'} the trash)"
    if result.deleted_remote:
        yield f"{result.deleted_remote} {verb} in the bucket"


def _problem_counts(result: SyncResult) -> Iterable[str]:
    if result.conflicts:
        left = f" ({len(result.unresolved)} left to decide)" if result.unresolved else ""
        yield format_count(result.conflicts, "conflict") + left
    if result.failed:
        yield f"{result.failed} failed"
