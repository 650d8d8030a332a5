"""Builds the mappings and the scope of a run from the configuration."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from buckia_core.config import BucketConfig, PathRule
from buckia_core.config.parsers import SQLITE_OFF, parse_patterns
from buckia_core.config.secret_files import secret_files
from buckia_core.config.values import InvalidValue
from buckia_core.errors import InvalidSetting
from buckia_core.planning import mapping as planned
from buckia_core.planning.keys import CONFIG_FILES
from buckia_core.planning.policy import ConflictPolicy, Direction, SyncRules
from buckia_core.planning.scope import Scope
from buckia_core.syncing.scan.filters import PathFilter, PathPatterns, read_ignore_file

SECTION_FILE_SEPARATOR = " of "
"""Separates the name of a section from the name of its file in a label."""

_ROOT_SEPARATOR, _FILE_SEPARATOR = " > ", " = "


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOverrides:
    """Options of one run that override the configuration; `None` and empty values keep what is configured."""

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


def build_mappings(config: BucketConfig, overrides: RunOverrides) -> list[planned.PathMapping]:
    """Return the mappings of a bucket, in order: single files, then roots.

    Without any, the directory of the configuration is the only root. A `local_path` replaces all configured mappings.
    """
    if overrides.local_path is not None:
        return [_root(config, overrides, PathRule(local=os.path.abspath(overrides.local_path)), first=True)]
    found = [
        *_files(config, overrides, config.files, Direction.BOTH),
        *_files(config, overrides, config.upload_files, Direction.UP),
        *_files(config, overrides, config.download_files, Direction.DOWN),
    ]
    app = _app_mappings(config, overrides)
    roots = config.paths or (() if found or app else (PathRule(local="."),))
    return [*found, *app, *(_root(config, overrides, rule, first=index == 0) for index, rule in enumerate(roots))]


def _app_mappings(config: BucketConfig, overrides: RunOverrides) -> list[planned.PathMapping]:
    """Return the mappings of the setting `app`. By default, its demo folder is a mirror."""
    if (app := config.app) is None:
        return []
    copies = _files(config, overrides, app.database_copy, Direction.UP)
    found = [each._replace(rules=each.rules._replace(is_backup=True)) for each in copies]
    if app.user_rule is not None:
        found.append(_root(config, overrides, app.user_rule, first=True))
    if app.demo_rule is not None:
        mirrors = config.delete_orphaned if overrides.delete_orphaned is None else overrides.delete_orphaned
        mirrored = replace(overrides, delete_orphaned=True if mirrors is None else mirrors, direction=Direction.DOWN)
        found.append(_root(config, mirrored, app.demo_rule, first=True))
    return found


def section_label(config: BucketConfig) -> str:
    """Return a label that is unique among the sections of a bucket: the name, and the file unless that is `.buckia`."""
    file = os.path.basename(config.source) if config.source else CONFIG_FILES[0]
    return config.name if file == CONFIG_FILES[0] else f"{config.name}{SECTION_FILE_SEPARATOR}{file}"


def mapping_ids(config: BucketConfig) -> set[str]:
    """Return the ids of the mappings of a bucket, without reading the ignore file."""
    files = [*config.files.items(), *config.upload_files.items(), *config.download_files.items()]
    app = [] if config.app is None else [each for each in (config.app.user_rule, config.app.demo_rule) if each]
    roots = config.paths or (() if files or config.app else (PathRule(local="."),))
    files += config.app.database_copy.items() if config.app else ()
    return {*(_file_id(local, key) for local, key in files), *(_root_id(config, rule) for rule in (*app, *roots))}


def _file_id(local: str, key: str) -> str:
    return f"{local}{_FILE_SEPARATOR}{key}"


def _root_id(config: BucketConfig, rule: PathRule) -> str:
    return f"{_portable_path(config, rule.local)}{_ROOT_SEPARATOR}{rule.remote}"


def parse_mapping_id(id_: str) -> tuple[str, str, bool]:
    """Return the local path, the key prefix or key, and whether the mapping is of a single file."""
    local, separator, remote = id_.rpartition(_ROOT_SEPARATOR)
    if separator:
        return local, remote, False
    local, _, key = id_.partition(_FILE_SEPARATOR)
    return local, key, True


def build_scope(config: BucketConfig) -> Scope:
    """Return the keys that the configuration includes."""
    if not config.folders:
        return Scope()
    app = (config.app.user, config.app.demo) if config.app is not None else ()
    return Scope.from_names((*config.folders, *(each for each in app if each is not None)))


def _rules(config: BucketConfig, overrides: RunOverrides, direction: Direction) -> SyncRules:
    orphans = overrides.delete_orphaned if overrides.delete_orphaned is not None else config.delete_orphaned
    return SyncRules(
        direction=overrides.direction or direction,
        conflict_policy=overrides.conflict or config.conflict_resolution or ConflictPolicy.KEEP_BOTH,
        delete_orphaned=orphans,
        checksum=overrides.checksum,
        algorithm=config.checksum_algorithm,
    )


def _files(
    config: BucketConfig, overrides: RunOverrides, files: Mapping[str, str], direction: Direction
) -> list[planned.PathMapping]:
    return [
        planned.PathMapping(
            id=_file_id(local, key),
            local=absolute_path(config.base_dir, local),
            remote=key,
            is_file=True,
            rules=_rules(config, overrides, direction),
            is_database=database_predicate(config),
        )
        for local, key in files.items()
    ]


def _root(config: BucketConfig, overrides: RunOverrides, rule: PathRule, *, first: bool) -> planned.PathMapping:
    local = absolute_path(config.base_dir, rule.local)
    # Only the first root downloads by default; the others upload.
    direction = rule.direction or config.direction or Direction.BOTH
    leaves_edits = not first and rule.direction is None and direction is Direction.BOTH
    if leaves_edits:
        direction = Direction.UP
    accepts = PathFilter(
        # As in a gitignore file, later patterns overrule earlier ones.
        include=(*config.include, *rule.include, *overrides.include),
        exclude=(
            *read_ignore_file(config.base_dir, config.source),
            *config.exclude,
            *rule.exclude,
            *overrides.exclude,
        ),
        include_pattern=overrides.include_pattern,
        exclude_pattern=overrides.exclude_pattern,
        always_excluded=files_below(
            local, [*([config.source] if config.source else []), *_open_log_files(), *secret_files(config)]
        ),
        defaults=config.default_excludes,
    )
    return planned.PathMapping(
        id=_root_id(config, rule),
        local=local,
        remote=rule.remote,
        rules=_rules(config, overrides, direction)._replace(leaves_edits=leaves_edits and overrides.direction is None),
        path_filter=planned.accept_all if accepts.is_noop else accepts,
        configured_filter=_configured_filter(accepts, overrides),
        is_database=database_predicate(config),
    )


def database_predicate(config: BucketConfig) -> planned.PathPredicate | None:
    """Return what a mapping needs to know of the setting `sqlite`."""
    if config.sqlite == SQLITE_OFF:
        return None
    return PathPatterns(config.sqlite) if config.sqlite else planned.accept_none


def _configured_filter(accepts: PathFilter, choices: RunOverrides) -> planned.PathPredicate | None:
    """Return the filter without the overrides of the run; `None` if there are none."""
    if not (choices.include or choices.exclude or choices.include_pattern or choices.exclude_pattern):
        return None
    configured = replace(
        accepts,
        include=accepts.include[: len(accepts.include) - len(choices.include)],
        exclude=accepts.exclude[: len(accepts.exclude) - len(choices.exclude)],
        include_pattern=None,
        exclude_pattern=None,
    )
    return planned.accept_all if configured.is_noop else configured


def _open_log_files() -> list[str]:
    """Return the log files that this process writes. A sync would change them, so they can't be synced."""
    loggers = [logging.getLogger(name) for name in ("", "buckia", "buckia_core")]
    handlers = (handler for logger in loggers for handler in logger.handlers)
    return [handler.baseFilename for handler in handlers if isinstance(handler, logging.FileHandler)]


def _portable_path(config: BucketConfig, local: str) -> str:
    """Return a root's path relative to the project if it is inside, so that the project can be moved."""
    path = absolute_path(config.base_dir, local)
    base = os.path.normpath(config.base_dir)
    if path == base:
        return "."
    inside = path.startswith(base + os.sep)
    return path[len(base) + 1 :].replace(os.sep, "/") if inside else path


def files_below(root: str, files: Sequence[str]) -> frozenset[str]:
    """Return the paths, relative to a root, of those files that are below it."""
    found = set()
    # The paths of root and file may contain different symbolic links.
    for resolved in (os.path.abspath, os.path.realpath):
        above = resolved(root).rstrip(os.sep) + os.sep
        paths = (resolved(file) for file in files)
        found |= {path[len(above) :].replace(os.sep, "/") for path in paths if path.startswith(above)}
    return frozenset(found)


def absolute_path(base_dir: Path, local: str) -> str:
    """Return a configured path as an absolute one; `~` is the user's home."""
    return os.path.normpath(os.path.join(base_dir, os.path.expanduser(local)))
