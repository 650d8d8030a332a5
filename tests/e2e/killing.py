"""Two sides that are edited at random and synced by runs that are killed, and what must hold all the while."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass, field

from tests.e2e.project import Project

TEMPORARY = re.compile(r"(.*/)?\.buckia-tmp-[^/]*")
COPY = re.compile(r"\.conflict-local-\d{8}T\d{6}Z(-\d+)?$")


@dataclass
class Struggle:
    """A project on which runs are killed at moments that a seed decides.

    Each file is only ever edited on one side, so no person makes a conflict.
    """

    project: Project
    seed: int
    files: int = 500
    expected: dict[str, str] = field(default_factory=dict)
    """What the last edits left, by name."""
    written: dict[str, set[str]] = field(default_factory=dict)
    """All contents that ever were under a name."""
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        print(f"BUCKIA_KILL_SEED={self.seed}")

    def edit(self, number: int) -> None:
        """Write `number` files, some of them new, and delete a few; about half of all that on each side."""
        for index in self.random.sample(range(self.files), number):
            name = f"{'here' if index % 2 else 'there'}/{index % 20}/{index}"
            # From some bytes to some pieces of a stream; no two contents are alike.
            content = f"{name} {self.random.getrandbits(64):016x}\n" * self.random.choice([1, 10, 3000])
            self.written.setdefault(name, set()).add(content)
            self.expected[name] = content
            self.project.bucket.expect(content)
            (self.project.write if index % 2 else self.project.bucket.put)(name, content)
        for name in self.random.sample(sorted(self.expected), 6):
            del self.expected[name]
            if name.startswith("here/"):
                self.project.delete(name)
            else:
                self.project.bucket.delete(name)

    def sync_and_kill(self) -> bool:
        """Start a run and kill it at a random moment; tell whether it was at work by then."""
        running = self.project.start("sync", "--json", "--force", PYTHONUNBUFFERED="1")
        # A run is ahead of its reader by what a pipe holds, some 300 lines: later than this, it may have ended.
        for _ in range(self.random.randrange(self.files // 5)):
            line = running.read_line()
            if line is None or '"summary"' in line:
                break
        time.sleep(self.random.random() * 0.03)
        killed = running.kill()
        return bool(killed.operations) and not killed.summaries

    def nothing_half_written(self) -> None:
        """Every file under its real name, on both sides, has a content that somebody wrote there, from end to end."""
        for side in (self.project.tree(), self.project.bucket.tree()):
            for name, content in side.items():
                if not TEMPORARY.fullmatch(name):
                    known = self.written.get(COPY.sub("", name), ())
                    assert content in known, f"{name}: {content[:80]!r} ({len(content)} bytes)"

    def finish(self) -> tuple[dict[str, str], dict[str, str]]:
        """Run once to the end, make sure that both sides are equal, and return what is there, and the conflict copies.

        A folder may be shared: what a dead run left there is taken away a day later, when nobody can be at it.
        """
        ran = self.project.sync("--force")
        assert ran.code == 0, ran
        here, there = self.project.tree(), self.project.bucket.tree()
        assert here == {name: content for name, content in there.items() if not TEMPORARY.fullmatch(name)}
        self.nothing_half_written()
        self.project.nothing_to_do(len(here))
        copies = {name: content for name, content in here.items() if COPY.search(name)}
        return {name: content for name, content in here.items() if name not in copies}, copies
