"""People who edit at random while syncs run, and an account of every content that they ever wrote.

Each write carries a token of its own. A token may be gone only if the person in whose directory it was replaced or
deleted the very file that held it. Editing and finding out what was replaced is one step for the system, so there is no
doubt about which contents those are:

- An edit in place writes to the file that was read, wherever a sync moves that file meanwhile.
- An edit as most editors save exchanges two files, and looks into the one that it took away.
- A delete moves the file away, and looks into it then.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.exchange import exchange, rename_to_new
from tests.e2e.project import Project

_TOKEN = re.compile(r"<\w+-\d{6}>")


@dataclass
class Ledger:
    """The tokens that were written, and those that a person knowingly replaced or deleted."""

    written: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    events: list[str] = field(default_factory=list)
    """What was done, in order, for a failure's message."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def new(self, owner: str) -> str:
        """Return a token that nobody has used."""
        with self._lock:
            token = f"<{owner}-{len(self.written):06}>"
            self.written.add(token)
            self.note("new", token)
            return token

    def give_up(self, content: bytes) -> None:
        """Take note that the tokens of a content are not needed any more."""
        tokens = set(tokens_in([content.decode("latin-1")]))
        self.given_up |= tokens
        self.note("given up", *tokens)

    def note(self, *what: object) -> None:
        """Take note of something that happened now."""
        self.events.append(f"{time.monotonic():.6f} {' '.join(map(str, what))}")

    def about(self, token: str) -> str:
        """Return what happened to a token, and what else was going on just then."""
        indices = [index for index, event in enumerate(self.events) if token in event]
        return "\n".join(self.events[max(0, indices[0] - 6) : indices[-1] + 7])

    def lost(self, contents: Iterable[str]) -> set[str]:
        """Return the tokens that are in none of these contents, and should be."""
        return self.written - self.given_up - set(tokens_in(contents))


def tokens_in(contents: Iterable[str]) -> Iterator[str]:
    """Yield the tokens of some contents."""
    for content in contents:
        yield from _TOKEN.findall(content)


class Person:
    """Edits the files of one project.

    Args:
        project: Where.
        name: Letters that the tokens of this person begin with.
        ledger: Where tokens are written down.
        chance: What decides.
        sizes: How many bytes stand behind a token.
    """

    NAMES = tuple(f"{folder}{number}" for folder in ("", "a/", "a/b/", "c/") for number in range(6))

    def __init__(
        self, project: Project, name: str, ledger: Ledger, chance: random.Random, sizes: tuple[int, ...]
    ) -> None:
        self.project = project
        self.edits = 0
        self._name = name
        self._ledger = ledger
        self._chance = chance
        self._sizes = sizes
        # On the same disk, and not part of the project.
        self._aside = project.directory.with_name(f"{project.directory.name}-aside")
        self._aside.mkdir()

    def edit(self) -> None:
        """Do one thing to one file."""
        path = self.project.path(self._chance.choice(self.NAMES))
        before = len(self._ledger.written)
        action = self._chance.choices((self._save, self._write_in_place, self._delete, self._rename), (5, 4, 2, 1))[0]
        # A file or a directory that was there a moment ago may be gone, or the reverse; that is no edit then.
        with suppress(FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError):
            action(path)
            self.edits += 1
            self._ledger.note(self._name, action.__name__, path, before)

    def _save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._aside / "new"
        aside.write_bytes(self._content())
        try:
            exchange(aside, path)
        except FileNotFoundError:
            try:
                rename_to_new(aside, path)
            except OSError:
                # Nobody ever saw it.
                self._give_up(aside)
                raise
        except OSError:
            self._give_up(aside)
            raise
        else:
            self._give_up(aside)

    def _write_in_place(self, path: Path) -> None:
        with open(path, "r+b", buffering=0) as file:
            before = file.read()
            token = self._ledger.new(self._name).encode()
            # One call and of the same length, so that nobody can read half of it, or tell it by the size.
            os.pwrite(file.fileno(), token, 0)
            self._ledger.give_up(before)

    def _delete(self, path: Path) -> None:
        aside = self._aside / "deleted"
        path.rename(aside)
        self._give_up(aside)

    def _rename(self, path: Path) -> None:
        rename_to_new(path, self.project.path(self._chance.choice(self.NAMES)))

    def _content(self) -> bytes:
        return (self._ledger.new(self._name) + "." * self._chance.choice(self._sizes)).encode()

    def _give_up(self, aside: Path) -> None:
        self._ledger.give_up(aside.read_bytes())
        aside.unlink()


