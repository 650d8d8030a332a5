"""Keys that took part in an earlier run and do not any more: the configuration changed, and nobody deleted anything.

They stay as they are on both sides. Their rows of the baseline are marked, so that a person is told once, and so that
a key which takes part again is compared and not deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from buckia_core.config import BucketConfig
from buckia_core.planning.manifest import BaselineEntry
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.request import SyncRequest
from buckia_core.syncing.scan.mappings import entry_of
from buckia_core.syncing.state.database import StateDatabase

if TYPE_CHECKING:
    from buckia_core.syncing.state.former_mapping import FormerMapping

_ROOT = " > "
_SHOWN = 3


class OtherMappings(NamedTuple):
    """The mappings that earlier runs had and this one has not, other than those that a run chose for itself.

    Attributes:
        removed: Those that are not configured any more, by id.
        elsewhere: The ids of those that another entry may have.
    """

    removed: dict[str, FormerMapping]
    elsewhere: frozenset[str]


def other_mappings(request: SyncRequest, state: StateDatabase) -> OtherMappings:
    """Return the mappings of earlier runs that are none of this run.

    What an entry is called says little: it may have got another name, or that of another entry. So all entries are
    looked at before a mapping counts as removed.
    """
    ids = {mapping.id for mapping in request.mappings}
    roots = {root: name for root, name in state.roots().items() if root not in ids and name != ""}
    if request.ad_hoc_path or not roots:
        return OtherMappings({}, frozenset())
    if request.file_config is not None:
        from buckia_core.syncing.scan.configured_mappings import still_configured  # noqa: PLC0415  # most buckets have one entry

        elsewhere = still_configured(request.file_config, roots)
    else:
        elsewhere = frozenset(root for root, name in roots.items() if name not in (None, request.config_entry))
    places = {mapping.remote for mapping in request.mappings if not mapping.is_file}
    gone = sorted(roots.keys() - elsewhere)
    if not gone:
        return OtherMappings({}, elsewhere)
    from buckia_core.syncing.state.former_mapping import FormerMapping  # noqa: PLC0415  # few configurations have changed

    return OtherMappings({root: FormerMapping.read(root, request.base_dir, places) for root in gone}, elsewhere)


def roots_of_others(config: BucketConfig, mappings: Collection[str], state: StateDatabase) -> dict[str, str]:
    """Return the mappings, besides these, that another entry for the same bucket had last, with that entry."""
    ours = (config.name, entry_of(config))
    return {root: name for root, name in state.roots().items() if root not in mappings and name and name not in ours}


def entries_of(request: SyncRequest) -> dict[str, str]:
    """Return the mappings of a run with the bucket entry that has them, which is none if the run chose its path."""
    name = "" if request.ad_hoc_path else request.config_entry
    return {mapping.id: name for mapping in request.mappings}


def outside_folders(request: SyncRequest, state: StateDatabase) -> list[BaselineEntry]:
    """Return the rows that a change of `folders` put out of scope. Reads the baseline only if it changed."""
    if request.ad_hoc_path or state.meta(_folders_of(request)) == _text(request):
        return []
    return state.outside(request.folders, list(entries_of(request))) if request.folders.names else []


def remember(request: SyncRequest, state: StateDatabase, rows: Sequence[BaselineEntry]) -> None:
    """Write down which keys are out of scope, and what this run had. What it told of as removed is its own."""
    had = entries_of(request)
    state.remember_roots(had | {row.root: request.config_entry for row in rows if row.root not in had})
    if rows:
        state.commit(put=[row._replace(out_of_scope=True) for row in rows], roots=())
    if not request.ad_hoc_path:
        state.set_meta(_folders_of(request), _text(request))


def notices(request: SyncRequest, rows: Sequence[BaselineEntry], outside: Sequence[BaselineEntry]) -> list[str]:
    """Return what a person is told of rows that are out of scope now: those of mappings, and those of folders."""
    by_id = {mapping.id: mapping for mapping in request.mappings}
    by_root: dict[str, list[BaselineEntry]] = {}
    for row in rows:
        by_root.setdefault(row.root, []).append(row)
    told = [_notice(root, some, by_id) for root, some in sorted(by_root.items())]
    if outside:
        told.append(f"{_files(outside)} not synced any more, because `folders` does not name their folder now. {_STAY}")
    return told


def twins_notice(twins: Sequence[tuple[str, str]]) -> list[str]:
    """Return what a person is told of new keys that look like other ones."""
    if not twins:
        return []
    key, other = twins[0]
    return [
        f"{len(twins)} new in the bucket with a name that differs only in Unicode form from another one, such as "
        f"{key!a} beside {other!a}. Each is a file of its own; delete the one that you do not need."
    ]


def _notice(root: str, rows: Sequence[BaselineEntry], by_id: Mapping[str, PathMapping]) -> str:
    if root in by_id:
        return (
            f"{_files(rows)} excluded now and not synced any more, because the patterns of {by_id[root].local} "
            f"changed. {_STAY}"
        )
    local, arrow, remote = root.rpartition(_ROOT)
    where = f"the path {local!r} for {remote or 'the whole bucket'!r}" if arrow else f"the entry {root!r} of `files`"
    return (
        f"{_files(rows)} not synced any more, because the configuration does not have {where} now. {_STAY} "
        "To sync them again, put it back."
    )


_STAY = "Nothing was deleted: they stay here and in the bucket. `buckia rm` removes objects from the bucket."


def _files(rows: Sequence[BaselineEntry]) -> str:
    shown = ", ".join(row.key for row in rows[:_SHOWN]) + (", …" if len(rows) > _SHOWN else "")
    return f"1 file ({shown}) is" if len(rows) == 1 else f"{len(rows)} files ({shown}) are"


def _folders_of(request: SyncRequest) -> str:
    return f"folders of {request.config_entry}"


def _text(request: SyncRequest) -> str:
    return "\n".join(request.folders.names)
