"""Commands of an app's data, killed before each call that changes something, those of SQLite among them.

The database is the old or the new one then, no file of the user is lost, and a repeat ends what was begun.
`BUCKIA_FAULTS` says how many places of each command are tried, spread evenly over it; 0 stands for all of them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.everything import spread
from tests.e2e.ran import Ran
from tests.system_calls.failing_calls import FailingCalls, Rule
from tests.system_calls.forking import Forks
from tests.unit.syncing.databases.database import connect, make_database, rows

USER, DEMO = "4f1d0c6e9a5b4e43a1a2f7d8c0b95e11", "0c3b7a52e1d94f7fa6d25b90f4c8e613"
MOST = int(os.environ.get("BUCKIA_FAULTS", "12")) or None

OLD, BACKED_UP, DEMO_ROWS = list(range(8, 600)), [3, 4, 5], list(range(1, 400))

COMMANDS = {
    "restore": (("app", "restore", "--yes"), BACKED_UP),
    "reset": (("app", "reset", "--yes"), DEMO_ROWS),
    "reset-everywhere": (("app", "reset", "--everywhere", "--yes"), DEMO_ROWS),
    "apply-demo": (("app", "apply-demo"), sorted({*OLD, *DEMO_ROWS})),
    "apply": (("apply",), BACKED_UP),
    "undo": (("app", "restore", "--from-trash", "--yes"), OLD),
}


@pytest.fixture(scope="module")
def forks(failing_calls: FailingCalls) -> Iterator[Forks]:
    with Forks(failing_calls) as found:
        yield found


def prepare(root: Path, forks: Forks, command: str) -> None:
    """Make a project in which a command has something to do to the database and to a file."""
    here, bucket = root / "here", root / "bucket"
    documents = here / "Documents"
    for path in (documents / USER, bucket / USER, bucket / DEMO):
        path.mkdir(parents=True)
    profile = {"documents": "Documents/", "user": USER, "demo": DEMO, "database": "App.sqlite"}
    both = {
        "paths": [{"local": f"Documents/{USER}/", "remote": f"{USER}/"}],
        "files": {"Documents/App.sqlite": f"{USER}/App.sqlite"},
    }
    settings = both if command == "apply" else {"app": profile}
    (here / ".buckia").write_text(json.dumps({"app": {"provider": "file", "root": "../bucket"} | settings}))

    def run(*words: str) -> None:
        ran = forks.start(here, *words).wait()
        assert ran.code == 0, ran

    make_database(bucket / DEMO / "App.sqlite", "delete", *DEMO_ROWS).close()
    make_database(documents / "App.sqlite", "wal", *(BACKED_UP if command == "apply" else OLD)).close()
    (documents / USER / "note.txt").write_text("mine")
    run("sync", "--force")
    if command == "apply":
        with closing(connect(documents / "App.sqlite")) as app:
            app.executescript("delete from item where id < 8")
            app.executemany("insert into item values (?, 'x')", [(each,) for each in OLD])
        run("sync")
    if command in ("restore", "apply"):
        (bucket / USER / "App.sqlite").unlink()
        make_database(bucket / USER / "App.sqlite", "delete", *BACKED_UP).close()
        (bucket / USER / "note.txt").write_text("theirs")
    if command == "apply":
        run("sync", "--fetch-only")
    if command == "undo":
        run("app", "reset", "--everywhere", "--yes")


def rows_here(root: Path) -> list[int]:
    with closing(connect(root / "here" / "Documents" / "App.sqlite")) as app:
        return rows(app)


def notes(root: Path) -> set[bytes]:
    """Return the contents of all small files: those of the user, in the bucket, and in the trash."""
    return {path.read_bytes() for path in root.rglob("*") if path.is_file() and path.stat().st_size < 10}


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_any_call_the_database_is_the_old_or_the_new_one(tmp_path: Path, forks: Forks, command: str) -> None:
    words, new = COMMANDS[command]
    root, template, log = tmp_path / "root", tmp_path / "template", tmp_path / "calls.log"
    prepare(root, forks, command)
    old, kept = rows_here(root), notes(root) - {b""}
    assert old != new and kept
    root.rename(template)

    def run(*rules: Rule, log: Path | None = None) -> tuple[Ran, list[int]]:
        """Run the command while an app has the database open; return what the app then finds, too."""
        with closing(connect(root / "here" / "Documents" / "App.sqlite")) as app:
            rows(app)
            ran = forks.start(root / "here", *words, rules=rules, log=log).wait()
            return ran, rows(app)

    shutil.copytree(template, root)
    ran, seen = run(rule("count", 1), log=log)
    assert ran.code == 0 and seen == rows_here(root) == new, ran
    calls = FailingCalls.read_log(log)
    # Calls of SQLite on the database itself are among the places.
    on_database = {call for call, path in calls if "/Documents/App.sqlite" in path}
    assert {"write", "fsync"} <= on_database, on_database
    first = next(number for number, (_, path) in enumerate(calls, 1) if "/Documents/App.sqlite" in path)
    places = sorted({first, *spread(range(1, len(calls) + 1), MOST)})
    for place in places:
        shutil.rmtree(root)
        shutil.copytree(template, root)
        ran, seen = run(rule("kill", place))
        assert ran.code == -signal.SIGKILL, (place, calls[place - 1], ran)
        assert seen == rows_here(root) and seen in (old, new), (place, calls[place - 1])
        assert kept <= notes(root), (place, calls[place - 1])
        ran, seen = run()
        assert ran.code == 0 or "no reset to undo" in ran.said, (place, ran)
        assert seen == rows_here(root) == new, (place, calls[place - 1])


def rule(does: str, first: int) -> Rule:
    return Rule("change", "*", does, first=first, but="*buckia-forks-*")
