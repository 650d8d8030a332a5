"""PATHS of a command that works on several buckets: each goes to the buckets that have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.cli.context import CliContext
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.errors import InvalidSetting

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient

PathRun = Callable[["BuckiaClient", "dict[str, object]"], ExitCode]
"""Works on one bucket; the dictionary has the arguments of the client that limit the run."""


def for_each_bucket(context: CliContext, paths: Sequence[str] | None, work: PathRun) -> ExitCode:
    """Do `work` for the buckets that were asked for, limited to paths.

    Of several buckets, a path is for those that have it on the disk or in their baseline; if none has, for those that
    have an object of that name, which takes a listing of what begins with it. The others are left out.

    Raises:
        InvalidSetting: A path matches nothing in any of several buckets.
    """
    buckets = context.buckets()
    if not paths:
        return context.each_bucket(lambda client: work(client, {"sync_paths": None}))
    wanted = {config.name: list(paths) for config in buckets}
    if len(buckets) > 1:
        wanted = _assign_paths(context, paths)

    def limited(client: BuckiaClient) -> ExitCode:
        found = wanted[client.config.name]
        return work(client, {"sync_paths": found, "relative_to": Path.cwd()}) if found else ExitCode.DONE

    return context.each_bucket(limited)


def _assign_paths(context: CliContext, paths: Sequence[str]) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {config.name: [] for config in context.buckets()}
    missing = list(dict.fromkeys(paths))
    for ask in (False, True):
        looked_for, missing = missing, []
        for path in looked_for:
            owners = [config.name for config in context.buckets() if _has_path(context, config.name, path, ask=ask)]
            for name in owners:
                wanted[name].append(path)
            if not owners:
                missing.append(path)
    if missing:
        names = ", ".join(repr(path) for path in missing)
        raise InvalidSetting(
            f"{names}: no file, no object and nothing that was synced before has this name in any bucket"
        )
    return wanted


def _has_path(context: CliContext, name: str, path: str, *, ask: bool) -> bool:
    from buckia_core.syncing.scan.sync_paths import has_path  # noqa: PLC0415  # one bucket, and all without PATHS, do without

    config = context.config_file.bucket(name)
    with context.client(config) as client:
        try:
            return has_path(config, client.adapter, client.state_dir, path, relative_to=Path.cwd(), list_bucket=ask)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001
            # What is wrong with this bucket is told when it has its turn; it may be the one that has the path.
            return True
