"""`buckia put`."""

from __future__ import annotations

import glob
import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import click

from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.object_names import check_new_key, open_bucket_of, parse_names
from buckia_core.cli.path_arguments import near_path
from buckia_core.cli.terminal.formatting import format_count
from buckia_core.planning.key_pattern import folder_prefix
from buckia_core.planning.keys import is_internal

if TYPE_CHECKING:
    from buckia_core.cli.report.transfers import Transfer, TransferReporter
    from buckia_core.cli.terminal.output import Output
    from buckia_core.cli.terminal.progress import Progress
    from buckia_core.client import BuckiaClient
    from buckia_core.planning.mapping import PathMapping
    from buckia_core.planning.plan import Operation

_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))
_WILDCARD = re.compile(r"[*?\[]")


@click.command("put", cls=Command)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCES... [KEY]", type=click.Path(readable=False))
@click.option("-r", "--recursive", is_flag=True, help="Also upload directories, under their names.")
@click.option("--no-clobber", is_flag=True, help="Skip files whose object exists.")
@click.option("--include", metavar="PATTERN", multiple=True, help="Of directories, only files that match.")
@click.option("--exclude", metavar="PATTERN", multiple=True, help="Of directories, leave out files that match.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be uploaded, and upload nothing.")
@pass_context
def put_command(
    context: CliContext,
    sources: tuple[str, ...],
    recursive: bool,
    no_clobber: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    dry_run: bool,
) -> ExitCode:
    """Upload files.

    SOURCES are files, directories such as 'dist/', whose content is uploaded, or - for standard input. The last
    argument of several is the KEY, or NAME:KEY for the bucket NAME. The name of the file is added to a KEY that ends
    in a slash, and if there is none. An object that exists is replaced.
    """
    names, target = (sources, "") if len(sources) == 1 else (sources[:-1], sources[-1])
    key, output = parse_names(context, [target])[0].key, context.output
    check_new_key(key)
    stream = names[0] if len(names) == 1 and _is_stream(names[0]) else None
    if stream is None and len(names) > 1 and key and not key.endswith("/"):
        raise click.UsageError(f"For several SOURCES, the KEY must end in a slash, and {key!r} does not.")
    if stream is not None and (not key or key.endswith("/") or recursive):
        raise click.UsageError("Name the whole KEY of the object that is read from standard input or a pipe.")
    if len(names) == 1 and _looks_like_a_source(names[0], target):
        raise click.UsageError(
            f"{target!r} is a file beside {names[0]!r}. To upload both, add a KEY that ends in a slash, such as '/'. "
            f"To write the object {target!r}, put ./ before the source."
        )
    with open_bucket_of(context, target) as (client, _):
        config = client.config
        from buckia_core.cli.report.transfers import TransferReporter  # noqa: PLC0415  # imports the engine
        from buckia_core.cli.terminal.progress import progress_for  # noqa: PLC0415  # as above

        progress = progress_for(output, config.name)
        reporter = TransferReporter(output, config.name, progress)
        try:
            if stream is not None:
                _put_stream(client, stream, key, progress, reporter, no_clobber=no_clobber, dry_run=dry_run)
            else:
                mappings = list(_mappings(client, output, names, key, include, exclude, recursive=recursive))
                _put_files(client, output, mappings, progress, reporter, no_clobber=no_clobber, dry_run=dry_run)
        finally:
            progress.close()
        return reporter.finish()


def _put_files(
    client: BuckiaClient,
    output: Output,
    mappings: Sequence[PathMapping],
    progress: Progress,
    reporter: TransferReporter,
    *,
    no_clobber: bool,
    dry_run: bool,
) -> None:
    from buckia_core.cli.bulk_transfer import run_bulk_transfer  # noqa: PLC0415  # imports the engine
    from buckia_core.errors import NotFound, PermissionDenied  # noqa: PLC0415
    from buckia_core.syncing.bulk.uploads import plan_uploads, put_all  # noqa: PLC0415
    from buckia_core.syncing.planner import sensitive_uploads  # noqa: PLC0415  # as above

    plan = plan_uploads(
        client.adapter,
        mappings,
        follow_symlinks=client.config.follow_symlinks,
        no_clobber=no_clobber,
        on_found=lambda number: progress.scanned(number, 0),
    )
    for path, what in plan.left_out:
        output.note(f"left out: {near_path(path)}: {what}")
    if not plan.operations:
        raise NotFound("there is no file to upload")
    if plan.targets_unknown and no_clobber:
        raise PermissionDenied("--no-clobber needs credentials that may look what the bucket has")
    if keys := sensitive_uploads.find_sensitive_uploads(plan.operations, mappings):
        output.note(sensitive_uploads.sensitive_warning(keys))
    run_bulk_transfer(
        client,
        output,
        progress,
        reporter,
        plan.operations,
        plan.mappings,
        {},
        lambda each: _describe(each, plan.mappings[each.mapping_id]),
        dry_run=dry_run,
        run=partial(put_all, client.objects, mappings=plan.mappings) if plan.targets_unknown else None,
    )


def _describe(operation: Operation, mapping: PathMapping) -> Transfer:
    from buckia_core.cli.report.transfers import Transfer  # noqa: PLC0415  # imports the engine
    from buckia_core.syncing.disk.paths import local_path  # noqa: PLC0415  # as above

    path = near_path(local_path(operation.key, mapping))
    replaces, size = operation.remote is not None, operation.local.size if operation.local is not None else None
    return Transfer("upload", operation.key, path, operation.key, size, replaces, {"path": path})


