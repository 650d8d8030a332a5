"""What must not matter: whose clock is right, and in which order independent things happen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from buckia_core.adapters.contract.base import BaseSync, Source
from buckia_core.adapters.contract.types import Precondition, UploadInfo
from buckia_core.adapters.wrappers.wrapper import Wrapper
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.policy import ConflictPolicy
from tests.property.profiles import examples
from tests.property.test_three_trees import Case, cases
from tests.property.world import KEYS, clashes, new_sides, remove_file, without_times, write_file
from tests.unit.syncing.sides import Sides

DAY_NS = 86_400 * 10**9


class Skewed(Wrapper):
    """The bucket, by a clock that is wrong."""

    def __init__(self, inner: BaseSync, by_ns: int) -> None:
        super().__init__(inner)
        self._by_ns = by_ns

    def _told(self, found: RemoteObject) -> RemoteObject:
        return found._replace(modified_ns=found.modified_ns + self._by_ns)

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""
        return map(self._told, super().list_files(prefix, start_after=start_after, end_at=end_at))

    def stat_file(self, key: str) -> RemoteObject:
        """See `BaseSync`."""
        return self._told(super().stat_file(key))

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        return self._told(super().upload_file(source, key, expect=expect, info=info))

    def download_file(
        self, key: str, target: Path, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        return self._told(super().download_file(key, target, expect=expect, start=start, end=end))

    def read_file(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync`."""
        found, data = super().read_file(key, expect=expect)
        return self._told(found), data


def outcome(case: Case, sides: Sides) -> object:
    case.set_up(sides)
    result = case.sync(sides)
    done = {f"{each.operation.action.value} {each.operation.key}" for each in sides.finished}
    return without_times(sides.files()), without_times(sides.objects()), done, result.unresolved


@examples(25)
@given(cases(nested=True).filter(lambda case: case.policy is not ConflictPolicy.NEWEST_WINS))
def test_p12_a_clock_that_is_a_day_wrong_changes_nothing(case):
    outcomes = []
    for by_ns in (0, DAY_NS, -DAY_NS):
        with new_sides() as sides:
            sides.adapter = Skewed(sides.bucket, by_ns)
            outcomes.append(outcome(case, sides))
    assert outcomes[0] == outcomes[1] == outcomes[2]


EDITS = st.dictionaries(
    st.sampled_from(KEYS), st.tuples(st.sampled_from(["here", "there"]), st.sampled_from(["", "2", "33"])), max_size=5
).filter(lambda edits: not any(clashes(one, other) for one in edits for other in edits))


@examples(25)
@given(EDITS, st.randoms(use_true_random=False), st.data())
def test_p13_edits_of_different_keys_commute(edits, random, data):
    """In any order, with syncs between them or without: the same comes out."""
    finals = []
    for with_syncs in (False, True):
        order = sorted(edits)
        random.shuffle(order)
        with new_sides() as sides:
            for key in edits:
                write_file(sides, key, "1")
            sides.sync()
            for key in order:
                make(sides, key, *edits[key])
                if with_syncs and data.draw(st.booleans()):
                    sides.sync()
            assert sides.sync().success
            assert sides.files() == sides.objects()
            finals.append(sides.files())
    wanted = {key: content for key, (_, content) in edits.items() if content}
    assert finals == [wanted, wanted]


def make(sides: Sides, key: str, side: str, content: str) -> None:
    """Make one edit; an empty content stands for a delete."""
    if side == "here" and content:
        write_file(sides, key, content)
    elif side == "here":
        remove_file(sides, key)
    elif content:
        sides.bucket.upload_file(content.encode(), key)
    else:
        sides.bucket.delete_files([key])
