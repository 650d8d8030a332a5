"""A project in which a run has something of each kind to do, and what must hold whatever fails meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from tests.e2e.killing import COPY, TEMPORARY
from tests.e2e.project import Project
from tests.e2e.ran import Ran
from tests.system_calls.failing_calls import FailingCalls, Rule

LARGE = 9 << 20
"""Bytes of what is neither read nor sent at once."""


@dataclass
class Work:
    """A project in which a run has something of each kind to do."""

    project: Project
    calls: FailingCalls

    def begin(self) -> None:
        """Bring both sides in step, and change them."""
        here, there = self.project, self.project.bucket
        for name in ("sent", "fetched", "deleted-here", "deleted-there", "fought", "stays"):
            here.write(name, f"old {name}")
        assert here.sync().code == 0
        here.write("sent", "new sent")
        here.write("sent-new", "new sent-new")
        here.write("large-sent", "s" * LARGE)
        here.write("fought", "mine")
        here.delete("deleted-here")
        there.put("fetched", "new fetched")
        there.put("fetched-new", "new fetched-new")
        there.put("large-fetched", "f" * LARGE)
        there.put("fought", "theirs")
        there.delete("deleted-there")

    SENT = ("sent", "sent-new", "large-sent")
    FETCHED = ("fetched", "fetched-new", "large-fetched", "fought")
    AIMS = (*SENT, *FETCHED, "deleted-here", "deleted-there")

    WRITTEN = frozenset(
        {f"old {name}" for name in ("sent", "fetched", "deleted-here", "deleted-there", "fought", "stays")}
        | {f"new {name}" for name in ("sent", "sent-new", "fetched", "fetched-new")}
        | {"s" * LARGE, "f" * LARGE, "mine", "theirs"}
    )
    """All that ever was in a file, from end to end."""

    EXPECTED: ClassVar = {
        "sent": "new sent",
        "sent-new": "new sent-new",
        "large-sent": "s" * LARGE,
        "fetched": "new fetched",
        "fetched-new": "new fetched-new",
        "large-fetched": "f" * LARGE,
        "fought": "theirs",
        "stays": "old stays",
    }

    def sync(self, *rules: Rule) -> Ran:
        """Sync while calls fail; no file has half a content after that, and nothing is lost."""
        ran = self.project.sync(**self.environment(*rules))
        self.nothing_lost()
        return ran

    def environment(self, *rules: Rule, log: Path | None = None) -> dict[str, str]:
        """Return the environment in which calls fail; `{here}` and `{there}` in a path are the two sides."""
        paths = {"{here}": str(self.project.directory), "{there}": str(getattr(self.project.bucket, "root", "-"))}
        placed = [replace(each, path=_filled(each.path, paths)) for each in rules]
        return self.calls.environment(*placed, log=log)

    def nothing_lost(self) -> None:
        """No file has half a content, and all that nobody let go is there."""
        sides = self.project.tree(), self.project.bucket.tree()
        found = {text for side in sides for name, text in side.items() if not TEMPORARY.fullmatch(name)}
        assert found <= self.WRITTEN, [each[:80] for each in found - self.WRITTEN]
        assert {"mine", "theirs", "new sent", "new fetched", "s" * LARGE, "f" * LARGE} <= found
        kept = found | set(self.project.kept())
        assert {"old fetched", "old deleted-there"} <= kept

    def failed_alone(self, ran: Ran, *names: str, words: str) -> None:
        """Only these files failed, each with these words and its path; all others are done."""
        assert (ran.code, set(ran.failures)) == (1, set(names)), ran.failures
        for name, error in ran.failures.items():
            assert words in error, error
            assert name in error or "trash" in error, error
            assert ".buckia-tmp-" not in error, error
        assert ran.actions().keys() == set(self.AIMS) - set(names)
        assert "Traceback" not in ran.said

    def next_run_goes_on(self, *, may_be_left: bool = False) -> None:
        """A run without faults brings both sides to what they should be."""
        ran = self.project.sync()
        assert (ran.code, ran.failures) == (0, {}), ran
        here = self.project.tree()
        copies = [name for name in here if COPY.search(name)]
        assert len(copies) == 1, f"one conflict, one copy: {copies}"
        assert here == self.EXPECTED | {copies[0]: "mine"}
        there = self.project.bucket.tree()
        if may_be_left:
            # A folder may be shared: what is left there is taken away a day later, when nobody can be at it.
            there = {name: content for name, content in there.items() if not TEMPORARY.fullmatch(name)}
        assert there == here, "no temporary file either"
        self.nothing_lost()
        self.project.nothing_to_do(len(here))


def _filled(path: str, paths: dict[str, str]) -> str:
    for name, value in paths.items():
        path = path.replace(name, value)
    return path
