"""Arguments PATHS of commands on several buckets: each path is assigned to the buckets that have it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.cli.context import CliContext
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.errors import InvalidSetting

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient

PathRun = Callable[["BuckiaClient", "dict[str, object]"], ExitCode]
"""Function that runs on one bucket; the dictionary has the client's arguments that limit the run to paths."""


def near_path(path: str) -> str:
    """Return an absolute path relative to the current directory if it is inside, for people."""
    above = os.path.join(os.getcwd(), "")
    return path.removeprefix(above)


def for_each_bucket_with_paths(context: CliContext, paths: Sequence[str] | None, action: PathRun) -> ExitCode:
    """Run a function for each selected bucket, limited to paths.

    With several buckets, a path applies to those that have it on disk or in their baseline; if none has, to those
    with such an object, which costs a listing of the prefix. Buckets without any of the paths are skipped.

    Raises:
        InvalidSetting: A path matches nothing in any of several buckets.
    """
    buckets = context.buckets()
    if not paths:
        return context.for_each_bucket(lambda client: action(client, {"sync_paths": None}))
    wanted = {config.name: list(paths) for config in buckets}
    if len(buckets) > 1:
        wanted = _assign_paths(context, paths)

    def limited(client: BuckiaClient) -> ExitCode:
        found = wanted[client.config.name]
        try:
            return action(client, {"sync_paths": found, "relative_to": Path.cwd()}) if found else ExitCode.DONE
        except InvalidSetting as error:
            if hint := _bucket_hint(context, found):
                raise InvalidSetting(f"{error}{hint}") from error
            raise

    return context.for_each_bucket(limited)


def _bucket_hint(context: CliContext, paths: Sequence[str]) -> str:
    """Return how to select a bucket, if one of the paths is the name of one; else an empty string."""
    name = next((path for path in paths if path in context.config_file.buckets), None)
    return "" if name is None else f"; to select the bucket of that name, give --bucket {name}"


def _assign_paths(context: CliContext, paths: Sequence[str]) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {config.name: [] for config in context.buckets()}
    missing = list(dict.fromkeys(paths))
    for list_bucket in (False, True):
        remaining, missing = missing, []
        for path in remaining:
            owners = [
                config.name
                for config in context.buckets()
                if _has_path(context, config.name, path, list_bucket=list_bucket)
            ]
            for name in owners:
                wanted[name].append(path)
            if not owners:
                missing.append(path)
    if missing:
        names = ", ".join(repr(path) for path in missing)
        raise InvalidSetting(
            f"{names}: no file, no object and nothing that was synced before has this name in any bucket"
            f"{_bucket_hint(context, missing)}"
        )
    return wanted


def _has_path(context: CliContext, name: str, path: str, *, list_bucket: bool) -> bool:
    from buckia_core.syncing.scan.sync_paths import has_path  # noqa: PLC0415  # only needed with PATHS and several buckets

    config = context.config_file.bucket(name)
    with context.client(config) as client:
        try:
            return has_path(
                config, client.adapter, client.state_dir, path, relative_to=Path.cwd(), list_bucket=list_bucket
            )
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001
            # The run on this bucket reports the error; it may be the bucket with the path.
            return True
