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
        local, remote: The contents on both sides.
        copy: A content that has to be on both sides under a conflict copy's name.
        unresolved: The key has an undecided conflict.
    """

    local: Content
    remote: Content
    copy: Content = None
    unresolved: bool = False


def expected(local: Content, remote: Content, base: Content, policy: ConflictPolicy, orphans: bool | None) -> Expected:
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
    if local == remote:
        return Expected(local, remote)
    if local == base:
        return Expected(remote, remote)
    if remote == base:
        return Expected(local, remote if local is None and orphans is False else local)
    if local is None:
        wins = policy is ConflictPolicy.LOCAL_WINS and orphans is not False
        return Expected(None, None) if wins else Expected(remote, remote)
    if remote is None:
        return Expected(None, None) if policy is ConflictPolicy.REMOTE_WINS else Expected(local, local)
    match policy:
        case ConflictPolicy.LOCAL_WINS:
            return Expected(local, local)
        case ConflictPolicy.REMOTE_WINS:
            return Expected(remote, remote)
        case ConflictPolicy.ASK:
            return Expected(local, remote, unresolved=True)
        case _:
            return Expected(remote, remote, copy=local)
