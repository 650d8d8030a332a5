"""The guard against plans that delete or overwrite too much, for each mapping and side."""

from __future__ import annotations

import pytest

from buckia_core.errors import SideEmptied, TooManyDeletes, TooManyOverwrites, UnsafePlan
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Counts, Operation, Plan, Reason
from buckia_core.planning.policy import Direction, Side, SyncRules
from buckia_core.planning.safety import MIN_DELETES, MIN_DELETES_OF_ALL, DeleteLimit, check_plan, deletes_too_much

DATA = PathMapping("data > a/", "/p/data", "a/")
DISK = PathMapping("disk > b/", "/p/disk", "b/")
ROOT = PathMapping(". > ", "/p")


def doomed(side: Side, root: str, number: int, *, known: bool = True) -> list[Operation]:
    """Return so many deletions on a side of different contents."""
    found = []
    for index in range(number):
        key, print_ = f"{side.value}-{root}-{index:03}", f"{side.value}{root.split(maxsplit=1)[0]}{index}"
        operation = Operation(
            Action.DELETE_LOCAL if side is Side.LOCAL else Action.DELETE_REMOTE,
            key,
            root,
            Reason.DELETED_REMOTE if side is Side.LOCAL else Reason.DELETED_LOCAL,
            local=LocalEntry(key, root, 5, 1, 1, 1) if side is Side.LOCAL else None,
            remote=RemoteObject(key, 5, print_) if side is Side.REMOTE else None,
            base=BaselineEntry(key, root, 5, 1, 1, 1, False, print_, f"sha256:{print_}") if known else None,
        )
        found.append(operation)
    return found


def plan(
    *,
    here: int = 0,
    there: int = 0,
    local: int = 100,
    remote: int = 100,
    base: int = 100,
    mapping: PathMapping = ROOT,
    known: bool = True,
) -> Plan:
    """Return a plan with so many deletions here and in the bucket, of sides and a baseline of so many entries."""
    operations = doomed(Side.LOCAL, mapping.id, here, known=known) + doomed(Side.REMOTE, mapping.id, there, known=known)
    operations += [
        Operation(Action.UPLOAD, "up", mapping.id, Reason.NEW_LOCAL, LocalEntry("up", mapping.id, 9, 1, 1, 1))
    ]
    return Plan(operations, counts={mapping.id: Counts(local, remote, base)})


def together(*plans: Plan) -> Plan:
    operations = [operation for each in plans for operation in each]
    return Plan(operations, counts={root: counts for each in plans for root, counts in each.counts.items()})


@pytest.mark.parametrize(
    ("deletes", "base", "refused"),
    [
        (0, 0, False),
        (9, 10, False),  # fewer than ten pass, unless they are all
        (10, 20, False),  # half is not more than half
        (10, 19, True),
        (51, 100, True),
        (50, 100, False),
        (2, 2, False),  # two are few, even if they are all
        (3, 3, True),
        (9, 9, True),
        (3, 4, False),
    ],
)
@pytest.mark.parametrize("side", ["here", "there"])
def test_more_than_half_and_at_least_ten_or_all_of_three(side, deletes, base, refused):
    harmful = plan(base=base, **{side: deletes})
    assert deletes_too_much(harmful, [ROOT]) is refused
    if refused:
        with pytest.raises(TooManyDeletes, match=f"{deletes} files would be deleted"):
            check_plan(harmful, [ROOT])
    else:
        check_plan(harmful, [ROOT])


def test_deletions_of_two_sides_are_not_added_up():
    check_plan(plan(here=MIN_DELETES - 1, there=MIN_DELETES - 1, base=10), [ROOT])


def test_what_the_baseline_never_had_is_not_all_of_it():
    """A mirror deletes orphans; only if they are many is that refused."""
    check_plan(plan(there=5, base=5, known=False), [ROOT])
    with pytest.raises(TooManyDeletes):
        check_plan(plan(there=MIN_DELETES, base=0, known=False), [ROOT])


# --- per mapping -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("emptied", "lost"), [("local", "there"), ("remote", "here")])
def test_one_of_several_mappings_that_is_empty_is_refused(emptied, lost):
    harmful = together(
        plan(mapping=DATA, local=500, remote=500, base=500),
        plan(
            mapping=DISK,
            base=20,
            here=20 * (lost == "here"),
            there=20 * (lost == "there"),
            local=20 * (emptied == "remote"),
            remote=20 * (emptied == "local"),
        ),
    )
    with pytest.raises(SideEmptied) as caught:
        check_plan(harmful, [DATA, DISK])
    message = str(caught.value)
    assert "/p/disk" in message and "'b/'" in message and "20 files were in step" in message and "--force" in message
    assert "/p/data" not in message
    with pytest.raises(SideEmptied):
        check_plan(harmful, [DATA, DISK], DeleteLimit.parse("100%"))


