"""Names of objects on the command line: a key, or NAME:KEY for a key in another bucket of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from buckia_core.adapters.contract.base import BaseSync
    from buckia_core.cli.context import CliContext
    from buckia_core.cli.report.transfers import TransferReporter
    from buckia_core.errors import BucketNotConfigured
    from buckia_core.objects.selection import Selection


class ObjectName(NamedTuple):
    """A name on the command line.

    Attributes:
        bucket: Name of the bucket in the configuration.
        key: The key, folder or pattern.
        unknown: What stands before a colon of the key like the name of a bucket, and is none; empty if nothing does.
    """

    bucket: str
    key: str
    unknown: str = ""


def parse_name(context: CliContext, name: str) -> ObjectName:
    """Return the bucket and the key of a name. A key may have colons, so `unknown` is no error yet."""
    start, colon, key = name.partition(":")
    if colon and start in context.config_file.buckets:
        return ObjectName(start, key)
    return ObjectName(context.one_bucket().name, name, start if colon and "/" not in start else "")


def check_target(context: CliContext, adapter: BaseSync, target: ObjectName) -> None:
    """Check that a target is not in a bucket that is unknown: a misspelled name would be a key of this bucket.

    A key with a colon is used as it is if there is such an object, or one below it. Lists them for that.

    Raises:
        BucketNotConfigured: There is none.
    """
    from buckia_core.errors import PermissionDenied  # noqa: PLC0415  # imports the engine

    if not target.unknown:
        return
    folder = f"{target.key.rstrip('/')}/"
    try:
        if any(each.key == target.key or each.key.startswith(folder) for each in adapter.list_files(target.key)):
            return
    except PermissionDenied:
        pass
    raise unknown_bucket(context, target)


def unknown_bucket(context: CliContext, name: ObjectName) -> BucketNotConfigured:
    """Return the error for a name with an unknown bucket; it says how to write a key with a colon."""
    from buckia_core.config.values import suggest  # noqa: PLC0415  # only after a mistake
    from buckia_core.errors import BucketNotConfigured  # noqa: PLC0415  # imports the engine

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
    """Return the objects of a name; report one without any and return `None`, or raise that if it `is_only` one.

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
