"""Safety guard: refuses plans that delete or overwrite more than a user is likely to intend. Pure.

It counts per mapping and side; the single files of `files` count as one mapping.

    loss on one side of a mapping                                       result
    ---------------------------------------------------------------------------------------------------
    any, if the other side had entries and has none, or if it is the
    source of a mirror and has none                                     SideEmptied
    more than half of the baseline, and at least ten files              TooManyDeletes
    all of the baseline, and at least three files                       TooManyDeletes
    unrecoverable versions in the bucket of more than half of the       TooManyOverwrites
    baseline, and at least ten, unless the direction is `up`

Content that the same plan deletes under one key and adds under another one is not lost and does not count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from buckia_core.errors import SideEmptied, TooManyDeletes, TooManyOverwrites, UnsafePlan
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.moves import find_moved_keys
from buckia_core.planning.plan import Action, Counts, Operation, Plan
from buckia_core.planning.policy import Direction, Side

MIN_DELETES = 10
"""Minimum of deletions that the default limit refuses, if they are more than half of the baseline."""

MIN_DELETES_OF_ALL = 3
"""Minimum of deletions that the default limit refuses, if they are all of the baseline."""


@dataclass(frozen=True, slots=True)
class DeleteLimit:
    """Limit of deletions on one side: a number for that side, or a share of each mapping's baseline."""

    count: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> DeleteLimit:
        """Parse `25` or `10%`.

        Raises:
            ValueError: It is neither a whole number nor a percentage from 0 to 100.
        """
        match = re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?)\s*%", text.strip())
        if not match or (match[2] and float(match[2]) > 100):
            raise ValueError(f"{text!r} is neither a number of deletions (25) nor a share (10%)")
        return cls(count=int(match[1])) if match[1] else cls(share=float(match[2]) / 100)

    def allows(self, deletes: int, entries: int) -> bool:
        """Tell whether the limit allows this number of deletions on a side with this number of entries."""
        if self.count is not None:
            return deletes <= self.count
        return deletes <= entries * (self.share or 0.0)

    def __str__(self) -> str:
        return str(self.count) if self.count is not None else f"{100 * (self.share or 0):g}%"


@dataclass(slots=True)
class _Group:
    """Mappings that are counted together: one directory, or all single files.

    Attributes:
        local_name, remote_name: Names of the two sides in messages.
        single_files: Whether it is the group of the single files.
        counts: Numbers of entries.
        deletes: Number of deletions on each side.
        in_baseline: Number of those deletions whose key is in the baseline.
    """

    local_name: str
    remote_name: str
    single_files: bool
    counts: Counts
    deletes: Counter[Side]
    in_baseline: Counter[Side]

    def is_emptied(self, side: Side) -> bool:
        """Tell whether a side is empty and should not be. One or two single files may be deleted on purpose.

        Without a baseline only a mirror deletes, and the source of a mirror should not be empty either.
        """
        seen = self.counts.local if side is Side.LOCAL else self.counts.remote
        entries = self.counts.base or self.deletes[side.other]
        return not seen and entries >= (MIN_DELETES_OF_ALL if self.single_files else 1)


def check_plan(
    plan: Plan,
    mappings: Sequence[PathMapping],
    limit: DeleteLimit | None = None,
    is_recoverable: Callable[[Operation], bool] | None = None,
) -> None:
    """Refuse a plan that deletes or overwrites too much.

    Args:
        plan: The plan.
        mappings: All mappings of the run.
        limit: Replaces the default limit of deletions. It affects neither `SideEmptied` nor `TooManyOverwrites`.
        is_recoverable: Tells whether the version that an upload replaces can be restored. Called only if there are
            more uploads than allowed. `None` skips the check of overwrites.

    Raises:
        SideEmptied, TooManyDeletes, TooManyOverwrites: See the table above.
    """
    error = next(_find_excess_deletes(plan, mappings, limit), None)
    if error is not None:
        raise error
    if is_recoverable is not None:
        check_overwrites(plan, mappings, is_recoverable)


def check_overwrites(plan: Plan, mappings: Sequence[PathMapping], is_recoverable: Callable[[Operation], bool]) -> None:
    """Refuse a plan that overwrites too much; see `check_plan`.

    Raises:
        TooManyOverwrites: See the table above.
    """
    error = next(_find_excess_overwrites(plan, mappings, is_recoverable), None)
    if error is not None:
        raise error


def deletes_too_much(plan: Plan, mappings: Sequence[PathMapping], limit: DeleteLimit | None = None) -> bool:
    """Tell whether `check_plan` would refuse the plan because of its deletions."""
    return next(_find_excess_deletes(plan, mappings, limit), None) is not None


