"""What a two-way sync has to make of one key, as a table of contents: written apart from the engine, to check it."""

from __future__ import annotations

from dataclasses import dataclass

from buckia_core.planning.policy import ConflictPolicy

Content = str | None
"""A content, or that there is none."""


@dataclass(frozen=True)
class Expected:
    """What one key has to be after a sync.

    Attributes:
        here, there: The contents on both sides.
        copy: A content that has to be on both sides under a conflict copy's name.
        left: The key is left to a person.
    """

    here: Content
    there: Content
    copy: Content = None
    left: bool = False


def expected(here: Content, there: Content, base: Content, policy: ConflictPolicy, orphans: bool | None) -> Expected:
    """Return what the table says. `base` is what both sides agreed on last.

    local against base   remote against base   result
    ----------------------------------------------------------------------------
    same                 same                  nothing
    changed or new       same or absent        upload
    same or absent       changed or new        download
    deleted              same                  delete remote
    same                 deleted               delete local
    deleted              deleted               nothing is left
    changed              changed, same bytes   nothing moves
    changed              changed, other bytes  policy
    changed              deleted               the change, unless the policy names the other side
    deleted              changed               the same, mirrored
    """
    if here == there:
        return Expected(here, there)
    if here == base:
        return Expected(there, there)
    if there == base:
        return Expected(here, there if here is None and orphans is False else here)
    if here is None:
        wins = policy is ConflictPolicy.LOCAL_WINS and orphans is not False
        return Expected(None, None) if wins else Expected(there, there)
    if there is None:
        return Expected(None, None) if policy is ConflictPolicy.REMOTE_WINS else Expected(here, here)
    match policy:
        case ConflictPolicy.LOCAL_WINS:
            return Expected(here, here)
        case ConflictPolicy.REMOTE_WINS:
            return Expected(there, there)
        case ConflictPolicy.ASK:
            return Expected(here, there, left=True)
        case _:
            return Expected(there, there, copy=here)
