"""Resolves conflicts by a choice of the user, regardless of policy and direction."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from buckia_core.adapters.contract.types import stat_or_none
from buckia_core.config import BucketConfig
from buckia_core.config.secrets.redaction import clean
from buckia_core.errors import BuckiaError, StateError
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.policy import Side
from buckia_core.syncing.disk.file_locator import FileLocator
from buckia_core.syncing.disk.paths import local_path
from buckia_core.syncing.planner.former_mappings import find_mappings_of_other_sections
from buckia_core.syncing.request import SyncRequest
from buckia_core.syncing.state.database import StateDatabase
from buckia_core.syncing.state.records import MALFORMED, check_fields, parse_time


class Resolution(Enum):
    """Version that keeps the key. With `BOTH`, the remote one does, and the local one becomes a conflict copy."""

    LOCAL = "local"
    REMOTE = "remote"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Unresolved conflict.

    Attributes:
        key: The key.
        path: Its local path, relative to the project if it is inside.
        reason: What the conflict is.
        local_size: Bytes of the local file; `None` if there is none.
        local_mtime_ns: Its modification time, in nanoseconds since 1970; `None` if there is none.
        remote_size: Bytes of the object; `None` if there is none.
        remote_mtime_ns: Its modification time, in nanoseconds since 1970; `None` if there is none.
        since: When a run first found it, in UTC.
    """

    key: str
    path: str
    reason: str
    local_size: int | None
    local_mtime_ns: int | None
    remote_size: int | None
    remote_mtime_ns: int | None
    since: datetime

    @classmethod
    def from_record(cls, record: dict[str, Any], mappings: Mapping[str, PathMapping], base: Path) -> Conflict:
        """Build a conflict from the record of a run, with paths relative to `base` if they are below it.

        Raises:
            StateError: The record is damaged, or from a later version.
        """
        try:
            mapping = mappings.get(record["root"])
            path = local_path(record["key"], mapping) if mapping else record["key"]
            if Path(path).is_relative_to(base):
                path = os.path.relpath(path, base)
            fields = {name: value for name, value in record.items() if name != "root"}
            # Versions before 0.7 recorded messages of servers without redaction.
            reason, since = clean(record["reason"]), parse_time(record["since"])
            conflict = cls(**fields | {"path": path, "reason": reason, "since": since})
            check_fields(conflict)
        except MALFORMED as error:
            raise StateError(f"the record of a conflict can't be read: {error}") from error
        return conflict


def read_conflicts(config: BucketConfig, mappings: Sequence[PathMapping], state: StateDatabase) -> list[Conflict]:
    """Return the undecided conflicts of the last runs on a section of a bucket, in order of their keys.

    Damaged records are left out. The next sync finds these conflicts again.
    """
    by_id = {mapping.id: mapping for mapping in mappings}
    # All sections for a bucket share one state; skip the conflicts of other sections.
    others = find_mappings_of_other_sections(config, by_id, state)
    found = []
    for record in state.conflicts():
        if record["root"] not in others:
            with suppress(StateError):
                found.append(Conflict.from_record(record, by_id, config.base_dir))
    return found


class NotAConflict(BuckiaError):
    """The key has no conflict that can be resolved."""


def build_resolution_operations(
    request: SyncRequest,
    locator: FileLocator,
    records: Sequence[dict[str, Any]],
    keys: Sequence[str],
    resolution: Resolution,
) -> list[Operation]:
    """Build the operations that resolve recorded conflicts as the user chose.

    Raises:
        NotAConflict: A key has no conflict; its conflict is one of names, not of versions; or the version to keep no
            longer exists.
    """
    by_id = {mapping.id: mapping for mapping in request.mappings}
    open_keys = {record["key"]: record for record in records if record["root"] in by_id}
    unmapped = {record["key"]: record["root"] for record in records}
    operations = []
    for key in sorted(set(keys)):
        record = open_keys.get(key)
        if record is None and key in unmapped:
            raise NotAConflict(f"{key!r}: the configuration does not have its path any more ({unmapped[key].strip()})")
        if record is None:
            raise NotAConflict(f"{key!r} is no conflict; `buckia conflicts list` shows what is")
        reason = str(record.get("reason", ""))
        if reason.startswith((Reason.TYPE_CONFLICT.value, Reason.CASE_COLLISION.value)):
            raise NotAConflict(f"{key!r}: {reason}; rename one of the two, then sync again")
        mapping = by_id[record["root"]]
        local = locator.stat_entry(key, mapping)
        operation = _operation(key, mapping, local, stat_or_none(request.adapter.stat_file, key), resolution)
        if operation.is_delete:
            _check_loss(record, operation)
        operations.append(operation)
    return operations


def _check_loss(record: Mapping[str, Any], operation: Operation) -> None:
    """Refuse to delete the remaining version if the version to keep existed when the conflict was recorded.

    Its disk may not be mounted.

    Raises:
        NotAConflict: It existed.
    """
    side, where = ("local", "here") if operation.action is Action.DELETE_REMOTE else ("remote", "in the bucket")
    if record.get(f"{side}_size") is not None:
        raise NotAConflict(
            f"{operation.key!r}: its version {where} was there when the conflict was found, and is gone; to keep it "
            "would delete the other one. If it is on a disk that is not mounted, mount it; else sync again."
        )


def _operation(
    key: str, mapping: PathMapping, local: LocalEntry | None, remote: RemoteObject | None, resolution: Resolution
) -> Operation:
    common: dict[str, Any] = {"key": key, "mapping_id": mapping.id, "local": local, "remote": remote}
    if local is None and remote is None:
        return Operation(Action.FORGET, reason=Reason.DELETED_BOTH, **common)
    if resolution is Resolution.BOTH and local is not None and remote is not None:
        return Operation(Action.KEEP_BOTH, reason=Reason.CONFLICT, **common)
    keeps_local = resolution is Resolution.LOCAL or (resolution is Resolution.BOTH and remote is None)
    if keeps_local:
        action = Action.UPLOAD if local is not None else Action.DELETE_REMOTE
        return Operation(action, reason=Reason.CONFLICT_LOCAL_WINS, loser=Side.REMOTE, **common)
    action = Action.DOWNLOAD if remote is not None else Action.DELETE_LOCAL
    return Operation(action, reason=Reason.CONFLICT_REMOTE_WINS, loser=Side.LOCAL, **common)
