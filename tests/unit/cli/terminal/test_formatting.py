from datetime import UTC, datetime

import pytest

from buckia_core.cli.terminal.formatting import format_duration, format_size, format_summary, format_time
from buckia_core.syncing.events import SyncResult


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (1024**6 * 3, "3.0 EiB"),
    ],
)
def test_sizes(number, text):
    assert format_size(number) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.04, "0.0 s"), (0.4, "0.4 s"), (59.9, "59.9 s"), (59.96, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_spans_of_time(amount, text):
    assert format_duration(amount) == text


def test_times_are_those_of_the_local_zone():
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    expected = f"{noon.astimezone():%Y-%m-%d %H:%M:%S}"
    assert format_time(noon) == format_time(int(noon.timestamp()) * 10**9 + 999) == expected


@pytest.mark.parametrize("nanoseconds", [-1, -(10**19), 253_402_300_800 * 10**9, 2**63, 0])
def test_no_time_is_too_strange_to_be_shown(nanoseconds):
    assert format_time(nanoseconds)


def test_no_time_is_a_dash():
    assert format_time(None) == "-"


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (
            {"uploaded": 3, "downloaded": 1, "deleted_local": 1, "unchanged": 212, "seconds": 0.4},
            "3 uploaded, 1 downloaded, 1 deleted locally (in the trash), 212 unchanged, 0.4 s",
        ),
        ({"uploaded": 1, "bytes_up": 2048}, "1 uploaded (2.0 KiB), 0 unchanged, 0.0 s"),
        ({"unchanged": 212, "seconds": 0.1}, "Nothing to do: 212 files in step, 0.1 s"),
        ({"unchanged": 1, "skipped": 2}, "Nothing to do: 1 file in step, 2 skipped, 0.0 s"),
        (
            {"unchanged": 1, "skipped": 2, "left_out": {"a symbolic link": 2}},
            "Nothing to do: 1 file in step, 2 symbolic links left out, 0.0 s",
        ),
        (
            {"skipped": 5, "left_out": {"a symbolic link": 1, "a named pipe": 2, "a socket": 1}},
            "Nothing to do: 0 files in step, 2 named pipes, 1 socket and 1 symbolic link left out, 1 skipped, 0.0 s",
        ),
        (
            {"dry_run": True, "uploaded": 1, "deleted_local": 2, "deleted_remote": 3, "moved": 1},
            "Dry run, nothing was changed: 1 to upload, 1 to move in the bucket, 2 to delete locally (to the trash), "
            "3 to delete in the bucket, 0 unchanged, 0.0 s",
        ),
        (
            {"conflicts": 2, "unresolved": ["a"], "failed": 1},
            "2 conflicts (1 left to decide), 1 failed, 0 unchanged, 0.0 s",
        ),
        ({"interrupted": True, "uploaded": 1}, "Interrupted: 1 uploaded, 0 unchanged, 0.0 s"),
        ({"interrupted": True}, "Interrupted: 0 files in step, 0.0 s"),
    ],
)
def test_the_sentence_at_the_end(counts, text):
    assert format_summary(SyncResult(bucket="b", started=datetime.now(UTC), **counts)) == text
