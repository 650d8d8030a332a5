"""Where the state of one bucket is: the database, the lock, the trash, and notes of unfinished transfers."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from buckia_core.adapters.base import BaseSync
from buckia_core.syncing.state_errors import state_error

STATE_DIRECTORY = ".buckia-state"
"""What the state directory of a project is called."""

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class StateFiles(NamedTuple):
    """The files of one bucket's state. They are named by the bucket's identity, whatever a `.buckia` calls it.

    Attributes:
        directory: The state directory.
        bucket: The bucket's name in the configuration, by which Buckia 0.6 named the files.
        identity: The bucket, as its adapter tells it.
        earlier: How earlier versions of the adapter told it.
    """

    directory: Path
    bucket: str
    identity: str
    earlier: tuple[str, ...] = ()

    @classmethod
    def of(cls, directory: Path, bucket: str, adapter: BaseSync) -> StateFiles:
        """Return the files of the bucket that an adapter reaches."""
        return cls(directory, bucket, adapter.identity, tuple(adapter.earlier_identities))

    def is_of(self, identity: str | None) -> bool:
        """Tell whether an identity, of now or earlier, is that of the bucket."""
        return identity == self.identity or identity in self.earlier

    @property
    def stem(self) -> str:
        """What all names begin with: a part to read, and a digest of the identity that tells buckets apart."""
        parts = [part for part in self.identity.split("/") if part and ":" not in part]
        words = _UNFIT.sub("-", "-".join([self.identity.partition(":")[0], *parts[-2:]])).strip("-.")
        return f"{words[:48]}-{hashlib.sha256(self.identity.encode()).hexdigest()[:12]}"

    @property
    def former_stem(self) -> str:
        """What the names began with in Buckia 0.6."""
        return file_name(self.bucket)

    @property
    def database(self) -> Path:
        """The state database."""
        return self.directory / f"{self.stem}.sqlite3"

    @property
    def lock(self) -> Path:
        """The lock of a run."""
        return self.directory / f"{self.stem}.lock"

    @property
    def trash(self) -> Path:
        """The directory of the trash that takes what comes, below the bucket's name: that is where a person looks."""
        return self.directory / "trash" / self.former_stem / self.stem

    @property
    def unfinished(self) -> Path:
        """The directory of notes of unfinished transfers."""
        return self.directory / "unfinished" / self.stem


def trash_directories(state_dir: Path, bucket: str, stems: Sequence[str], former: Iterable[str] = ()) -> list[Path]:
    """Return the directories of a trash, of which the first one takes what comes.

    Args:
        state_dir: The state directory.
        bucket: The bucket's name in the configuration. Other names, under which it was synced before, are found.
        stems: What files of the bucket are called.
        former: What its files were called in Buckia 0.6, whose trash has one level less.
    """
    trash, name = state_dir / "trash", file_name(bucket)
    found = [trash / name / stem for stem in stems]
    found += [path for stem in stems for path in sorted(trash.glob(f"*/{stem}"))]
    found += [trash / stem for stem in (*former, name)]
    return list(dict.fromkeys(found))


def prepare_state_dir(directory: Path) -> None:
    """Make the state directory, which keeps itself out of version control and is for its owner alone.

    Raises:
        StateError: It can't be made or written.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        _narrow(directory)
        ignore = directory / ".gitignore"
        if not (ignore.exists() and ignore.stat().st_size):
            # A disk that is full now may have left an empty one.
            ignore.write_text("*\n", encoding="ascii")
    except FileExistsError as error:
        raise state_error(error, directory) from error
    except OSError as error:
        raise state_error(error, directory) from error


def _narrow(directory: Path) -> None:
    """Take from others what earlier versions let them read. A directory with another name was made by somebody else."""
    if os.name != "posix" or directory.name != STATE_DIRECTORY:
        return
    status = directory.stat()
    if status.st_mode & 0o077 and status.st_uid == os.geteuid():
        directory.chmod(status.st_mode & 0o700)


def file_name(bucket: str) -> str:
    """Return the file name for a bucket's name, whatever the bucket is called."""
    name = quote(bucket, safe=" -+@") or "bucket"
    # `quote` leaves dots alone, and `..` is another directory.
    return name.replace(".", "%2E") if not name.strip(".") else name
