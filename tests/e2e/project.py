"""A project on this machine as the tests see it: its files, its `.buckia`, and the `buckia` command run in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.e2e.buckets import Bucket, Content, as_bytes, as_text
from tests.e2e.ran import Ran, Running
from tests.servers.process import clean_environment

NAME = "assets"
"""What the one bucket of a project is called."""

OURS = (".buckia", ".buckia-state", ".buckiaignore")


class Project:
    """A directory with a `.buckia` file, and the bucket that it names.

    `bucket` is what the configuration leads to, `settings` are added to it.
    """

    command: Sequence[str] = (sys.executable, "-m", "buckia")
    """What runs `buckia`."""

    def __init__(self, directory: Path, bucket: Bucket, **settings: Any) -> None:
        self.directory = directory
        self.bucket = bucket
        directory.mkdir(parents=True, exist_ok=True)
        self.configure(**settings)

    # --- what is there ---------------------------------------------------------------------------------------

    def configure(self, **settings: Any) -> None:
        """Write a `.buckia` with the one bucket."""
        self.configure_all({NAME: self.bucket.settings() | settings})

    def configure_all(self, buckets: dict[str, dict[str, Any]]) -> None:
        """Write a `.buckia` with several buckets. JSON is YAML too."""
        (self.directory / ".buckia").write_text(json.dumps(buckets, indent=2), encoding="utf-8")

    def path(self, name: str) -> Path:
        """Return the path of a file of the project."""
        return self.directory / name

    def write(self, name: str, content: Content, *, mtime: float | None = None) -> Path:
        """Write a file; `mtime` in seconds since 1970."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_bytes(content))
        if mtime is not None:
            os.utime(path, (mtime, mtime))
        return path

    def delete(self, name: str) -> None:
        """Delete a file, and nothing else."""
        self.path(name).unlink()

    def empty(self) -> None:
        """Delete all that takes part, directories included."""
        for path in self.directory.iterdir():
            if path.name not in OURS:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def tree(self) -> dict[str, str]:
        """Return all files but the configuration and the state: path to content, as `as_text` gives it.

        Links are there as `-> target`. Temporary files that were left behind are there too.
        """
        found = {}
        for directory, names, files in os.walk(self.directory):
            here = Path(directory)
            names[:] = [name for name in names if here != self.directory or name not in OURS]
            for name in [*files, *(each for each in names if (here / each).is_symlink())]:
                path = here / name
                if here == self.directory and name in OURS:
                    continue
                content = f"-> {path.readlink()}" if path.is_symlink() else as_text(path.read_bytes())
                found[path.relative_to(self.directory).as_posix()] = content
        return found

    def trash(self) -> list[str]:
        """Return the contents of what is in the trash, in order of their texts."""
        paths = [path for path in (self.state_dir / "trash").rglob("*") if path.is_file()]
        return sorted(as_text(path.read_bytes()) for path in paths if path.suffix != ".json")

    def kept(self) -> list[str]:
        """Return all contents that are gone and can be had again: from the trash, or from the bucket's versions."""
        return sorted(self.trash() + self.bucket.kept())

    @property
    def state_dir(self) -> Path:
        """The directory of the state."""
        return self.directory / ".buckia-state"

    @property
    def state_file(self) -> Path:
        """The state database of the one bucket."""
        (path,) = self.state_dir.glob("*.sqlite3")
        return path

    # --- the command -----------------------------------------------------------------------------------------

    def run(self, *arguments: str, **environment: str) -> Ran:
        """Run `buckia` to its end, with more environment variables."""
        return self.start(*arguments, **environment).wait()

    def start(self, *arguments: str, **environment: str) -> Running:
        """Start `buckia`."""
        process = subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.directory,
            env=clean_environment(**{"PYTHONWARNINGS": "error", "PYTHONUTF8": "1"} | environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        return Running(process)

    def sync(self, *arguments: str, **environment: str) -> Ran:
        """Run `buckia sync --json`."""
        return self.run("sync", "--json", *arguments, **environment)

    def nothing_to_do(self, unchanged: int, *arguments: str) -> Ran:
        """Sync once more, and make sure that everything is in step, at the price of listing the bucket."""
        self.bucket.forget_requests()
        ran = self.sync(*arguments)
        assert (ran.code, ran.counts, ran.operations) == (0, {"unchanged": unchanged}, []), ran
        assert set(self.bucket.requests()) <= {"list"}
        return ran
