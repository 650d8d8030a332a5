"""Building the project and the state that Buckia 0.6.0 left, as on the day before the upgrade."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from buckia_core.adapters.directory.stat import fingerprint_from_stat

V0_6_0 = Path(__file__).parent / "v0_6_0"

LONG_AGO = 1_700_000_000
"""When all files were written, in seconds since 1970: long before they were recorded, so their times are believed."""


def build(kind: str, here: Path, **names: str) -> Path:
    """Make what a kind (`folder` or `s3`) of project had, below `here`, and return the project's directory.

    `names` are what stands in for the server: `endpoint`, `bucket`.
    """
    source = V0_6_0 / kind
    words = {"@HERE@": str(here)} | {f"@{name.upper()}@": value for name, value in names.items()}
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if path.is_dir():
            continue
        if relative.parts[0] == "state":
            target = here / "project" / ".buckia-state" / Path(*relative.parts[1:])
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(path, target, words)
        else:
            target = here / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
            os.utime(target, (LONG_AGO, LONG_AGO))
    (here / "project" / ".buckia-state" / ".gitignore").write_text("*\n")
    return here / "project"


def settle(state: Path, local: dict[str, Path], remote: dict[str, Path]) -> None:
    """Enter into a database what this disk says of files, by key, that were in step."""
    with closing(sqlite3.connect(state)) as database, database:
        for key, path in local.items():
            status = path.stat()
            database.execute(
                "UPDATE entries SET mtime_ns = ?, ctime_ns = ?, inode = ? WHERE key = ?",
                (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, key),
            )
        for key, path in remote.items():
            database.execute(
                "UPDATE entries SET fingerprint = ? WHERE key = ?", (fingerprint_from_stat(path.stat()), key)
            )


def _write(path: Path, target: Path, words: dict[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(word, value)
    if path.suffix != ".sql":
        target.write_text(text, encoding="utf-8")
        return
    with closing(sqlite3.connect(target.with_suffix(""))) as database:
        database.executescript(f"PRAGMA journal_mode = WAL; {text}")
