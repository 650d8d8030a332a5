"""From a configuration to mappings and a scope."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from buckia_core.config import BucketConfig, PathRule
from buckia_core.config.convert import InvalidValue
from buckia_core.config.file.loader import FILE_NAME
from buckia_core.config.parsers import parse_patterns
from buckia_core.errors import InvalidSetting
from buckia_core.planning import mapping as planned
from buckia_core.planning.policy import ConflictPolicy, Direction, SyncRules
from buckia_core.planning.scope import Scope
from buckia_core.syncing.scan.filters import PathFilter, patterns, read_ignore_file
from buckia_core.syncing.scan.open_logs import open_log_files

OF = " of "
"""What is between the name of an entry and its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOverrides:
    """What one run overrides of the configuration; `None` and empty leave it as configured."""

    local_path: Path | None = None
    direction: Direction | None = None
    conflict: ConflictPolicy | None = None
    delete_orphaned: bool | None = None
    checksum: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include_pattern: str | None = None
    exclude_pattern: str | None = None

    def __post_init__(self) -> None:
        for name in ("include", "exclude"):
            try:
                parse_patterns(getattr(self, name))
            except InvalidValue as error:
                problem = f"{name} {error.clause}"
            else:
                continue
            raise InvalidSetting(problem)


def build_mappings(config: BucketConfig, choices: RunOverrides) -> list[planned.PathMapping]:
    """Return the mappings of a bucket, in order: single files, then roots.

    Without any, the directory of the configuration is the one root; a `local_path` is, whatever is configured.
    """
    if choices.local_path is not None:
        return [_root(config, choices, PathRule(local=os.path.abspath(choices.local_path)), first=True)]
    found = [
        *_files(config, choices, config.files, Direction.BOTH),
        *_files(config, choices, config.upload_files, Direction.UP),
        *_files(config, choices, config.download_files, Direction.DOWN),
    ]
    roots = config.paths or (() if found else (PathRule(local="."),))
    return found + [_root(config, choices, rule, first=index == 0) for index, rule in enumerate(roots)]


def entry_of(config: BucketConfig) -> str:
    """Return what tells an entry from others for the same bucket: its name, and its file unless that is `.buckia`.

    Another file beside it, as `-c` names one, may have other paths.
    """
    file = os.path.basename(config.source) if config.source else FILE_NAME
    return config.name if file == FILE_NAME else f"{config.name}{OF}{file}"


def ids_of(config: BucketConfig) -> set[str]:
    """Return the ids of the mappings of a bucket, without reading any file."""
    files = [*config.files.items(), *config.upload_files.items(), *config.download_files.items()]
    roots = config.paths or (() if files else (PathRule(local="."),))
    return {*(_file_id(local, key) for local, key in files), *(_root_id(config, rule) for rule in roots)}


def _file_id(local: str, key: str) -> str:
    return f"{local} = {key}"


def _root_id(config: BucketConfig, rule: PathRule) -> str:
    return f"{_relative(config, rule.local)} > {rule.remote}"


def folders_of(config: BucketConfig) -> Scope:
    """Return the keys that the configuration lets take part."""
    return Scope.from_names(config.folders) if config.folders else Scope()


def _rules(config: BucketConfig, choices: RunOverrides, direction: Direction) -> SyncRules:
    orphans = choices.delete_orphaned if choices.delete_orphaned is not None else config.delete_orphaned
    return SyncRules(
        direction=choices.direction or direction,
        conflicts=choices.conflict or config.conflict_resolution or ConflictPolicy.KEEP_BOTH,
        delete_orphaned=orphans,
        checksum=choices.checksum,
        algorithm=config.checksum_algorithm,
    )


def _files(
    config: BucketConfig, choices: RunOverrides, files: Mapping[str, str], direction: Direction
) -> list[planned.PathMapping]:
    return [
        planned.PathMapping(
            id=_file_id(local, key),
            local=_absolute(config, local),
            remote=key,
            is_file=True,
            rules=_rules(config, choices, direction),
        )
        for local, key in files.items()
    ]


def _root(config: BucketConfig, choices: RunOverrides, rule: PathRule, *, first: bool) -> planned.PathMapping:
    local = _absolute(config, rule.local)
    # The first root receives what comes down; the others only send, unless it says otherwise.
    direction = rule.direction or config.direction or Direction.BOTH
    if not first and rule.direction is None and direction is Direction.BOTH:
        direction = Direction.UP
    accepts = PathFilter(
        include=patterns(config.include, rule.include, choices.include),
        exclude=patterns(
            read_ignore_file(config.base_dir, config.source), config.exclude, rule.exclude, choices.exclude
        ),
        include_pattern=choices.include_pattern,
        exclude_pattern=choices.exclude_pattern,
        without=_below(local, [*([config.source] if config.source else []), *open_log_files()]),
        defaults=config.default_excludes,
    )
    return planned.PathMapping(
        id=_root_id(config, rule),
        local=local,
        remote=rule.remote,
        rules=_rules(config, choices, direction),
        path_filter=planned.accept_all if accepts.lets_all_pass else accepts,
        configured_filter=_without_choices(accepts, choices),
    )


def _without_choices(accepts: PathFilter, choices: RunOverrides) -> planned.PathPredicate | None:
    """Return the filter as it is configured; `None` if the run adds nothing to it."""
    if not (choices.include or choices.exclude or choices.include_pattern or choices.exclude_pattern):
        return None
    configured = replace(
        accepts,
        include=accepts.include[: len(accepts.include) - len(choices.include)],
        exclude=accepts.exclude[: len(accepts.exclude) - len(choices.exclude)],
        include_pattern=None,
        exclude_pattern=None,
    )
    return planned.accept_all if configured.lets_all_pass else configured


def _relative(config: BucketConfig, local: str) -> str:
    """Return a root's path in a form that stays equal when the whole project is moved to another place."""
    path = _absolute(config, local)
    base = os.path.normpath(config.base_dir)
    if path == base:
        return "."
    inside = path.startswith(base + os.sep)
    return path[len(base) + 1 :].replace(os.sep, "/") if inside else path


def _below(root: str, files: Sequence[str]) -> frozenset[str]:
    """Return the paths, relative to a root, of those files that are below it."""
    found = set()
    # Root and file may be named by way of different links.
    for resolved in (os.path.abspath, os.path.realpath):
        above = resolved(root).rstrip(os.sep) + os.sep
        paths = (resolved(file) for file in files)
        found |= {path[len(above) :].replace(os.sep, "/") for path in paths if path.startswith(above)}
    return frozenset(found)


def _absolute(config: BucketConfig, local: str) -> str:
    """Return a configured path as an absolute one; `~` is the user's home."""
    return os.path.normpath(os.path.join(config.base_dir, os.path.expanduser(local)))
