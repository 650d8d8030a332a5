"""Names of objects on the command line: a key, or NAME:KEY for a key in another bucket of the configuration."""

from __future__ import annotations

import posixpath
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from buckia_core.adapters.contract.base import BaseSync
    from buckia_core.cli.context import CliContext
    from buckia_core.cli.report.transfers import TransferReporter
    from buckia_core.client import BuckiaClient
    from buckia_core.config import BucketConfig
    from buckia_core.errors import BucketNotConfigured
    from buckia_core.objects.selection import Selection


class ObjectName(NamedTuple):
    """A name on the command line.

    Attributes:
        bucket: Name of the bucket in the configuration.
        key: The key, folder or pattern.
        unknown: Text before a colon of the key that looks like the name of a bucket but is not one; otherwise empty.
    """

    bucket: str
    key: str
    unknown: str = ""


def parse_name(context: CliContext, name: str, default: Callable[[], BucketConfig] | None = None) -> ObjectName:
    """Return the bucket and the key of a name. A key may have colons, so `unknown` is no error yet.

    Args:
        context: Of the command.
        name: A key, `NAME:KEY`, or a URL, which names no bucket.
        default: Returns the bucket of keys without a name; by default `CliContext.one_bucket`.

    Raises:
        BucketNotConfigured: The name has an unknown bucket, and there is no selected one that could have the key.
        click.UsageError: No bucket is selected, or several are.
    """
    start, colon, key = name.partition(":")
    if not colon or "/" in start or key.startswith("//"):
        return ObjectName((default or context.one_bucket)().name, name)
    if start in context.config_file.buckets:
        return ObjectName(start, key)
    try:
        return ObjectName((default or context.one_bucket)().name, name, start)
    except click.UsageError as ambiguous:
        raise unknown_bucket(context, ObjectName("", name, start)) from ambiguous


def parse_names(
    context: CliContext, names: Sequence[str], default: Callable[[], BucketConfig] | None = None
) -> list[ObjectName]:
    """Return the places of names that must be in one bucket. `--bucket` must not name another one.

    Raises:
        BucketNotConfigured, click.UsageError: As `parse_name`; the names are in several buckets, or in another one
            than `--bucket` says.
    """
    places = [parse_name(context, name, default) for name in names]
    buckets = list(dict.fromkeys(place.bucket for place in places))
    if len(buckets) > 1:
        raise click.UsageError(
            f"This command works on one bucket, and the names are in {', '.join(buckets)}. Run it once for each."
        )
    chosen = context.options.buckets
    for name, place in zip(names, places, strict=True):
        if chosen and place.bucket not in chosen:
            raise click.UsageError(
                f"{name!r} is in bucket {place.bucket!r}, and --bucket says {', '.join(map(repr, chosen))}. Leave out "
                f"--bucket, or for a key with a colon write '{chosen[0]}:{name}'."
            )
    context.bucket = buckets[0]
    return places


@contextmanager
def open_bucket_of(
    context: CliContext, *names: str, by_prefix: bool = False
) -> Iterator[tuple[BuckiaClient, list[str]]]:
    """Open the bucket that has the names, and yield its client and the keys; see `parse_names`.

    Args:
        context: Of the command.
        *names: Keys, folders, patterns or `NAME:KEY`.
        by_prefix: The names are beginnings of keys.

    Raises:
        BucketNotConfigured: A name has an unknown bucket before its colon, and the selected one has no such key.
        click.UsageError: As `parse_names`.
    """
    places = parse_names(context, names)
    with context.client(context.config_file.bucket(places[0].bucket)) as client:
        for place in places:
            check_bucket(context, client.adapter, place, by_prefix=by_prefix)
        yield client, [place.key for place in places]


def check_bucket(context: CliContext, adapter: BaseSync, name: ObjectName, *, by_prefix: bool = False) -> None:
    """Check that a name is not in a bucket that is unknown: a misspelled name would be a key of this bucket.

    A key or pattern with a colon is used as it is if there is such an object, or one below it; with `by_prefix`, if a
    key begins with it. Lists them for that.

    Raises:
        BucketNotConfigured: There is none.
    """
    from buckia_core.errors import PermissionDenied  # noqa: PLC0415  # imports the engine
    from buckia_core.planning.key_pattern import KeyPattern, has_wildcard  # noqa: PLC0415  # only for such names

    if not name.unknown:
        return
    folder = f"{name.key.rstrip('/')}/"
    pattern = KeyPattern(name.key) if has_wildcard(name.key) else None
    try:
        for each in adapter.list_files(name.key if pattern is None else pattern.prefix):
            if each.key == name.key or each.key.startswith(folder):
                return
            if by_prefix and each.key.startswith(name.key):
                return
            if pattern is not None and pattern.matches(each.key, below=True):
                return
    except PermissionDenied:
        pass
    raise unknown_bucket(context, name)


def check_new_key(key: str) -> None:
    """Check that a key to write has no part `.` or `..`, as paths have.

    Raises:
        click.UsageError: It has one; the message has the key without.
    """
    parts = key.split("/")
    if "." not in parts and ".." not in parts:
        return
    normal = posixpath.normpath(key)
    plain = "/" if normal == "." else normal + "/" * key.endswith("/")
    advice = "" if ".." in normal.split("/") else f" Write {plain!r}."
    raise click.UsageError(f"{key!r} is no key: keys have no part '.' or '..'.{advice}")


def unknown_bucket(context: CliContext, name: ObjectName) -> BucketNotConfigured:
    """Return the error for a name with an unknown bucket; it says how to write a key with a colon."""
    from buckia_core.config.values import suggest  # noqa: PLC0415  # only after a mistake
    from buckia_core.errors import BucketNotConfigured  # noqa: PLC0415  # imports the engine

    if not name.bucket:
        return BucketNotConfigured(
            f"there is no bucket {name.unknown!r}.{suggest(name.unknown, context.config_file.buckets)} "
            f"To mean a key with a colon, name its bucket, as in '{next(iter(context.config_file.buckets))}:{name.key}'"
        )
    return BucketNotConfigured(
        f"there is no bucket {name.unknown!r}, and no object {name.key!r} in bucket {name.bucket!r}."
        f"{suggest(name.unknown, context.config_file.buckets)} To mean that key: '{name.bucket}:{name.key}'"
    )


def select_or_report(
    adapter: BaseSync,
    key: str,
    reporter: TransferReporter,
    *,
    recursive: bool,
    is_only: bool,
    instead: Callable[[], Exception] | None = None,
) -> Selection | None:
    """Return the objects of a name. If there are none, report that and return `None`, or raise it if `is_only`.

    Args:
        adapter: The bucket.
        key: The key, folder or pattern.
        reporter: Shows the failure.
        recursive: As for `select`.
        is_only: Whether the command has no other name.
        instead: Returns an error that says more.

    Raises:
        NotFound, AdapterError: As `select`, or what `instead` returned.
    """
    from buckia_core.errors import BucketNotFound, NotFound  # noqa: PLC0415  # imports the engine
    from buckia_core.objects.selection import select  # noqa: PLC0415  # as above

    try:
        return select(adapter, key, recursive=recursive)
    except BucketNotFound:
        raise
    except NotFound as missing:
        error = missing if instead is None else instead()
        if is_only:
            raise error from missing.__cause__
        reporter.failed(key, error, str(error))
        return None
