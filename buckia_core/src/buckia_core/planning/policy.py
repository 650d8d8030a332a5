"""Policy: the configured rules for directions, conflicts and deletions."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Side(Enum):
    """One of the two sides of a sync.

    Attributes:
        LOCAL: The files.
        REMOTE: The objects in the bucket.
    """

    LOCAL = "local"
    REMOTE = "remote"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.REMOTE if self is Side.LOCAL else Side.LOCAL


class Direction(Enum):
    """Direction of a sync.

    Attributes:
        UP: The local side is the source of truth: changes go to the bucket only.
        DOWN: The bucket is the source of truth: changes come from the bucket only.
        BOTH: Changes go both ways.
    """

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class ConflictPolicy(Enum):
    """How to resolve a key that changed to different content on both sides.

    Attributes:
        KEEP_BOTH: The remote version keeps the name; the local one becomes a conflict copy beside it, on both sides.
        LOCAL_WINS: The local version replaces the remote one.
        REMOTE_WINS: The remote version replaces the local one, which goes to the trash.
        NEWEST_WINS: The version with the later time wins; with equal times, as `KEEP_BOTH`.
        ASK: Ask the user; without an answer, leave both versions as they are.
    """

    KEEP_BOTH = "keep_both"
    LOCAL_WINS = "local_wins"
    REMOTE_WINS = "remote_wins"
    NEWEST_WINS = "newest_wins"
    ASK = "ask"


class SyncRules(NamedTuple):
    """Rules of one mapping in one run.

    Attributes:
        direction: The direction of the sync.
        conflict_policy: How conflicts are resolved. `ASK` leaves conflicts undecided.
        delete_orphaned: `None`: deletions propagate in direction `both`; one-way paths delete nothing. `True`: one-way
            paths mirror their source as well. `False`: nothing is deleted from the bucket.
        checksum: Hash each local file instead of trusting its times.
        algorithm: The digest algorithm of the baseline.
        leaves_edits: A path that only goes up leaves an object that was edited in the bucket alone, and reports it
            once. Otherwise it is an undecided conflict of every run.
        is_backup: A path that only goes up is a backup, which other devices make too: a newer one that this side has
            no change against is left alone, and reported as skipped.
    """

    direction: Direction = Direction.BOTH
    conflict_policy: ConflictPolicy = ConflictPolicy.KEEP_BOTH
    delete_orphaned: bool | None = None
    checksum: bool = False
    algorithm: str = "sha256"
    leaves_edits: bool = False
    is_backup: bool = False
