"""Where the state of one bucket is: the database, the lock, the trash, and notes of unfinished transfers."""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.config.trust.ownership import file_owner, untrusted_reason
from buckia_core.errors import StateDenied, StateError
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import make_private, write_all
from buckia_core.localfs.opening import NO_LINK, InTheWay, is_link
from buckia_core.syncing.state.errors import state_error

STATE_DIRECTORY = ".buckia-state"
"""What the state directory of a project is called."""

_SEPARATORS = re.compile(r"[/\\\\:\x00]")
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
    stems, former = filter_names(stems), filter_names(former)
    found = [trash / name / stem for stem in stems]
    found += [path for stem in stems for path in sorted(trash.glob(f"*/{glob.escape(stem)}"))]
    found += [trash / stem for stem in (*former, name)]
    return list(dict.fromkeys(found))


def filter_names(stems: Iterable[object]) -> list[str]:
    """Return those of the names, which a state tells, that are names of one file: others could lead anywhere."""
    return [stem for stem in stems if isinstance(stem, str) and stem.strip(".") and not _SEPARATORS.search(stem)]


def check_state_dir(directory: Path) -> None:
    """See whether a state directory may be believed: nobody else can have prepared it, or the user trusts who did.

    A state decides which files count as deleted. One that is not there is no problem. A directory with another name
    than the usual one was chosen by the caller, who may mean a link.

    Raises:
        StateError: It may not. Says what to do.
        ConfigError: The user's configuration can't be used.
    """
    try:
        status = os.lstat(directory)
        if is_link(status) and directory.name == STATE_DIRECTORY:
            raise StateError(
                f"{directory}: it is a symbolic link, which Buckia does not follow here; remove it. What it leads to "
                "stays as it is"
            )
        problem = untrusted_reason(str(directory))
    except FileNotFoundError:
        return
    except OSError as error:
        raise state_error(error, directory) from error
    if problem is not None:
        _refuse_untrusted(directory, problem)


def _refuse_untrusted(directory: Path, problem: str) -> None:
    from buckia_core.config.trust.consent import is_trusted  # noqa: PLC0415  # only a problem needs it

    owner, beside = file_owner(str(directory)), directory.parent / ".buckia"
    is_his = file_owner(str(beside)) == owner
    # Whoever is trusted to say where files go is trusted to say what became of them.
    if is_trusted(directory) or (is_his and is_trusted(beside)):
        return
    way = f"buckia trust {shlex.quote(str(beside))}" if is_his else "name the directory in BUCKIA_TRUSTED_PATHS"
    cure = f"take that from them: chmod o-w {shlex.quote(str(directory))}" if "written" in problem else ""
    raise StateDenied(
        f"{directory}: it {problem}, so it is not used: a state decides which files count as deleted. "
        f"Remove it, and the next sync begins anew{', or ' * bool(cure)}{cure}. If you trust it as it is: {way}"
    )


def prepare_state_dir(directory: Path) -> None:
    """Make the state directory, which keeps itself out of version control and is for its owner alone.

    Raises:
        StateError: It can't be made or written, or may not be believed.
        ConfigError: As `check_state_dir`.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        check_state_dir(directory)
        # Only a directory with the usual name is ours: earlier versions let others read it.
        is_usual = directory.name == STATE_DIRECTORY
        with Tree(str(directory.parent if is_usual else directory)) as tree:
            if is_usual:
                make_private(tree.root, directory.name)
            _ignore_itself(tree.directory(directory.name) if is_usual else tree.root)
    except InTheWay as error:
        raise state_error(OSError(errno.ELOOP if error.is_link else errno.EEXIST, ""), directory) from error
    except OSError as error:
        raise state_error(error, Path(error.filename or directory)) from error


def _ignore_itself(directory: Directory) -> None:
    name = ".gitignore"
    with suppress(FileNotFoundError):
        status = directory.status(name)
        if is_link(status):
            raise OSError(errno.ELOOP, "", directory.join(name))
        # A disk that is full now may have left an empty one.
        if status.st_size:
            return
    descriptor = directory.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | NO_LINK, 0o666)
    try:
        write_all(descriptor, b"*\n")
    finally:
        os.close(descriptor)


def file_name(bucket: str) -> str:
    """Return the file name for a bucket's name, whatever the bucket is called."""
    name = quote(bucket, safe=" -+@") or "bucket"
    # `quote` leaves dots alone, and `..` is another directory.
    return name.replace(".", "%2E") if not name.strip(".") else name
