"""Paths of the state of a bucket: database, lock, trash, and records of unfinished transfers."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.config.trust.ownership import file_owner, untrusted_reason
from buckia_core.errors import StateDenied, StateError
from buckia_core.localfs.create_directories import make_directories, make_private_directory
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import write_all
from buckia_core.localfs.opening import FILE_NOFOLLOW_FLAGS, PathBlocked, is_link
from buckia_core.syncing.state.errors import state_error

STATE_DIRECTORY = ".buckia-state"
"""Name of the state directory of a project."""

_SEPARATORS = re.compile(r"[/\\\\:\x00]")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class StateFiles(NamedTuple):
    """Paths of the state of one bucket, named by the bucket's identity.

    Attributes:
        directory: The state directory.
        bucket: The bucket's name in the configuration, by which Buckia 0.6 named the files.
        identity: The identity that the adapter reports.
        earlier_identities: Identities that earlier versions of the adapter reported.
    """

    directory: Path
    bucket: str
    identity: str
    earlier_identities: tuple[str, ...] = ()

    @classmethod
    def for_adapter(cls, directory: Path, bucket: str, adapter: BaseSync) -> StateFiles:
        """Return the paths for the bucket of an adapter."""
        return cls(directory, bucket, adapter.identity, tuple(adapter.earlier_identities))

    def matches(self, identity: str | None) -> bool:
        """Tell whether an identity is a current or earlier one of the bucket."""
        return identity == self.identity or identity in self.earlier_identities

    @property
    def stem(self) -> str:
        """Stem of all file names: a readable part, and a digest of the identity."""
        parts = [part for part in self.identity.split("/") if part and ":" not in part]
        readable = _UNFIT.sub("-", "-".join([self.identity.partition(":")[0], *parts[-2:]])).strip("-.")
        return f"{readable[:48]}-{hashlib.sha256(self.identity.encode()).hexdigest()[:12]}"

    @property
    def legacy_stem(self) -> str:
        """Stem of the file names in Buckia 0.6."""
        return state_file_name(self.bucket)

    @property
    def database(self) -> Path:
        """The state database."""
        return self.directory / f"{self.stem}.sqlite3"

    @property
    def lock(self) -> Path:
        """The lock of a run."""
        return self.directory / f"{self.stem}.lock"

    @property
    def reset(self) -> Path:
        """The record of the last reset of an app's data."""
        return self.directory / f"{self.stem}.reset.json"

    @property
    def trash(self) -> Path:
        """The directory that the trash adds files to, below the bucket's name, where users look for it."""
        return self.directory / "trash" / self.legacy_stem / self.stem

    @property
    def unfinished(self) -> Path:
        """The directory of the records of unfinished transfers."""
        return self.directory / "unfinished" / self.stem


def trash_directories(state_dir: Path, bucket: str, stems: Sequence[str], legacy: Iterable[str] = ()) -> list[Path]:
    """Return the directories of a trash. New files go to the first one.

    Args:
        state_dir: The state directory.
        bucket: The bucket's name in the configuration. Directories of earlier names are found by their stems.
        stems: Stems of the state files of the bucket.
        legacy: Stems of its files in Buckia 0.6, whose trash has one level less.
    """
    trash, name = state_dir / "trash", state_file_name(bucket)
    stems, legacy = safe_file_names(stems), safe_file_names(legacy)
    found = [trash / name / stem for stem in stems]
    found += [path / stem for stem in stems for path in sorted(trash.glob("*/")) if (path / stem).exists()]
    found += [trash / stem for stem in (*legacy, name)]
    return list(dict.fromkeys(found))


def safe_file_names(stems: Iterable[object]) -> list[str]:
    """Return the names, read from a state, that are file names without a path: others could point anywhere."""
    return [stem for stem in stems if isinstance(stem, str) and stem.strip(".") and not _SEPARATORS.search(stem)]


def check_state_dir(directory: Path) -> None:
    """Check that a state directory can be trusted: only the user, or an owner the user trusts, can write to it.

    The state decides which files count as deleted. A missing directory passes. A directory with another name than
    `STATE_DIRECTORY` was chosen by the caller, so it may be a symbolic link.

    Raises:
        StateError: It can't be trusted; the message says what to do.
        ConfigError: The user's configuration is invalid.
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
    from buckia_core.config.file import FILE_NAME, find_in  # noqa: PLC0415  # only a problem needs it
    from buckia_core.config.trust.consent import is_trusted  # noqa: PLC0415  # as above

    owner, beside = file_owner(str(directory)), find_in(directory.parent) or directory.parent / FILE_NAME
    has_same_owner = file_owner(str(beside)) == owner
    # Trust in the configuration includes trust in the state beside it.
    if is_trusted(directory) or (has_same_owner and is_trusted(beside)):
        return
    import shlex  # noqa: PLC0415  # as above

    consent = (
        f"buckia trust {shlex.quote(str(beside))}" if has_same_owner else "name the directory in BUCKIA_TRUSTED_PATHS"
    )
    cure = f"remove that permission: chmod o-w {shlex.quote(str(directory))}" if "written" in problem else ""
    raise StateDenied(
        f"{directory}: it {problem}, so Buckia does not use it: a state decides which files count as deleted. "
        f"Remove it, and the next sync compares both sides again{', or ' * bool(cure)}{cure}. "
        f"To trust it as it is: {consent}"
    )


def prepare_state_dir(directory: Path) -> None:
    """Create the state directory, private to its owner, with a `.gitignore` that ignores it.

    Raises:
        StateError: It can't be created, written or trusted.
        ConfigError: As `check_state_dir`.
    """
    try:
        make_directories(directory.parent)
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        check_state_dir(directory)
        # Restricts permissions only of a directory with the usual name; earlier versions created it readable for all.
        is_usual = directory.name == STATE_DIRECTORY
        with Tree(str(directory.parent if is_usual else directory)) as tree:
            if is_usual:
                make_private_directory(tree.root, directory.name)
            _write_gitignore(tree.open_directory(directory.name) if is_usual else tree.root)
    except PathBlocked as error:
        raise state_error(OSError(errno.ELOOP if error.is_link else errno.EEXIST, ""), directory) from error
    except OSError as error:
        raise state_error(error, Path(error.filename or directory)) from error


def _write_gitignore(directory: Directory) -> None:
    name = ".gitignore"
    with suppress(FileNotFoundError):
        status = directory.stat(name)
        if is_link(status):
            raise OSError(errno.ELOOP, "", directory.join(name))
        # A full disk may have left an empty file.
        if status.st_size:
            return
    descriptor = directory.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | FILE_NOFOLLOW_FLAGS, 0o666)
    try:
        write_all(descriptor, b"*\n")
    finally:
        os.close(descriptor)


def state_file_name(bucket: str) -> str:
    """Return a safe file name for the name of a bucket."""
    name = quote(bucket, safe=" -+@") or "bucket"
    # `quote` does not escape dots, and `..` is the parent directory.
    return name.replace(".", "%2E") if not name.strip(".") else name
