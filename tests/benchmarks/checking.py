"""Whether a tool did what it was measured for: the names and sizes of everything, the content of a few."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Collection
from pathlib import Path

from tests.benchmarks.buckets import Bucket
from tests.benchmarks.measure import WrongResult


def sizes(directory: Path) -> dict[str, int]:
    """Return the size of each file by its path in the directory, with slashes."""
    found = {}
    for parent, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(parent, name)
            found[os.path.relpath(path, directory).replace(os.sep, "/")] = os.stat(path).st_size
    return found


def check_bucket(bucket: Bucket, directory: Path, *, who: str) -> None:
    """Raise WrongResult unless the bucket has the files of the directory, and nothing else."""
    expected = sizes(directory)
    _compare(expected, bucket.sizes(), who)
    check_contents(bucket, directory, few(expected), who=who)


def check_contents(bucket: Bucket, directory: Path, keys: Collection[str], *, who: str) -> None:
    """Raise WrongResult unless these objects have the content of the files."""
    for key in keys:
        with (directory / key).open("rb") as file:
            is_equal = all(chunk == file.read(len(chunk)) for chunk in bucket.read(key)) and not file.read(1)
        if not is_equal:
            raise WrongResult(f"{who}: the object {key} has other content than the file")


def check_directory(directory: Path, source: Path, *, who: str) -> None:
    """Raise WrongResult unless the directory has the files of `source`, and nothing else."""
    expected = sizes(source)
    _compare(expected, sizes(directory), who)
    for key in few(expected):
        if not filecmp.cmp(directory / key, source / key, shallow=False):
            raise WrongResult(f"{who}: the file {key} has other content than what was uploaded")


def few(keys: Collection[str]) -> list[str]:
    """Return the first key, the middle one and the last one."""
    ordered = sorted(keys)
    return [ordered[0], ordered[len(ordered) // 2], ordered[-1]] if ordered else []


def _compare(expected: dict[str, int], found: dict[str, int], who: str) -> None:
    if found != expected:
        missing, extra = expected.keys() - found.keys(), found.keys() - expected.keys()
        raise WrongResult(
            f"{who}: of {len(expected)} expected, {len(missing)} are missing {few(missing)}, {len(extra)} are "
            f"too many {few(extra)}, {sum(found.get(key) != size for key, size in expected.items())} differ in size"
        )
