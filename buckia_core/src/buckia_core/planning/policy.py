"""What the user decided beforehand: directions, conflicts, deletions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Side(Enum):
    """One of the two sides of a sync."""

    LOCAL = "local"
    REMOTE = "remote"

    @property
    def other(self) -> Side:
        """The side across."""
        return Side.REMOTE if self is Side.LOCAL else Side.LOCAL


class Direction(Enum):
    """Which way content travels: `up` makes local the truth, `down` the bucket, `both` neither."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class ConflictPolicy(Enum):
    """Who wins where both sides changed a key to different content."""

    KEEP_BOTH = "keep_both"
    LOCAL_WINS = "local_wins"
    REMOTE_WINS = "remote_wins"
    NEWEST_WINS = "newest_wins"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class SyncRules:
    """The rules that hold for one mapping in one run.

    Attributes:
        direction: Which way content travels.
        conflicts: Who wins a conflict. `ASK` leaves it to be decided.
        delete_orphaned: `None`: deletes that a person made propagate in `both`, one-way paths delete nothing.
            `True`: one-way paths mirror as well. `False`: nothing is deleted from the bucket.
        checksum: Hash every local file, whatever its times say.
        algorithm: The digest that the baseline keeps of each file.
    """

    direction: Direction = Direction.BOTH
    conflicts: ConflictPolicy = ConflictPolicy.KEEP_BOTH
    delete_orphaned: bool | None = None
    checksum: bool = False
    algorithm: str = "sha256"