def _looks_like_a_source(name: str, key: str) -> bool:
    """Tell whether a KEY may be a second source, as the shell writes it for `*.jpg`."""
    beside = name != key and os.path.dirname(name) == os.path.dirname(key)
    return beside and os.path.isfile(name) and os.path.isfile(key)


def _mappings(
    client: BuckiaClient,
    output: Output,
    names: Sequence[str],
    key: str,
    include: Sequence[str],
    exclude: Sequence[str],
    *,
    recursive: bool,
) -> Iterator[PathMapping]:
    """Yield where the files of each source go.

    Raises:
        click.UsageError: A source does not exist, or is a directory, which needs `--recursive` or a slash.
    """
    from buckia_core.syncing.bulk.uploads import directory_mapping, file_mapping  # noqa: PLC0415  # imports the engine

    prefix = folder_prefix(key)
    number = 0
    for name in names:
        if hidden := _hidden_matches(name, client):
            amount = format_count(len(hidden), "hidden file")
            output.note(f"left out: {amount}, such as {hidden[0]}; to upload it, name it")
        for path, relative, is_content in _expand(name, recursive=recursive):
            number += 1
            if os.path.isdir(path):
                below = prefix if is_content else f"{prefix}{relative}/"
                yield directory_mapping(str(number), path, below, client.config, include, exclude)
            else:
                exact = len(names) == 1 and path == name and key and not key.endswith("/")
                yield file_mapping(str(number), path, key if exact else prefix + relative, client.config)


def _expand(name: str, *, recursive: bool) -> Iterator[tuple[str, str, bool]]:
    """Yield the paths of a source, each with its name in the bucket, and whether only the content of it is meant."""
    if os.path.isdir(name):
        last = os.path.basename(name.rstrip("".join(_SEPARATORS)))
        is_content = name.endswith(_SEPARATORS) or last in ("", ".", "..")
        if not (is_content or recursive):
            raise click.UsageError(f"{name!r} is a directory. End it in a slash for its content, or give --recursive.")
        yield name, last, is_content
        return
    if os.path.lexists(name):
        yield name, os.path.basename(name), False
        return
    wildcard = _WILDCARD.search(name)
    base = name[: wildcard.start()] if wildcard else name
    base = base[: max(base.rfind(each) for each in _SEPARATORS) + 1]
    found = sorted(glob.glob(name, recursive=True)) if wildcard else []
    chosen = [(path, path[len(base) :].replace(os.sep, "/").rstrip("/")) for path in found]
    chosen = [(path, key) for path, key in chosen if not is_internal(key) and (recursive or not os.path.isdir(path))]
    if not chosen:
        what = "no file matches this pattern" if wildcard else "there is no such file"
        raise click.UsageError(f"{name!r}: {what}.")
    yield from ((path, key, False) for path, key in chosen if not _is_in_another(path, found, recursive=recursive))


def _hidden_matches(name: str, client: BuckiaClient) -> list[str]:
    """Return the hidden files, in directories that are not, which a pattern leaves out, and a sync would not."""
    if not _WILDCARD.search(name) or os.path.lexists(name):
        return []
    from buckia_core.syncing.scan.filters import PathFilter  # noqa: PLC0415  # imports the engine

    accepts = PathFilter(defaults=client.config.default_excludes)
    directory, last = os.path.split(name)
    if not last.startswith("*"):
        return []
    found = glob.glob(os.path.join(directory, f".{last}"), recursive=True)
    chosen = [(path, os.path.basename(path)) for path in sorted(found) if os.path.isfile(path)]
    return [near_path(path) for path, last in chosen if not is_internal(last) and accepts(last)]


def _is_in_another(path: str, found: Sequence[str], *, recursive: bool) -> bool:
    """Tell whether a path is in a directory that is uploaded as a whole."""
    return recursive and any(path != each and path.startswith(os.path.join(each, "")) for each in found)


def _is_stream(name: str) -> bool:
    """Tell whether a source is standard input, or a pipe or device, of which there is no size."""
    if name == "-":
        return True
    try:
        mode = os.stat(name).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _put_stream(
    client: BuckiaClient,
    name: str,
    key: str,
    progress: Progress,
    reporter: TransferReporter,
    *,
    no_clobber: bool,
    dry_run: bool,
) -> None:
    """Upload what standard input or a pipe yields, in constant memory."""
    from buckia_core.adapters.contract.types import IfAbsent  # noqa: PLC0415  # imports the engine
    from buckia_core.cli.report.transfers import Transfer  # noqa: PLC0415
    from buckia_core.errors import PermissionDenied  # noqa: PLC0415
    from buckia_core.objects.progress import TransferProgress  # noqa: PLC0415  # as above

    try:
        existing = client.objects.head(key)
    except PermissionDenied:
        existing = None  # it may write, but not look
    transfer = Transfer("upload", key, name, key, None, existing is not None, {"path": None if name == "-" else name})
    if no_clobber and existing is not None:
        reporter.skipped(transfer, "exists")
        return
    if dry_run:
        reporter.planned(transfer)
        return
    sent = 0

    def show(state: TransferProgress) -> None:
        nonlocal sent
        progress.transferred(state.bytes_transferred - sent)
        sent = state.bytes_transferred

    expect = IfAbsent() if no_clobber else None
    if name != "-":
        with open(name, "rb") as file:
            found = client.objects.put(key, file, expect=expect, progress=show)
    else:
        stdin: BinaryIO | None = getattr(sys.stdin, "buffer", None)
        if stdin is None:
            raise click.UsageError("There is no standard input to read.")
        found = client.objects.put(key, stdin, expect=expect, progress=show)
    reporter.done(transfer, found)
