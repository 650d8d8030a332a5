"""Store: blobs and their index on the disk. Does not use Buckia."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

_SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    bucket TEXT, key TEXT, size INTEGER, sha256 TEXT, modified_ns INTEGER, mtime_ns INTEGER,
    content_type TEXT, metadata TEXT, PRIMARY KEY (bucket, key)
) WITHOUT ROWID
"""


class Row(NamedTuple):
    bucket: str
    key: str
    size: int
    sha256: str
    modified_ns: int
    mtime_ns: int | None
    content_type: str
    metadata: str


class Store:
    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs"
        self._index = root / "index.sqlite"

    def create(self) -> None:
        self._blobs.mkdir(parents=True, exist_ok=True)
        with self.transaction() as index:
            index.execute(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """An exclusive transaction; other threads and processes wait."""
        with closing(sqlite3.connect(self._index, timeout=30, isolation_level=None)) as index:
            index.execute("BEGIN IMMEDIATE")
            try:
                yield index
            except BaseException:
                index.execute("ROLLBACK")
                raise
            index.execute("COMMIT")

    def page(self, bucket: str, after: str, *, inclusive: bool, size: int) -> list[Row]:
        """The next rows in order of keys. SQLite compares text by its UTF-8 bytes, as Buckia does."""
        order = f"key {'>=' if inclusive else '>'} ? ORDER BY key LIMIT ?"
        with closing(sqlite3.connect(self._index, timeout=30)) as index:
            rows = index.execute(f"SELECT * FROM object WHERE bucket = ? AND {order}", (bucket, after, size))
            return [Row(*row) for row in rows]

    def find(self, bucket: str, key: str) -> Row | None:
        with closing(sqlite3.connect(self._index, timeout=30)) as index:
            return find(index, bucket, key)

    def write_temp(self, chunks: Iterator[bytes]) -> tuple[Path, int, str]:
        """Write content to a temporary file; return the file, its size and its digest."""
        digest, size = hashlib.sha256(), 0
        descriptor, name = tempfile.mkstemp(dir=self._blobs)
        try:
            with open(descriptor, "wb") as file:
                for chunk in chunks:
                    digest.update(chunk)
                    size += file.write(chunk)
                file.flush()
                os.fsync(descriptor)
        except BaseException:
            os.unlink(name)
            raise
        return Path(name), size, digest.hexdigest()

    def commit_blob(self, received: Path, sha256: str) -> None:
        """Rename a temporary file to its blob. Call it in the transaction that writes the row."""
        self.blob_path(sha256).parent.mkdir(exist_ok=True)
        os.replace(received, self.blob_path(sha256))

    def delete_unreferenced(self, sha256: str) -> None:
        """Delete a blob if no row references it. Call it after the transaction that removed the row."""
        with self.transaction() as index:
            if not index.execute("SELECT 1 FROM object WHERE sha256 = ?", (sha256,)).fetchone():
                self.blob_path(sha256).unlink(missing_ok=True)

    def blob_path(self, sha256: str) -> Path:
        return self._blobs / sha256[:2] / sha256[2:]


def find(index: sqlite3.Connection, bucket: str, key: str) -> Row | None:
    row = index.execute("SELECT * FROM object WHERE bucket = ? AND key = ?", (bucket, key)).fetchone()
    return Row(*row) if row else None


def write(index: sqlite3.Connection, row: Row) -> None:
    index.execute(f"INSERT OR REPLACE INTO object VALUES ({', '.join('?' * len(row))})", row)


def delete(index: sqlite3.Connection, bucket: str, key: str) -> None:
    index.execute("DELETE FROM object WHERE bucket = ? AND key = ?", (bucket, key))
