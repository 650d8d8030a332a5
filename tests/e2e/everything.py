"""A project in which one sync does one of everything, and the end that it must come to whatever happens on the way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.buckets import FolderBucket, S3Bucket
from tests.e2e.killing import TEMPORARY
from tests.e2e.project import Project
from tests.e2e.ran import Ran
from tests.system_calls.failing_calls import Rule
from tests.system_calls.forking import Fork, Forks

LARGE_SENT = (8 << 20) + 1
"""Bytes of an upload in two parts, more than is read into memory first, so that it resumes."""

LARGE_FETCHED = (8 << 20) + 1
"""Bytes of a download that can be resumed."""

OLD = {
    f"{path}/{name}": f"old {path}/{name}"
    for path, names in {
        "one": ("sent", "fetched", "moved-here", "moved-there", "fought", "stays", "same"),
        "two": ("sent", "fetched", "deleted-here", "deleted-there", "gone", "stays", "more"),
    }.items()
    for name in names
}
HERE = {
    "one/sent": "new one/sent",
    "one/sent-new": "new one/sent-new",
    "one/large-sent": "s" * LARGE_SENT,
    "one/fought": "mine",
    "one/same": "new one/same",
    "two/sent": "new two/sent",
    "two/d/sent-new": "new two/sent-new",
}
THERE = {
    "one/fetched": "new one/fetched",
    "one/d/fetched-new": "new one/fetched-new",
    "one/fought": "theirs",
    "one/same": "new one/same",
    "two/fetched": "new two/fetched",
    "two/fetched-new": "new two/fetched-new",
}
LARGE = {"one/large-fetched": "f" * LARGE_FETCHED}
GONE = frozenset({"one/moved-here", "one/moved-there", "two/deleted-here", "two/deleted-there", "two/gone"})
EXPECTED = (
    {name: content for name, content in OLD.items() if name not in GONE}
    | HERE
    | THERE
    | LARGE
    | {
        "one/fought.conflict": "mine",
        "one/moved-here-to": "old one/moved-here",
        "one/moved-there-to": "old one/moved-there",
    }
)
ACTIONS = frozenset(
    {"upload", "download", "delete_local", "delete_remote", "move_remote", "adopt", "forget", "conflict"}
)

_COPY = re.compile(r"\.conflict-local-\d{8}T\d{6}Z$")


class PrefixedS3Bucket(S3Bucket):
    """A directory of a bucket of an S3 server, so that many projects need one bucket."""

    prefix = ""

    def settings(self) -> dict[str, Any]:
        part = 5 << 20
        return super().settings() | {"prefix": self.prefix, "multipart_threshold": part, "part_size": part}

    def put(self, key: str, content: Any, *, mtime: float | None = None) -> None:
        super().put(self.prefix + key, content, mtime=mtime)

    def delete(self, key: str) -> None:
        super().delete(self.prefix + key)

    def tree(self) -> dict[str, str]:
        return {key.removeprefix(self.prefix): self._content(key, etag) for key, etag in self._listed()}

    def unfinished(self) -> list[str]:
        """Return the keys of uploads in parts that are neither completed nor aborted."""
        found = self.client.list_multipart_uploads(Bucket=self.name, Prefix=self.prefix).get("Uploads", ())
        return [each["Key"].removeprefix(self.prefix) for each in found]

    def _listed(self) -> list[tuple[str, str]]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=self.prefix)
        return [(each["Key"], each["ETag"].strip('"')) for page in pages for each in page.get("Contents", ())]


@dataclass(frozen=True, slots=True)
class End:
    """What is there in the end.

    Attributes:
        here: All files of the project, names to contents, without the configuration and the state.
        there: All objects.
        kept: All contents in the trash.
        state: The names of the files of the state, without those of the trash that are complete.
    """

    here: dict[str, str]
    there: dict[str, str]
    kept: frozenset[str]
    state: frozenset[str]


class Everything(Project):
    """A project in which one sync does one of everything. Commands run in forks."""

    def __init__(self, forks: Forks, directory: Path, bucket: FolderBucket | PrefixedS3Bucket, **settings: Any) -> None:
        self.forks = forks
        self.expected = EXPECTED
        paths = [{"local": each, "remote": each, "direction": "both"} for each in ("one", "two")]
        super().__init__(directory, bucket, paths=paths, max_workers=1, retry_seconds=5, **settings)

    def begin_anew(self) -> None:
        """Make a project that was never synced, with files on both sides."""
        self.expected = OLD | HERE | THERE | {"one/fought.conflict": "mine"}
        for name, content in (OLD | HERE).items():
            if name not in THERE or name in HERE:
                self.write(name, content)
        for name, content in THERE.items():
            self.bucket.put(name, content)

    def begin(self) -> None:
        """Bring both sides in step, interrupt a large download, and change both sides."""
        there = self.bucket
        for name, content in OLD.items():
            self.write(name, content)
        assert self.sync_forked().code == 0
        for name, content in LARGE.items():
            there.put(name, content)
        half = Rule("write", f"{self.directory}/one/.buckia-tmp-*", "kill", first=5)
        assert self.sync_forked(half).code < 0
        for name, content in HERE.items():
            self.write(name, content)
            there.expect(content)
        for name, content in THERE.items():
            there.put(name, content)
        self.path("one/moved-here").rename(self.path("one/moved-here-to"))
        there.delete("one/moved-there")
        there.put("one/moved-there-to", OLD["one/moved-there"])
        for name in ("two/deleted-here", "two/gone"):
            self.delete(name)
        for name in ("two/deleted-there", "two/gone"):
            there.delete(name)
        there.forget_requests()

    def start_forked(self, *rules: Rule, log: Path | None = None, commit_each: bool = False) -> Fork:
        """Start a sync in which calls fail."""
        return self.forks.start(self.directory, "sync", "--json", rules=rules, log=log, commit_each=commit_each)

    def sync_forked(self, *rules: Rule, log: Path | None = None, commit_each: bool = False) -> Ran:
        """Sync while calls fail, or the process ends at one."""
        return self.start_forked(*rules, log=log, commit_each=commit_each).wait()

    def edit(self, side: str, *, replacing: bool) -> set[str]:
        """Edit files of one side as another program does, in place or by replacing them; return the new contents."""
        root = self.directory if side == "here" else getattr(self.bucket, "root", self.directory)
        edits = {}
        for name in (*EXPECTED, *GONE):
            path, edits[name] = root / name, f"edited {side} {name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if replacing:
                path.with_name("edited").write_text(edits[name])
                path.with_name("edited").replace(path)
            else:
                path.write_text(edits[name])
        return set(edits.values())

    def nothing_torn(self) -> None:
        """No file or object has a content that nobody wrote."""
        written = {*OLD.values(), *HERE.values(), *THERE.values(), *LARGE.values()}
        for side in (self.tree(), self.bucket.tree()):
            torn = {name: text[:60] for name, text in side.items() if text not in written and not _temporary(name)}
            assert torn == {}, torn

    def end(self) -> End:
        """Return what is there, with one name for the copy of the conflict."""
        files = [path for path in self.state_dir.rglob("*") if path.is_file()]
        stem = self.state_file.stem
        state = [str(path.relative_to(self.state_dir)).replace(stem, "assets") for path in files]
        return End(
            _named(self.tree()),
            _named(self.bucket.tree()),
            frozenset(self.kept()),
            frozenset(name for name in state if not name.startswith("trash/") or name.endswith(".part")),
        )

    def finish(self, wanted: End | None, *, may_be_left: bool = False) -> End:
        """Sync once without faults, and make sure that all is as one sync without faults leaves it.

        A folder may be shared: what a run that was killed left there is removed a day later, when nobody can be at it.
        So is what it left of a copy to the trash, when somebody empties that.
        """
        ran = self.sync_forked()
        assert (ran.code, ran.failures) == (0, {}), ran
        end = self.end()
        there = end.there
        if may_be_left:
            there = {name: content for name, content in there.items() if not _temporary(name)}
        _same(end.here, self.expected)
        _same(there, self.expected)
        if wanted is not None:
            assert wanted.kept <= end.kept, wanted.kept - end.kept
            state = {name for name in end.state if not (may_be_left and name.startswith("trash/"))}
            assert state == wanted.state, state ^ wanted.state
        again = self.sync_forked()
        assert (again.code, again.operations, again.counts) == (0, [], {"unchanged": len(end.here)}), again
        assert self.forks.start(self.directory, "check").wait().code == 0
        return end


def _temporary(name: str) -> bool:
    """Tell whether a name is not a person's: that of a staging file, or of the probe of what a server can do."""
    return TEMPORARY.fullmatch(name) is not None or name.startswith(".buckia-state/probe-")


def _named(tree: dict[str, str]) -> dict[str, str]:
    """Give conflict copies the name without their time; two of them would have numbers, which stay."""
    return {_COPY.sub(".conflict", name): content for name, content in tree.items()}


def _same(found: dict[str, str], wanted: dict[str, str]) -> None:
    differences = {
        name: [each.get(name, "(nothing)")[:60] for each in (found, wanted)]
        for name in found.keys() | wanted.keys()
        if found.get(name) != wanted.get(name)
    }
    assert differences == {}, f"found, and wanted: {differences}"


def spread(numbers: Sequence[int], most: int | None) -> Sequence[int]:
    """Return at most so many of some numbers, spread evenly; all of them for `None`."""
    if most is None or len(numbers) <= most:
        return numbers
    return [numbers[index * len(numbers) // most] for index in range(most)]