def test_one_of_several_mappings_that_loses_most_is_refused():
    harmful = together(
        plan(mapping=DATA, local=500, remote=500, base=500),
        plan(mapping=DISK, local=8, remote=20, base=20, there=12),
    )
    with pytest.raises(TooManyDeletes, match=r"12 files would be deleted .*'b/' .*/p/disk.*of the 20"):
        check_plan(harmful, [DATA, DISK])


def test_single_files_are_judged_together():
    files = [PathMapping(f"{name} = {name}", f"/p/{name}", name, is_file=True) for name in "abcde"]
    gone = [plan(mapping=file, local=0, remote=1, base=1, there=1) for file in files]
    here = [plan(mapping=file, local=1, remote=1, base=1) for file in files]
    check_plan(together(gone[0], *here[1:]), files)
    check_plan(together(*gone[:2], *here[2:]), files)
    with pytest.raises(SideEmptied, match="None of the files in `files`"):
        check_plan(together(*gone), files)
    check_plan(together(gone[0]), files[:1])


@pytest.mark.parametrize("limit", [None, DeleteLimit.parse("100%")])
@pytest.mark.parametrize(
    ("emptied", "where"),
    [({"local": 0, "there": 1}, "The folder /p is empty"), ({"remote": 0, "here": 1}, "The bucket is empty")],
)
def test_an_emptied_side_is_refused_whatever_the_limit(emptied, where, limit):
    with pytest.raises(SideEmptied, match=where) as caught:
        check_plan(plan(**emptied), [ROOT], limit)
    assert isinstance(caught.value, UnsafePlan)
    assert "--force" in str(caught.value)


def test_an_empty_source_of_a_mirror_is_refused_without_a_baseline_too():
    with pytest.raises(SideEmptied, match="/p is empty, though it is mirrored; 1 file would be deleted"):
        check_plan(plan(local=0, there=1, base=0), [ROOT])


def test_an_empty_side_that_costs_nothing_is_fine():
    check_plan(plan(local=0), [ROOT])  # everything is downloaded again, say


# --- what arrives under another name -----------------------------------------------------------------------


def arriving(side: Side, deletes: list[Operation], *, has_digest: bool = True) -> list[Operation]:
    """Return the transfers that bring what is deleted to a side, under other keys."""
    found = []
    for each in deletes:
        assert each.base is not None
        key, digests = (
            f"new-{each.key}",
            (Digest("sha256", each.base.digests_text.partition(":")[2]),) if has_digest else (),
        )
        if side is Side.REMOTE:
            local = LocalEntry(key, each.mapping_id, each.size, 1, 1, 1, digests)
            found.append(Operation(Action.UPLOAD, key, each.mapping_id, Reason.NEW_LOCAL, local))
        else:
            remote = RemoteObject(key, each.size, "another" + key, digests=digests)
            found.append(Operation(Action.DOWNLOAD, key, each.mapping_id, Reason.NEW_REMOTE, remote=remote))
    return found


@pytest.mark.parametrize("side", list(Side))
def test_content_that_arrives_under_another_name_is_no_loss(side):
    deletes = doomed(side, ROOT.id, 20)
    counts = {ROOT.id: Counts(20, 20, 20)}
    check_plan(Plan(deletes + arriving(side, deletes), counts=counts), [ROOT])
    check_plan(Plan(deletes + arriving(side, deletes), counts=counts), [ROOT], DeleteLimit(count=0))
    for loses in (
        deletes,
        deletes + arriving(side, deletes, has_digest=False),
        deletes + arriving(side.other, deletes),
    ):
        with pytest.raises(TooManyDeletes):
            check_plan(Plan(loses, counts=counts), [ROOT])


def test_an_arrival_accounts_for_one_delete():
    deletes = doomed(Side.REMOTE, ROOT.id, 20)
    same = [each._replace(base=each.base and each.base._replace(digests_text="sha256:one")) for each in deletes]
    with pytest.raises(TooManyDeletes, match="19 files"):
        check_plan(Plan(same + arriving(Side.REMOTE, same[:1]), counts={ROOT.id: Counts(1, 20, 20)}), [ROOT])


@pytest.mark.parametrize("side", list(Side))
def test_empty_files_under_other_names_are_no_loss(side):
    def emptied(operation: Operation) -> Operation:
        local, remote = operation.local, operation.remote
        return operation._replace(
            local=local and local._replace(size=0), remote=remote and remote._replace(size=0, digests=())
        )

    deletes = doomed(side, ROOT.id, 20)
    moved = [emptied(each) for each in deletes + arriving(side, deletes, has_digest=False)]
    check_plan(Plan(moved, counts={ROOT.id: Counts(20, 20, 20)}), [ROOT])