@dataclass
class Meeting:
    """Two people with a project directory each, and one bucket."""

    people: tuple[Person, Person]
    ledger: Ledger
    arguments: tuple[str, ...]
    syncs: int = 0

    @classmethod
    def of(
        cls, projects: tuple[Project, Project], seed: int, policy: str, sizes: tuple[int, ...] = (0, 0, 100, 20_000)
    ) -> Meeting:
        """Return two people whose edits a seed decides."""
        print(f"BUCKIA_TOKENS_SEED={seed}")
        ledger, chance = Ledger(), random.Random(seed)
        one, two = (
            Person(project, name, ledger, random.Random(chance.random()), sizes)
            for project, name in zip(projects, ("one", "two"), strict=True)
        )
        # The guard against many deletes is not what is looked at, and so few files make it stop nearly each run.
        return cls((one, two), ledger, ("--force", "--conflict", policy))

    def quarrel(self, *, rounds: int | None = None, seconds: float | None = None, pause: float = 0.002) -> None:
        """Edit and sync, both at once, for a number of syncs of each, or for a time."""
        end = None if seconds is None else time.monotonic() + seconds
        over = threading.Event()
        threads = [threading.Thread(target=self._edit_until, args=(each, over, pause)) for each in self.people]
        failures: list[BaseException] = []
        syncing = [
            threading.Thread(target=self._sync_until, args=(e.project, rounds, end, failures)) for e in self.people
        ]
        for thread in (*threads, *syncing):
            thread.start()
        for thread in syncing:
            thread.join()
        over.set()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def come_to_rest(self) -> None:
        """Sync in turn until nobody has anything to do; then both sides are equal, and nothing is lost."""
        one, two = (person.project for person in self.people)
        for _ in range(8):
            ran = [project.sync(*self.arguments) for project in (one, two, one)]
            assert all(each.code == 0 for each in ran), ran
            if not any(each.operations for each in ran):
                break
        else:
            raise AssertionError("it does not come to rest")
        there = {name: content for name, content in one.bucket.tree().items() if not _is_temporary(name)}
        assert one.tree() == two.tree() == there
        lost = self.ledger.lost(self.everything())
        told = "".join(f"\n--- {token}\n{self.ledger.about(token)}" for token in sorted(lost)[:5])
        assert not lost, f"{len(lost)} of {len(self.ledger.written)} are lost{told}"
        assert {token for token in self.ledger.written if token in set(tokens_in(there.values()))}

    def everything(self) -> Iterator[str]:
        """Yield all contents that are anywhere: on a side, in a trash, in the versions of the bucket."""
        for person in self.people:
            yield from person.project.tree().values()
            yield from person.project.trash()
        yield from self.people[0].project.bucket.tree().values()
        yield from self.people[0].project.bucket.kept()

    def figures(self) -> str:
        """Return in words how much happened."""
        edits = sum(person.edits for person in self.people)
        written, given_up = len(self.ledger.written), len(self.ledger.given_up)
        return f"{self.syncs} syncs, {edits} edits, {written} tokens written, {given_up} given up"

    def _edit_until(self, person: Person, over: threading.Event, pause: float) -> None:
        while not over.wait(pause):
            person.edit()

    def _sync_until(
        self, project: Project, rounds: int | None, end: float | None, failures: list[BaseException]
    ) -> None:
        done = 0
        try:
            while not failures and (done < rounds if rounds is not None else time.monotonic() < (end or 0)):
                ran = project.sync(*self.arguments)
                did = (
                    f"{each['action']} {each['key']} ({each['reason']}) {each['status']};" for each in ran.operations
                )
                self.ledger.note(project.directory.name, "synced:", *did)
                # A file that is never at rest fails alone, and is left for the next run.
                assert ran.code in (0, 1), ran
                passing = ("kept changing", "being written to")
                failed = [why for why in ran.failures.values() if not any(word in why for word in passing)]
                assert not failed, failed
                done += 1
                self.syncs += 1
        except BaseException as error:
            failures.append(error)


def _is_temporary(name: str) -> bool:
    return name.rpartition("/")[2].startswith(".buckia-tmp-")
