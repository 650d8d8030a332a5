"""The guard against plans that delete more than a person can have meant. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from buckia_core.errors import SideEmptied, TooManyDeletes
from buckia_core.planning.plan import Action, Plan
from buckia_core.planning.policy import Side

FEW = 10
"""Fewer deletions than this pass the default guard, whatever share of the side they are."""


@dataclass(frozen=True, slots=True)
class DeleteLimit:
    """How many deletions on one side are allowed: a number, or a share of the baseline."""

    count: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> DeleteLimit:
        """Read `25` or `10%`.

        Raises:
            ValueError: It is neither a whole number nor a percentage from 0 to 100.
        """
        match = re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?)\s*%", text.strip())
        if not match or (match[2] and float(match[2]) > 100):
            raise ValueError(f"{text!r} is neither a number of deletions (25) nor a share (10%)")
        return cls(count=int(match[1])) if match[1] else cls(share=float(match[2]) / 100)

    def allows(self, deletes: int, entries: int) -> bool:
        """Tell whether so many deletions are allowed on a side that had so many entries."""
        if self.count is not None:
            return deletes <= self.count
        return deletes <= entries * (self.share or 0.0)

    def __str__(self) -> str:
        return str(self.count) if self.count is not None else f"{100 * (self.share or 0):g}%"


def check(plan: Plan, limit: DeleteLimit | None = None) -> None:
    """Refuse a plan that deletes too much. `limit` replaces the default bound; it does not lift `SideEmptied`.

    Raises:
        SideEmptied: A side that had entries has none, and the other side would lose its own for that.
        TooManyDeletes: One side would lose more than the limit; by default more than half of the baseline's
            entries and at least ten.
    """
    counts = plan.count()
    deletes = {Side.LOCAL: counts[Action.DELETE_LOCAL], Side.REMOTE: counts[Action.DELETE_REMOTE]}
    for side, entries in ((Side.LOCAL, plan.local_count), (Side.REMOTE, plan.remote_count)):
        if plan.base_count and not entries and deletes[side.other]:
            raise SideEmptied(
                f"{_WHERE[side]} is empty, though {plan.base_count} {_files(plan.base_count)} were in step at the "
                f"last sync; {deletes[side.other]} would be deleted {_ON[side.other]}. "
                "If that is what you want, run again with --force."
            )
    for side, number in deletes.items():
        if limit is not None:
            refused = not limit.allows(number, plan.base_count)
            bound = f"--max-delete {limit}"
        else:
            refused = number >= FEW and number > plan.base_count / 2
            bound = f"more than half of the {plan.base_count} that were in step at the last sync"
        if refused:
            raise TooManyDeletes(
                f"{number} {_files(number)} would be deleted {_ON[side]} ({bound}). Look at them with --dry-run; "
                "if that is what you want, run again with --force or another --max-delete."
            )


_WHERE = {Side.LOCAL: "The local side", Side.REMOTE: "The bucket"}
_ON = {Side.LOCAL: "here", Side.REMOTE: "in the bucket"}


def _files(number: int) -> str:
    return "file" if number == 1 else "files"