def test_an_object_of_the_same_fingerprint_and_size_is_the_same_content():
    deletes = doomed(Side.LOCAL, ROOT.id, 20)
    moved = [
        each._replace(remote=each.remote and each.remote._replace(fingerprint=old.base.fingerprint))
        for each, old in zip(arriving(Side.LOCAL, deletes, has_digest=False), deletes, strict=True)
        if old.base is not None
    ]
    check_plan(Plan(deletes + moved, counts={ROOT.id: Counts(20, 20, 20)}), [ROOT])
    other_size = [each._replace(remote=each.remote and each.remote._replace(size=6)) for each in moved]
    with pytest.raises(TooManyDeletes):
        check_plan(Plan(deletes + other_size, counts={ROOT.id: Counts(20, 20, 20)}), [ROOT])


# --- overwrites --------------------------------------------------------------------------------------------


def overwriting(
    number: int, *, base: int = 20, direction: Direction = Direction.BOTH
) -> tuple[Plan, list[PathMapping]]:
    mapping = ROOT._replace(rules=SyncRules(direction=direction))
    operations = [
        Operation(Action.UPLOAD, str(n), mapping.id, Reason.CHANGED_LOCAL, remote=RemoteObject(str(n), 1, "f"))
        for n in range(number)
    ]
    return Plan(operations, counts={mapping.id: Counts(base, base, base)}), [mapping]


@pytest.mark.parametrize(
    ("number", "base", "refused"), [(20, 20, True), (11, 20, True), (10, 20, False), (9, 9, False), (10, 19, True)]
)
def test_most_objects_overwritten_at_once_is_refused_where_nothing_keeps_them(number, base, refused):
    harmful, mappings = overwriting(number, base=base)
    check_plan(harmful, mappings, is_recoverable=lambda _: True)
    check_plan(harmful, mappings)
    if refused:
        with pytest.raises(TooManyOverwrites, match=f"{number} files in the bucket would be overwritten .*--force"):
            check_plan(harmful, mappings, DeleteLimit.parse("100%"), is_recoverable=lambda _: False)
    else:
        check_plan(harmful, mappings, is_recoverable=lambda _: False)


def test_what_is_kept_does_not_count_as_overwritten():
    harmful, mappings = overwriting(20)
    check_plan(harmful, mappings, is_recoverable=lambda operation: int(operation.key) % 2 == 0)


def test_a_path_that_goes_up_deploys():
    harmful, mappings = overwriting(20, direction=Direction.UP)
    check_plan(harmful, mappings, is_recoverable=lambda _: False)


def test_recoverable_versions_are_not_checked_where_little_is_overwritten():
    harmful, mappings = overwriting(MIN_DELETES - 1, base=0)
    check_plan(harmful, mappings, is_recoverable=lambda _: pytest.fail("it was asked"))


# --- limits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "deletes", "refused"),
    [("0", 0, False), ("0", 1, True), ("5", 5, False), ("5", 6, True), ("10%", 10, False), ("10%", 11, True)],
)
def test_another_limit_replaces_the_default(limit, deletes, refused):
    harmful = plan(there=deletes, base=100)
    if refused:
        with pytest.raises(TooManyDeletes, match=f"--max-delete {limit}"):
            check_plan(harmful, [ROOT], DeleteLimit.parse(limit))
    else:
        check_plan(harmful, [ROOT], DeleteLimit.parse(limit))


def test_a_limit_may_allow_more_than_the_default():
    with pytest.raises(TooManyDeletes):
        check_plan(plan(there=90), [ROOT])
    check_plan(plan(there=90), [ROOT], DeleteLimit.parse("100%"))


def test_a_number_is_for_a_side_and_a_share_for_each_mapping():
    two = together(plan(mapping=DATA, there=4), plan(mapping=DISK, there=4, base=10))
    check_plan(two, [DATA, DISK], DeleteLimit.parse("8"))
    with pytest.raises(TooManyDeletes, match="8 files"):
        check_plan(two, [DATA, DISK], DeleteLimit.parse("7"))
    check_plan(two, [DATA, DISK], DeleteLimit.parse("40%"))
    with pytest.raises(TooManyDeletes, match="/p/disk"):
        check_plan(two, [DATA, DISK], DeleteLimit.parse("39%"))


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("25", DeleteLimit(count=25), "25"),
        ("10%", DeleteLimit(share=0.1), "10%"),
        (" 2.5 % ", DeleteLimit(share=0.025), "2.5%"),
        ("100%", DeleteLimit(share=1.0), "100%"),
    ],
)
def test_limits_are_read_and_shown(text, limit, shown):
    assert DeleteLimit.parse(text) == limit
    assert str(limit) == shown


@pytest.mark.parametrize("text", ["", "many", "-1", "101%", "1.5", "%", "10%%"])
def test_what_is_no_limit_is_named(text):
    with pytest.raises(ValueError, match="neither a number of deletions"):
        DeleteLimit.parse(text)


def test_the_bounds_are_these():
    assert (MIN_DELETES, MIN_DELETES_OF_ALL) == (10, 3)
