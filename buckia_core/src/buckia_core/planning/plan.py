"""A plan is data: operations with their reasons, and the state each was planned under."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.policy import Side


class Action(Enum):
    """What an operation does.

    `CONFLICT` leaves both versions as they are until a person decides. `KEEP_BOTH` resolves a conflict: the remote
    version gets the name, the local one becomes a conflict copy. `SKIP` leaves a key alone on purpose; `REFUSE` stands
    for a key that cannot be synced, and counts as failed.
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
    """Why an operation is in a plan, in words for a person."""

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
    OVERRULED_LOCAL_EDIT = "changed here, but this path only goes down: remote wins"
    OVERRULED_REMOTE_EDIT = "changed in the bucket, but this path only goes up: local wins"
    TYPE_CONFLICT = "a file on one side, a directory on the other"
    CASE_COLLISION = "differs only in case or Unicode form from another key, and this disk keeps one of them"
    REFUSED_KEY = "refused"
    UNREADABLE = "not read"
    DUPLICATE_KEY = "found under two local paths, the first one counts"
    NOT_A_FILE = "not a file"
    OWN_CONFIGURATION = "not written here"
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
"""Reasons that count as a conflict in a summary, settled or not."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a plan. Can be pickled.

    Attributes:
        action: What is done.
        key: The key it is done to.
        root: The id of the mapping that owns the key.
        reason: Why.
        local, remote, base: The state it was planned under; the operation is not executed in any other.
        loser: The side whose version is replaced or deleted though a person wrote it and nobody deleted it;
            that version is kept. `None` where nothing is lost that a person did not let go.
        detail: More about the reason, such as what is wrong with a refused key.
        source: Of a move: the key that the object has now.
        after_deletes: Something that is deleted by the same plan stands in the way (a file where a directory
            must be, or the reverse).
    """

    action: Action
    key: str
    root: str
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
        """Bytes of the version that the operation is about."""
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
        """Whether it is a conflict that a person has to decide. Nothing is done for it."""
        return self.action is Action.CONFLICT

    @property
    def explanation(self) -> str:
        """The reason in words, with its detail."""
        return f"{self.reason.value}: {self.detail}" if self.detail else self.reason.value


@dataclass(slots=True)
class Counts:
    """What a run saw of one mapping.

    Attributes:
        local, remote: Entries on each side.
        base: Rows of the baseline.
    """

    local: int = 0
    remote: int = 0
    base: int = 0


@dataclass(slots=True)
class Plan:
    """What a run will do, and what it saw.

    Attributes:
        operations: In order of keys.
        unchanged: Number of keys that are in step.
        counts: What was seen of each mapping, by its id; a mapping of which nothing was seen may be left out.
        left_out: Operations that only tell of local entries which are no files, such as symbolic links.
    """

    operations: list[Operation] = field(default_factory=list)
    unchanged: int = 0
    counts: dict[str, Counts] = field(default_factory=dict)
    left_out: list[Operation] = field(default_factory=list)

    @property
    def local_count(self) -> int:
        """Entries seen here."""
        return sum(each.local for each in self.counts.values())

    @property
    def remote_count(self) -> int:
        """Entries seen in the bucket."""
        return sum(each.remote for each in self.counts.values())

    @property
    def base_count(self) -> int:
        """Rows of the baseline that the run was about."""
        return sum(each.base for each in self.counts.values())

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def count(self) -> Counter[Action]:
        """Return how many operations of each action there are."""
        return Counter(operation.action for operation in self.operations)
