"""`buckia rm`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode, exit_code_for, worst_exit_code
from buckia_core.cli.object_names import open_bucket_of, parse_names
from buckia_core.cli.terminal.formatting import format_count, format_size
from buckia_core.cli.terminal.prompts import confirm
from buckia_core.planning.key_pattern import folder_prefix, has_wildcard

if TYPE_CHECKING:
    from buckia_core.adapters.contract.types import DeleteOutcome
    from buckia_core.cli.terminal.output import Output
    from buckia_core.client import BuckiaClient
    from buckia_core.planning.manifest import RemoteObject

_BATCH_SIZE = 1000
"""Keys per delete call, and the number of keys held in memory where nobody is asked."""

_CONCURRENT_STATS = 8
"""Number of concurrent requests that check whether keys exist."""


@click.command("rm", cls=Command)
@click.argument("keys", nargs=-1, required=True)
@click.option("-r", "--recursive", is_flag=True, help="Also delete everything below KEYS.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("--version", metavar="ID", help="Delete this version permanently; of a delete marker, undo the deletion.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting by a pattern, recursively, or a version.")
@pass_context
def rm_command(
    context: CliContext, keys: tuple[str, ...], recursive: bool, dry_run: bool, version: str | None, yes: bool
) -> ExitCode:
    """Delete objects from a bucket.

    KEYS may be patterns, such as 'images/*.png'. Local files stay. The next sync treats the objects as deleted in the
    bucket: in direction `both`, your local files go to the trash.
    """
    if not all(place.key.strip("/") for place in parse_names(context, keys)):
        raise click.UsageError("An empty KEY would delete the entire bucket. Name the objects to delete.")
    if version is not None:
        return _remove_version(context, keys, version, plain=not (recursive or dry_run), yes=yes)
    output = context.output
    with open_bucket_of(context, *keys) as (client, names):
        config = client.config
        if recursive and not (yes or dry_run):
            # Fails at once where nobody can be asked, before the listing.
            _check_can_ask(output, names, config.name)
        outcomes = _remove(client, output, names, recursive=recursive, dry_run=dry_run, yes=yes)
        if outcomes is None:
            output.note("Nothing was deleted.")
            return ExitCode.FAILED
        output.ignore_broken_pipe()
        codes, removed = [ExitCode.DONE], 0
        for outcome in outcomes:
            if outcome.error is not None:
                codes.append(exit_code_for(outcome.error))
                output.failed(outcome.key, str(outcome.error))
            else:
                removed += 1
            if output.options.json:
                record = {"type": "removed", "bucket": config.name, "key": outcome.key}
                output.record(record | {"error": str(outcome.error) if outcome.error else None})
    if not dry_run:
        output.say(f"{config.name}: {format_count(removed, 'object')} deleted")
    return worst_exit_code(codes)


def _check_can_ask(output: Output, keys: Sequence[str], bucket: str) -> None:
    from buckia_core.cli.terminal.prompts import can_ask  # noqa: PLC0415  # only for recursive deletes

    if not can_ask(output):
        confirm(output, f"All below {', '.join(keys)} will be deleted from the bucket {bucket}. Go on?", yes=False)


def _remove(
    client: BuckiaClient, output: Output, names: Sequence[str], *, recursive: bool, dry_run: bool, yes: bool
) -> Iterable[DeleteOutcome] | None:
    """Delete what the names stand for; return the outcomes, or `None` if the answer to the question was no."""
    if not (recursive or dry_run or any(map(has_wildcard, names))):
        return _remove_named(client, names)
    failed: list[DeleteOutcome] = []
    found = _choose(client, names, failed, recursive=recursive)
    if yes and not dry_run:
        return chain(_remove_chosen(client, found), failed)
    chosen = {each.key: each for each in found}
    if dry_run:
        for each in chosen.values():
            record = _planned_record(client.config.name, each)
            output.result(record, f"would delete {each.key}  ({format_size(each.size)})")
        return failed
    amount = f"{format_count(len(chosen), 'object')}, {format_size(sum(each.size for each in chosen.values()))},"
    question = f"{amount} will be deleted from the bucket {client.config.name}. Go on?"
    if chosen and not confirm(output, question, yes=False):
        return None
    return chain(_remove_chosen(client, chosen.values()), failed)


def _planned_record(bucket: str, found: RemoteObject) -> dict[str, object]:
    return {
        "type": "operation",
        "bucket": bucket,
        "action": "delete_remote",
        "key": found.key,
        "path": None,
        "size": found.size,
        "reason": "asked for",
        "status": "planned",
        "error": None,
    }


def _choose(
    client: BuckiaClient, names: Sequence[str], failed: list[DeleteOutcome], *, recursive: bool
) -> Iterator[RemoteObject]:
    """Yield the objects that the names stand for; add an outcome with an error to `failed` for a name without any."""
    from buckia_core.adapters.contract.types import DeleteOutcome  # noqa: PLC0415  # imports the engine
    from buckia_core.errors import BucketNotFound, NotFound  # noqa: PLC0415
    from buckia_core.objects.selection import select  # noqa: PLC0415  # as above

    starts = dict.fromkeys(names)
    for start in starts:
        if recursive and any(start != other and start.startswith(folder_prefix(other)) for other in starts):
            continue  # it goes with the other one
        if not recursive and start.endswith("/"):
            message = f"{start!r}: to delete everything below it, give --recursive"
            failed.append(DeleteOutcome(start, NotFound(message, key=start)))
            continue
        try:
            yield from select(client.adapter, start, recursive=recursive, internal=True).objects
        except BucketNotFound:
            raise
        except NotFound as error:
            failed.append(DeleteOutcome(start, error))


def _remove_chosen(client: BuckiaClient, chosen: Iterable[RemoteObject]) -> Iterator[DeleteOutcome]:
    """Delete objects in batches, and yield an outcome for each."""
    remaining = iter(chosen)
    while batch := list(islice(remaining, _BATCH_SIZE)):
        yield from client.remove([each.key for each in batch])


def _remove_named(client: BuckiaClient, keys: Sequence[str]) -> Iterator[DeleteOutcome]:
    """Delete the named objects and yield the outcome of each; one that does not exist is an error.

    Versioned buckets create a delete marker even for an absent key, so absent keys are not deleted.
    """
    remaining = iter(dict.fromkeys(keys))
    while batch := list(islice(remaining, _BATCH_SIZE)):
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


def _remove_version(context: CliContext, keys: tuple[str, ...], version: str, *, plain: bool, yes: bool) -> ExitCode:
    if len(keys) != 1 or not plain:
        raise click.UsageError("--version needs exactly one KEY, without --recursive and --dry-run.")
    output = context.output
    (place,) = parse_names(context, keys)
    config, key = context.config_file.bucket(place.bucket), place.key
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
