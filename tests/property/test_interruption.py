"""A run that ends at any call to the provider, as if its process were killed there, and the run after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.wrappers.wrapper import Call, T, Wrapper
from buckia_core.http.blocking import run_blocking
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.policy import ConflictPolicy, Direction
from buckia_core.syncing.state.database import StateDatabase
from tests.property.test_three_trees import Case
from tests.property.world import new_sides, nothing_done, recoverable_contents, without_times
from tests.unit.syncing.sides import Sides


class Killed(BaseException):
    """Nothing handles it, so nothing that comes after it in the code happens."""


class Mortal(Wrapper):
    """Dies at its n-th call: before the call is made, or when the provider has done its part."""

    def __init__(self, inner: BaseSync, at: int, *, after: bool = False) -> None:
        super().__init__(inner)
        self.calls = 0
        self.dead = False
        self._at = at
        self._after = after

    async def intercept(self, call: Call[T]) -> T:
        """Make the call, unless this is the end."""
        self.calls += 1
        if self.calls == self._at and not self._after:
            self.dead = True
            raise Killed
        result = await call()
        if self.calls == self._at:
            self.dead = True
            raise Killed
        return result

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""

        async def listed() -> list[RemoteObject]:
            return list(self.inner.list_files(prefix, start_after=start_after, end_at=end_at))

        yield from run_blocking(self.intercept(Call("list_files", prefix, listed)))


class OneByOne(Executor):
    """Runs each job when it is submitted, so that nothing happens after the one that died."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it now."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


BASE = dict.fromkeys(("a", "b", "c", "d", "e", "f", "g", "m/x", "n", "s"), "1")
LOCAL = {"a": "2", "b": "1", "d": "1", "e": "2", "f": "2", "g": "1", "h": "new", "m/y": "1", "n": "1", "s/t": "3"}
REMOTE = {"a": "1", "b": "2", "c": "1", "e": "3", "f": "2", "g": "1", "i": "new", "m/x": "1", "n/o": "4", "s": "1"}
CASES = {
    "keep_both": Case(BASE, LOCAL, REMOTE, Direction.BOTH, ConflictPolicy.KEEP_BOTH, None),
    "local_wins": Case(BASE, LOCAL, REMOTE, Direction.BOTH, ConflictPolicy.LOCAL_WINS, None),
    "remote_wins": Case(BASE, LOCAL, REMOTE, Direction.BOTH, ConflictPolicy.REMOTE_WINS, None),
    "up": Case(BASE, LOCAL, REMOTE, Direction.UP, ConflictPolicy.LOCAL_WINS, True),
    "down": Case(BASE, LOCAL, REMOTE, Direction.DOWN, ConflictPolicy.REMOTE_WINS, True),
}


def run(case: Case, sides: Sides) -> None:
    sides.sync(
        direction=case.direction,
        conflict=case.policy,
        delete_orphaned=case.orphans,
        executor=OneByOne(),
        max_workers=1,
    )


@pytest.fixture
def dead_men_write_nothing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mortal], None]:
    """Keep the engine from writing to its state after a death, as it does after an error."""
    commit = StateDatabase.commit

    def of(adapter: Mortal) -> None:
        def commit_alive(state: StateDatabase, **changes: Any) -> None:
            if adapter.dead:
                raise Killed
            commit(state, **changes)

        monkeypatch.setattr(StateDatabase, "commit", commit_alive)

    return of


def final(sides: Sides) -> object:
    return without_times(sides.files()), without_times(sides.objects())


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_p6_killed_at_any_call_the_next_run_ends_where_one_run_would_have(case, after, dead_men_write_nothing):
    with new_sides() as sides:
        case.set_up(sides)
        counting = sides.adapter = Mortal(sides.bucket, 0)
        run(case, sides)
        wanted = final(sides)
    assert counting.calls >= 9
    written = {*BASE.values(), *LOCAL.values(), *REMOTE.values()}
    wrong = {}
    for number in range(1, counting.calls + 1):
        with new_sides() as sides:
            case.set_up(sides)
            sides.adapter = mortal = Mortal(sides.bucket, number, after=after)
            dead_men_write_nothing(mortal)
            with pytest.raises(Killed):
                run(case, sides)
            assert recoverable_contents(sides) <= written  # P5: nothing is there in part
            sides.adapter = None
            mortal.dead = False
            run(case, sides)
            if final(sides) != wanted:
                wrong[number] = final(sides)
            assert list(sides.folder.rglob(".buckia-tmp-*")) == []
            again = sides.sync(direction=case.direction, conflict=case.policy, delete_orphaned=case.orphans)
            assert nothing_done(again), sides.did
    assert wrong == {}, f"one run ends in {wanted}"
