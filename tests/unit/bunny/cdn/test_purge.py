"""What is purged for a set of changes, and at which pace."""

from __future__ import annotations

import pytest

from buckia_bunny.cdn.purge import PurgePlan, Purger, plan_purge
from buckia_core.errors import Throttled


def below(directory, count):
    return [f"{directory}/{number:03d}" for number in range(count)]


@pytest.mark.parametrize(
    ("paths", "plan"),
    [
        ([], PurgePlan()),
        (["a", "b/c"], PurgePlan(paths=("a", "b/c"))),
        (below("a/b", 4), PurgePlan(directories=("a/b/",))),
        ([*below("a/b", 4), *below("a/c", 4)], PurgePlan(directories=("a/b/", "a/c/"))),
        ([*below("a", 4), *below("a/c", 4)], PurgePlan(directories=("a/",))),
        ([f"a/{number}/x" for number in range(11)], PurgePlan(directories=("a/",))),
        ([f"{number}/x" for number in range(11)], PurgePlan(everything=True)),
        (["top", *below("a", 4)], PurgePlan(everything=True)),
        (None, PurgePlan(everything=True)),
    ],
)
def test_few_requests(paths, plan):
    assert plan_purge(paths, max_urls=3) == plan


class Service:
    """Lets so many purges of each kind through, then says 429 as often."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.purged: list[str] = []

    def purge_url(self, url: str) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Throttled("too many", retry_after=3.0)
        self.purged.append(url)

    def purge_zone(self, pull_zone: int) -> None:
        self.purged.append(str(pull_zone))


def test_a_throttled_purge_waits():
    waits: list[float] = []
    service = Service(2)
    Purger(service, 1, "h", sleep=waits.append).run(PurgePlan(paths=("a b",), directories=("d/",)))
    assert service.purged == ["https://h/a%20b", "https://h/d/*"]
    assert waits == [3.0, 3.0]


def test_everything_is_one_request():
    service = Service(0)
    Purger(service, 7, "h").run(PurgePlan(everything=True))
    assert service.purged == ["7"]


def test_a_purge_that_is_refused_for_ever_fails():
    with pytest.raises(Throttled):
        Purger(Service(99), 1, "h", sleep=lambda _: None).purge("https://h/a")


def test_the_pace_is_the_services():
    waits: list[float] = []
    service = Service(0)
    Purger(service, 1, "h", sleep=waits.append).run(
        PurgePlan(paths=tuple(below("a", 103)), directories=tuple(f"{each}/" for each in below("d", 17)))
    )
    assert len(service.purged) == 120
    urls, prefixes = waits[:-2], waits[-2:]
    assert len(urls) == 3 and max(urls) <= 3 / 5
    assert [round(each) for each in prefixes] == [2, 4]
