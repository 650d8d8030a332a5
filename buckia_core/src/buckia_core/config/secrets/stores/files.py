"""Store `file:PATH`: a file that contains one secret, and what stores in files have in common."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from buckia_core.config.secrets.secret import Secret
from buckia_core.config.trust.bounded_read import read_text
from buckia_core.config.trust.consent import check_trusted
from buckia_core.config.trust.ownership import file_owner
from buckia_core.errors import ConfigError, MissingCredentials

SECRETS_DIRECTORY = ".buckia-secrets"
"""Default directory of new secrets in files. Names that begin with `.buckia-` are never synced."""

_PRIVATE_DIRECTORY = 0o700

_HARMLESS = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "protocol.allow=never")
"""Options of git with which the configuration of a repository runs no command."""
_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class FileStore:
    """Store of files with mode 0600, each with one secret; relative to `base_dir`."""

    base_dir: Path

    def read(self, name: str) -> str:
        """See `SecretStore`. One line break at the end of the file is not part of the secret."""
        reference = f"file:{name}"
        path = path_of(name, self.base_dir, reference)
        text = read_trusted(path, self.base_dir, reference).removesuffix("\n").removesuffix("\r")
        if not text:
            raise MissingCredentials(f"{reference!r}: {path} is empty")
        return text

    def write(self, name: str, secret: Secret) -> None:
        """See `WritableSecretStore`."""
        reference = f"file:{name}"
        path = path_of(name, self.base_dir, reference)
        with changing(path, reference):
            # A line break at the end is not read, so it is added to a secret that has one itself.
            text = secret.reveal()
            write_private(path, (text + "\n" if text.endswith(("\n", "\r")) else text).encode())

    def delete(self, name: str) -> bool:
        """See `WritableSecretStore`."""
        reference = f"file:{name}"
        path = path_of(name, self.base_dir, reference)
        if not path.parent.is_dir():
            return False
        with changing(path, reference, is_deletion=True):
            return remove_file(path, reference)

    def new_name(self, place: str, bucket: str, setting: str) -> str:
        """See `WritableSecretStore`. The place is a directory."""
        return f"{place.rstrip('/') or SECRETS_DIRECTORY}/{plain_name(bucket)}.{plain_name(setting)}"


def plain_name(text: str) -> str:
    """Return a name that needs no quotes in a path, an `.env` file or a reference.

    Names that differ only in unfit characters stay different: a digest is added to a name that has any.
    """
    fit = _UNFIT.sub("-", text)
    if fit == text:
        return text
    import hashlib  # noqa: PLC0415  # few names need it

    return f"{fit.strip('-') or 'bucket'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def path_of(name: str, base_dir: Path, reference: str) -> Path:
    """Return the path that a reference names.

    Raises:
        ConfigError: It is no path, or names the home directory of an unknown user.
    """
    try:
        path = base_dir / Path(name).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{reference!r}: there is no such home directory") from error
    if not name or "\x00" in name:
        raise ConfigError(f"{reference!r} names no file")
    return path


def read_trusted(path: Path, base_dir: Path, reference: str) -> str:
    """Read a text file that only this user, root and the owner of the configuration can write.

    Raises:
        MissingCredentials: The file can't be read.
        ConfigError: Other users can write it, or it is not text.
    """
    with reading_trusted(path, base_dir, reference):
        return read_text(path)


@contextmanager
def reading_trusted(path: Path, base_dir: Path, reference: str) -> Iterator[None]:
    """Check a file as `read_trusted` does before a block that reads it, and translate the errors of the block."""
    try:
        check_trusted(path, extra_owners=(file_owner(str(base_dir)),))
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        location, reason = error.filename or path, error.strerror or type(error).__name__
        raise MissingCredentials(f"{reference!r}: {location} can't be read: {reason}") from error
    except ConfigError as error:
        raise ConfigError(f"{reference!r}: {error}") from error


@contextmanager
def changing(path: Path, reference: str, *, is_deletion: bool = False, is_plain: bool = True) -> Iterator[None]:
    """Hold the lock of a file while a block changes it. Directories that are missing are created with mode 0700.

    Args:
        path: The file.
        reference: The reference, for messages.
        is_deletion: Whether the block removes a secret, which needs no directory and may be done in a tracked file.
        is_plain: Whether the file holds the secret unencrypted, so that it must not be tracked by git.

    Raises:
        ConfigError: git tracks the file; or the file can't be changed, or other users can write it.
    """
    from buckia_core.localfs.file_lock import lock_beside  # noqa: PLC0415  # only needed to write

    try:
        if not is_deletion:
            _make_directory(path.parent)
            if is_plain:
                _check_untracked(path, reference)
        with lock_beside(path):
            if path.exists():
                check_trusted(path)
            yield
    except (MissingCredentials, FileNotFoundError):
        raise
    except ConfigError as error:
        message = str(error)
        raise ConfigError(message if message.startswith(f"{reference!r}") else f"{reference!r}: {message}") from error
    except OSError as error:
        raise ConfigError(
            f"{reference!r}: {error.filename or path} can't be changed: {error.strerror or type(error).__name__}"
        ) from error


def write_private(path: Path, data: bytes) -> None:
    """Write a file atomically, with mode 0600 whatever its mode was."""
    from buckia_core.localfs.replace import replace_file  # noqa: PLC0415  # only needed to write

    replace_file(path, data)


def remove_file(path: Path, reference: str) -> bool:
    """Delete a file that holds a secret; return whether there was one.

    Raises:
        ConfigError: It is a symbolic link: without it, the secret would still be there.
    """
    if path.is_symlink():
        raise ConfigError(
            f"{reference!r}: {path} is a symbolic link to {os.path.realpath(path)}, which has the secret; delete both "
            "by hand"
        )
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def is_tracked(path: Path) -> bool:
    """Tell whether git tracks a file. False without git, and outside of a repository.

    Raises:
        ConfigError: git can't tell, such as in a repository of another user.
    """
    import shutil  # noqa: PLC0415  # only needed to write
    import subprocess  # noqa: PLC0415  # as above

    if not any((directory / ".git").exists() for directory in Path(os.path.abspath(path)).parents):
        return False
    git = shutil.which("git")
    # A relative one is of the current directory, which may be a checkout of others.
    if git is None or not os.path.isabs(git):
        return False
    try:
        done = subprocess.run(  # noqa: S603  # the command is found above, and no shell sees the name
            [git, *_HARMLESS, "--literal-pathspecs", "ls-files", "--error-unmatch", "--", path.name],
            cwd=path.parent,
            env=os.environ | {"LC_ALL": "C", "GIT_NO_LAZY_FETCH": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"git does not tell whether it tracks {path}: {type(error).__name__}") from error
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode in (0, 1) or "not a git repository (or any" in said:
        return done.returncode == 0
    raise ConfigError(
        f"git does not tell whether it tracks {path}, so the secret might be committed; choose a place outside of the "
        f"repository, or mend this: {said.partition(chr(10))[0]}"
    )


def _check_untracked(path: Path, reference: str) -> None:
    if is_tracked(path) or (path.is_symlink() and is_tracked(Path(os.path.realpath(path)))):
        raise ConfigError(
            f"{reference!r}: git tracks {path}, so the secret would be committed; "
            f"name another file, or run: git rm --cached {path.name}"
        )


def _make_directory(directory: Path) -> None:
    for each in reversed([each for each in (directory, *directory.parents) if not each.is_dir()]):
        each.mkdir(mode=_PRIVATE_DIRECTORY, exist_ok=True)
        if each.name == SECRETS_DIRECTORY:
            (each / ".gitignore").write_text("# Written by Buckia.\n*\n", encoding="utf-8")
