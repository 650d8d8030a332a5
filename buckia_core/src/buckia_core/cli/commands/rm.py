"""`buckia rm`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode, exit_code_for, worst_exit_code
from buckia_core.cli.terminal.formatting import format_count
from buckia_core.cli.terminal.prompts import confirm

if TYPE_CHECKING:
    from buckia_core.adapters.contract.types import DeleteOutcome
    from buckia_core.client import BuckiaClient

_BATCH_SIZE = 1000
"""Keys per delete call, and the number of keys held in memory."""

_CONCURRENT_STATS = 8
"""Number of concurrent requests that check whether keys exist."""


@click.command("rm", cls=Command)
@click.argument("keys", nargs=-1, required=True)
@click.option("-r", "--recursive", is_flag=True, help="Also delete everything below KEYS.")
@click.option("--version", metavar="ID", help="Delete this version permanently; of a delete marker, undo the deletion.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting recursively or deleting a version.")
@pass_context
def rm_command(context: CliContext, keys: tuple[str, ...], recursive: bool, version: str | None, yes: bool) -> ExitCode:
    """Delete objects from a bucket.

    Local files stay. The next sync treats the objects as deleted in the bucket: in direction `both`, your local files
    go to the trash.
    """
    if not all(key.strip("/") for key in keys):
        raise click.UsageError("An empty KEY would delete the entire bucket. Name the objects to delete.")
    if version is not None:
        return _remove_version(context, keys, version, recursive=recursive, yes=yes)
    config = context.one_bucket()
    output = context.output
    if recursive and not confirm(
        output, f"All below {', '.join(keys)} will be deleted from the bucket {config.name}. Go on?", yes=yes
    ):
        output.note("Nothing was deleted.")
        return ExitCode.FAILED
    output.ignore_broken_pipe()
    codes = [ExitCode.DONE]
    removed = 0
    with context.client(config) as client:
        for outcome in _remove_below(client, keys) if recursive else _remove_named(client, keys):
            record = {"type": "removed", "bucket": config.name, "key": outcome.key}
            if outcome.error is not None:
                codes.append(exit_code_for(outcome.error))
                output.failed(outcome.key, str(outcome.error))
            else:
                removed += 1
            if output.options.json:
                output.record(record | {"error": str(outcome.error) if outcome.error else None})
    output.say(f"{config.name}: {format_count(removed, 'object')} deleted")
    return worst_exit_code(codes)


def _remove_named(client: BuckiaClient, keys: Sequence[str]) -> Iterator[DeleteOutcome]:
    """Delete the named objects and yield the outcome of each; one that does not exist is an error.

    Versioned buckets create a delete marker even for an absent key, so absent keys are not deleted.
    """
    for batch in _batches(dict.fromkeys(keys)):
        missing = _find_missing(client, batch)
        yield from missing
        absent = {outcome.key for outcome in missing}
        if existing := [key for key in batch if key not in absent]:
            yield from client.remove(existing)


def _find_missing(client: BuckiaClient, keys: Sequence[str]) -> list[DeleteOutcome]:
    from buckia_core.adapters.contract.types import DeleteOutcome  # noqa: PLC0415  # imports the engine
    from buckia_core.errors import BucketNotFound, InvalidKey, NotFound, PermissionDenied  # noqa: PLC0415

    def find_missing(key: str) -> DeleteOutcome | None:
        try:
            client.stat(key)
        except BucketNotFound:
            raise
        except NotFound as error:
            if not _is_directory(client, key):
                return DeleteOutcome(key, error)
            message = f"{key!r}: there is no such object; to delete everything below it, give --recursive"
            return DeleteOutcome(key, NotFound(message, key=key))
        except (PermissionDenied, InvalidKey):
            pass  # deleting may be allowed without reading, and the deletion itself reports an invalid key
        return None

    if len(keys) == 1:
        found = [find_missing(keys[0])]
    else:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # not needed for one key

        with ThreadPoolExecutor(min(len(keys), _CONCURRENT_STATS), thread_name_prefix="buckia-stat") as pool:
            found = list(pool.map(find_missing, keys))
    return [outcome for outcome in found if outcome is not None]


def _is_directory(client: BuckiaClient, key: str) -> bool:
    """Tell whether objects are below a key; also false if they can't be listed."""
    from buckia_core.errors import AdapterError  # noqa: PLC0415  # only after a mistake

    try:
        return next(iter(client.list(f"{key.rstrip('/')}/")), None) is not None
    except AdapterError:
        return False


def _remove_version(
    context: CliContext, keys: tuple[str, ...], version: str, *, recursive: bool, yes: bool
) -> ExitCode:
    if len(keys) != 1 or recursive:
        raise click.UsageError("--version needs exactly one KEY, without --recursive.")
    config, output = context.one_bucket(), context.output
    (key,) = keys
    if not confirm(
        output, f"Version {version} of {key} in the bucket {config.name} will be deleted permanently. Go on?", yes=yes
    ):
        output.note("Nothing was deleted.")
        return ExitCode.FAILED
    with context.client(config) as client:
        client.versions().remove(key, version)
    record = {"type": "removed", "bucket": config.name, "key": key, "version": version, "error": None}
    output.result(record, f"{config.name}: version {version} of {key} deleted")
    return ExitCode.DONE


def _remove_below(client: BuckiaClient, names: Iterable[str]) -> Iterator[DeleteOutcome]:
    """Delete the objects with the names and below them; yield the outcome of each, and an error for each vain name."""
    from buckia_core.adapters.contract.types import DeleteOutcome  # noqa: PLC0415  # imports the engine
    from buckia_core.errors import NotFound  # noqa: PLC0415

    starts = dict.fromkeys(name.rstrip("/") for name in names)
    for start in starts:
        if any(start.startswith(f"{other}/") for other in starts):
            continue  # it goes with the other one
        is_empty = True
        for batch in _batches(_list_below(client, start)):
            is_empty = False
            yield from client.remove(batch)
        if is_empty:
            yield DeleteOutcome(start, NotFound(f"{start!r}: there is no such object, and none below it", key=start))


def _list_below(client: BuckiaClient, start: str) -> Iterator[str]:
    for each in client.list(start):
        # `images-old` also starts with `images`.
        if each.key == start or each.key.startswith(f"{start}/"):
            yield each.key


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(keys)
    while batch := list(islice(remaining, _BATCH_SIZE)):
        yield batch
