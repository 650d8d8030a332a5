"""Plan: operations as data, each with its reason and the state that it was planned for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.policy import Side


class Action(Enum):
    """What an operation does.

    Attributes:
        UPLOAD: Uploads the file.
        DOWNLOAD: Downloads the object.
        DELETE_LOCAL: Moves the file to the trash.
        DELETE_REMOTE: Deletes the object.
        MOVE_REMOTE: Moves an object on the server, because the file was moved.
        ADOPT: Records that both sides have the same content. Transfers nothing.
        FORGET: Removes the record of a key that is deleted on both sides.
        CONFLICT: Leaves both versions as they are until a person decides.
        KEEP_BOTH: Resolves a conflict: the remote version gets the name, the local one becomes a conflict copy.
        SKIP: Leaves a key alone on purpose.
        REFUSE: Stands for a key that can't be synced. Counts as failed.
    """

    UPLOAD = "upload"
    DOWNLOAD = "download"
    DELETE_LOCAL = "delete_local"
    DELETE_REMOTE = "delete_remote"
    MOVE_REMOTE = "move_remote"
    ADOPT = "adopt"
    FORGET = "forget"
    CONFLICT = "conflict"
    KEEP_BOTH = "keep_both"
    SKIP = "skip"
    REFUSE = "refuse"


class Reason(Enum):
    """Reason of an operation; the value is text for the user."""

    NEW_LOCAL = "new here"
    NEW_REMOTE = "new in the bucket"
    CHANGED_LOCAL = "changed here"
    CHANGED_REMOTE = "changed in the bucket"
    DELETED_LOCAL = "deleted here"
    DELETED_REMOTE = "deleted in the bucket"
    DELETED_BOTH = "deleted on both sides"
    SAME_CONTENT = "same content on both sides"
    MISSING_REMOTE = "missing in the bucket, local is the truth"
    MISSING_LOCAL = "missing here, the bucket is the truth"
    ORPHAN_LOCAL = "not in the bucket, which is mirrored"
    ORPHAN_REMOTE = "not here, and here is mirrored"
    MOVED_LOCAL = "moved here"
    MOVE_BLOCKED = "not deleted, since its content was moved to a key that is not in step"
    REPLACEMENT_BLOCKED = "not deleted, since what replaces it has no place"
    CHANGE_BEATS_DELETE = "changed on one side, deleted on the other: the change wins"
    DELETE_BEATS_CHANGE = "changed on one side, deleted on the other: the policy names the side that deleted"
    CONFLICT = "changed on both sides"
    CONFLICT_LOCAL_WINS = "changed on both sides: local wins"
    CONFLICT_REMOTE_WINS = "changed on both sides: remote wins"
    CONFLICT_LOCAL_NEWER = "changed on both sides: local is newer"
    CONFLICT_REMOTE_NEWER = "changed on both sides: remote is newer"
    LOCAL_EDIT_OF_DOWN = "changed here, but this path only goes down"
    REMOTE_EDIT_OF_UP = "changed in the bucket, but this path only goes up"
    EDIT_NOT_RECEIVED = "changed in the bucket, which only the first of the paths receives"
    NEWER_BACKUP = "another device backed up a newer one, which `buckia app restore` takes"
    OVERRULED_LOCAL_EDIT = "changed here, but this path only goes down: remote wins"
    OVERRULED_REMOTE_EDIT = "changed in the bucket, but this path only goes up: local wins"
    TYPE_CONFLICT = "a file on one side, a directory on the other"
    CASE_COLLISION = "differs only in case or Unicode form from another key, and this disk keeps one of them"
    REFUSED_KEY = "refused"
    UNREADABLE = "not read"
    DUPLICATE_KEY = "found under two local paths, the first one counts"
    NOT_A_FILE = "not a file"
    DATABASE_SIDE_FILE = "belongs to a database, which is synced without it"
    OWN_CONFIGURATION = "not written here"
    REPLACED = "replaced as you asked"
    EXISTS = "exists"
    DEFERRED = "changed while it was synced, left for the next run"


CONFLICT_REASONS = frozenset(
    {
        Reason.CONFLICT,
        Reason.CONFLICT_LOCAL_WINS,
        Reason.CONFLICT_REMOTE_WINS,
        Reason.CONFLICT_LOCAL_NEWER,
        Reason.CONFLICT_REMOTE_NEWER,
        Reason.LOCAL_EDIT_OF_DOWN,
        Reason.REMOTE_EDIT_OF_UP,
        Reason.OVERRULED_LOCAL_EDIT,
        Reason.OVERRULED_REMOTE_EDIT,
        Reason.TYPE_CONFLICT,
        Reason.CASE_COLLISION,
    }
)
"""Reasons that a summary counts as a conflict, resolved or not."""


class Operation(NamedTuple):
    """Operation of a plan. Can be pickled.

    Attributes:
        action: What to do.
        key: The key.
        mapping_id: The id of the mapping that has the key.
        reason: The reason.
        local: The file that it was planned for. The operation is not executed in any other state.
        remote: The object that it was planned for.
        base: The row of the baseline that it was planned for.
        loser: The side that loses a version which no user deleted. That version goes to the trash first. `None` if
            no such version is lost.
        detail: Details of the reason, such as what is wrong with a refused key.
        source: The object to move, for `MOVE_REMOTE`.
        after_deletes: The operation has to wait for a delete of the same plan, such as that of a file where it needs a
            directory, or the reverse.
    """

    action: Action
    key: str
    mapping_id: str
    reason: Reason
    local: LocalEntry | None = None
    remote: RemoteObject | None = None
    base: BaselineEntry | None = None
    loser: Side | None = None
    detail: str = ""
    source: RemoteObject | None = None
    after_deletes: bool = False

    @property
    def size(self) -> int:
        """Bytes of the version that the operation transfers or deletes."""
        if self.action in (Action.DOWNLOAD, Action.DELETE_REMOTE) and self.remote:
            return self.remote.size
        entry = self.local or self.remote or self.base
        return entry.size if entry else 0

    @property
    def is_delete(self) -> bool:
        """Whether it deletes a file or an object."""
        return self.action in (Action.DELETE_LOCAL, Action.DELETE_REMOTE)

    @property
    def unresolved(self) -> bool:
        """Whether it is an undecided conflict, which changes nothing."""
        return self.action is Action.CONFLICT

    @property
    def explanation(self) -> str:
        """The text of the reason, with its detail."""
        return f"{self.reason.value}: {self.detail}" if self.detail else self.reason.value


@dataclass(slots=True)
class Counts:
    """Numbers of entries of one mapping.

    Attributes:
        local: Local entries.
        remote: Objects.
        base: Rows of the baseline.
    """

    local: int = 0
    remote: int = 0
    base: int = 0


@dataclass(slots=True)
class Plan:
    """Plan of a run: its operations, and the numbers of entries that it is based on.

    Attributes:
        operations: The operations, in order of keys.
        unchanged: Number of keys that are in sync.
        counts: Numbers of entries by the id of the mapping. Mappings without entries may be missing.
        left_out: `SKIP` operations of local entries that are not regular files, such as symbolic links.
    """

    operations: list[Operation] = field(default_factory=list)
    unchanged: int = 0
    counts: dict[str, Counts] = field(default_factory=dict)
    left_out: list[Operation] = field(default_factory=list)

    @property
    def base_count(self) -> int:
        """Number of baseline rows."""
        return sum(each.base for each in self.counts.values())

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def count(self) -> Counter[Action]:
        """Return the number of operations of each action."""
        return Counter(operation.action for operation in self.operations)