def _find_excess_deletes(
    plan: Plan, mappings: Sequence[PathMapping], limit: DeleteLimit | None
) -> Iterator[UnsafePlan]:
    groups = _group_by_directory(plan, mappings)
    for group in groups:
        for side in Side:
            if group.is_emptied(side) and group.deletes[side.other]:
                yield SideEmptied(_side_emptied_message(group, side))
    if limit is not None and limit.count is not None:
        for side in Side:
            number = sum(group.deletes[side] for group in groups)
            if not limit.allows(number, plan.base_count):
                yield TooManyDeletes(
                    f"{_format_files(number)} would be deleted {_LOCATIONS[side]} (--max-delete {limit}). {_ADVICE}"
                )
        return
    for group in groups:
        for side in Side:
            number, entries = group.deletes[side], group.counts.base
            if limit is not None:
                refused, bound = not limit.allows(number, entries), f"--max-delete {limit} of {entries}"
            else:
                everything = group.in_baseline[side] >= entries >= MIN_DELETES_OF_ALL
                refused = everything or _is_most(number, entries)
                share = f"all {entries}" if everything else f"more than half of the {entries}"
                bound = f"{share} that were in step at the last sync"
            if refused:
                where = (
                    f"here, in {group.local_name}"
                    if side is Side.LOCAL
                    else f"in {group.remote_name} (synced with {group.local_name})"
                )
                yield TooManyDeletes(f"{_format_files(number)} would be deleted {where}: {bound}. {_ADVICE}")


def _find_excess_overwrites(
    plan: Plan, mappings: Sequence[PathMapping], is_recoverable: Callable[[Operation], bool]
) -> Iterator[TooManyOverwrites]:
    two_way = {mapping.id for mapping in mappings if mapping.rules.direction is not Direction.UP}
    replacing: dict[str, list[Operation]] = {}
    for operation in plan:
        if operation.action is Action.UPLOAD and operation.remote is not None and operation.mapping_id in two_way:
            replacing.setdefault(operation.mapping_id, []).append(operation)
    for mapping in mappings:
        operations = replacing.get(mapping.id, [])
        entries = plan.counts.get(mapping.id, Counts()).base
        if not _is_most(len(operations), entries):
            continue
        number = sum(not is_recoverable(operation) for operation in operations)
        if _is_most(number, entries):
            yield TooManyOverwrites(
                f"{_format_files(number)} in {_remote_name(mapping)} would be overwritten by changed files of "
                f"{mapping.local}: more than half of the {entries} that were in step at the last sync, and nothing "
                "keeps their old versions. "
                "If you changed them, run again with --force; to keep old versions, set `keep_replaced: always` or "
                "turn on the bucket's versioning."
            )


def _is_most(number: int, entries: int) -> bool:
    return number >= MIN_DELETES and number > entries / 2


def _group_by_directory(plan: Plan, mappings: Sequence[PathMapping]) -> list[_Group]:
    groups: dict[str, _Group] = {}
    by_mapping_id: dict[str, _Group] = {}
    for mapping in mappings:
        # No directory has this id, because those have an arrow in them.
        name = "files" if mapping.is_file else mapping.id
        if name not in groups:
            local, remote = ("`files`", "the bucket") if mapping.is_file else (mapping.local, _remote_name(mapping))
            groups[name] = _Group(local, remote, mapping.is_file, Counts(), Counter(), Counter())
        group = by_mapping_id[mapping.id] = groups[name]
        seen = plan.counts.get(mapping.id, Counts())
        group.counts.local += seen.local
        group.counts.remote += seen.remote
        group.counts.base += seen.base
    for side, action in ((Side.LOCAL, Action.DELETE_LOCAL), (Side.REMOTE, Action.DELETE_REMOTE)):
        elsewhere = find_moved_keys(plan.operations, side)
        for operation in plan:
            if operation.action is action and operation.key not in elsewhere:
                group = by_mapping_id[operation.mapping_id]
                group.deletes[side] += 1
                group.in_baseline[side] += operation.base is not None
    return list(groups.values())


def _side_emptied_message(group: _Group, side: Side) -> str:
    base = group.counts.base
    what = (
        f"{_format_files(base)} {'was' if base == 1 else 'were'} in step at the last sync" if base else "it is mirrored"
    )
    deletes = group.deletes[side.other]
    number = deletes if base else _format_files(deletes)
    other = f"here, in {group.local_name}" if side is Side.REMOTE else f"in {group.remote_name}"
    if side is Side.LOCAL:
        advice = "If it is on a disk that is not mounted, mount it; if you deleted the files, run again with --force."
        which = (
            "None of the files in `files` is there" if group.single_files else f"The folder {group.local_name} is empty"
        )
    else:
        advice = "If it is the wrong bucket, correct the configuration; if the objects were deleted, run with --force."
        which = f"{group.remote_name[0].upper()}{group.remote_name[1:]} is empty"
        if group.single_files:
            which = "The bucket has none of the objects of `files`"
    return f"{which}, though {what}; {number} would be deleted {other}. {advice}"


def _remote_name(mapping: PathMapping) -> str:
    return f"the bucket below {mapping.remote!r}" if mapping.remote else "the bucket"


_LOCATIONS = {Side.LOCAL: "here", Side.REMOTE: "in the bucket"}
_ADVICE = "Look at them with --dry-run; if that is what you want, run again with --force or another --max-delete."


def _format_files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"
