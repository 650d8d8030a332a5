"""Keys out of scope: those that an earlier run synced and that the configuration excludes now.

They stay as they are on both sides. Their baseline rows are marked, so that Buckia reports them once, and compares a
key that comes back into scope instead of deleting it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from buckia_core.planning.manifest import BaselineEntry
from buckia_core.planning.mapping import PathMapping
from buckia_core.syncing.request import SyncRequest
from buckia_core.syncing.scan.mappings import parse_mapping_id
from buckia_core.syncing.state.database import StateDatabase

_MAX_SHOWN = 3


def mapping_labels_of_run(request: SyncRequest) -> dict[str, str]:
    """Return the ids of a run's mappings, with the label of their section; the label of an ad-hoc run is empty."""
    name = "" if request.ad_hoc_path else request.section_label
    return {mapping.id: name for mapping in request.mappings}


def find_rows_outside_folders(request: SyncRequest, state: StateDatabase) -> list[BaselineEntry]:
    """Return the rows that a change of `folders` put out of scope. Reads the baseline only if it changed."""
    if request.ad_hoc_path or state.get_meta(_folders_meta_key(request)) == _folders_text(request):
        return []
    scope = request.configured_scope
    return state.rows_outside(scope, [mapping.id for mapping in request.mappings]) if scope.names else []


def record_scope(request: SyncRequest, state: StateDatabase, rows: Sequence[BaselineEntry]) -> None:
    """Mark rows as out of scope, and record the mappings and `folders` of this run.

    Mappings that this run reported as removed are recorded under its section.
    """
    own = mapping_labels_of_run(request)
    state.record_mappings(own | {row.mapping_id: request.section_label for row in rows if row.mapping_id not in own})
    if rows:
        state.commit(upserts=[row._replace(out_of_scope=True) for row in rows], mapping_ids=())
    if not request.ad_hoc_path:
        state.set_meta(_folders_meta_key(request), _folders_text(request))


def build_notices(request: SyncRequest, rows: Sequence[BaselineEntry], outside: Sequence[BaselineEntry]) -> list[str]:
    """Return the notices about newly out-of-scope rows: first those of mappings, then those outside of `folders`."""
    by_id = {mapping.id: mapping for mapping in request.mappings}
    by_mapping_id: dict[str, list[BaselineEntry]] = {}
    for row in rows:
        by_mapping_id.setdefault(row.mapping_id, []).append(row)
    notices = [_mapping_notice(id_, some, by_id) for id_, some in sorted(by_mapping_id.items())]
    if outside:
        notices.append(
            f"{_format_files(outside)} not synced any more, because `folders` does not name their folder now. {_STAY}"
        )
    return notices


def unicode_variants_notice(variants: Sequence[tuple[str, str]]) -> list[str]:
    """Return the notice about new keys that differ from other keys in Unicode normalization only."""
    if not variants:
        return []
    key, other = variants[0]
    return [
        f"{len(variants)} new in the bucket with a name that differs only in Unicode form from another one, such as "
        f"{key!a} beside {other!a}. Each is a file of its own; delete the one that you do not need."
    ]


def _mapping_notice(mapping_id: str, rows: Sequence[BaselineEntry], by_id: Mapping[str, PathMapping]) -> str:
    if mapping_id in by_id:
        return (
            f"{_format_files(rows)} excluded now and not synced any more, because the patterns of "
            f"{by_id[mapping_id].local} changed. {_STAY}"
        )
    local, remote, is_file = parse_mapping_id(mapping_id)
    setting = f"the entry {mapping_id!r} of `files`"
    if not is_file:
        setting = f"the path {local!r} for {remote or 'the whole bucket'!r}"
    return (
        f"{_format_files(rows)} not synced any more, because the configuration does not have {setting} now. {_STAY} "
        "To sync them again, put it back."
    )


_STAY = "Nothing was deleted: they stay here and in the bucket. `buckia rm` removes objects from the bucket."


def _format_files(rows: Sequence[BaselineEntry]) -> str:
    shown = ", ".join(row.key for row in rows[:_MAX_SHOWN]) + (", …" if len(rows) > _MAX_SHOWN else "")
    return f"1 file ({shown}) is" if len(rows) == 1 else f"{len(rows)} files ({shown}) are"


def _folders_meta_key(request: SyncRequest) -> str:
    return f"folders of {request.section_label}"


def _folders_text(request: SyncRequest) -> str:
    return "\n".join(request.configured_scope.names)
