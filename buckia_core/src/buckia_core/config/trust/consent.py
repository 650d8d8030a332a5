"""Consent of the user, kept by `buckia trust`: trusted files of other users, and code that a file may run."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from buckia_core.config.trust import user_config
from buckia_core.config.trust.ownership import file_owner, untrusted_reason, user_name
from buckia_core.errors import ConfigError, InvalidSetting

FILE_NAME = "trust.yaml"

TRUSTED_PATHS = "BUCKIA_TRUSTED_PATHS"
"""Environment variable with trusted files and directories, separated as in `PATH`."""


class TrustedFile(NamedTuple):
    """File that the user trusts.

    Attributes:
        path: Absolute path without symbolic links.
        owner: User id of the owner at the time of consent; `None` if unknown. Trust ends when the owner changes.
        code: Values of settings that may run code, such as `module:function`.
    """

    path: str
    owner: int | None
    code: tuple[str, ...] = ()

    @property
    def owner_name(self) -> str:
        """Owner for messages."""
        return "an unknown user" if self.owner is None else user_name(self.owner)


def trusted_files() -> list[TrustedFile]:
    """Return the files that the user trusts, sorted by path.

    Raises:
        ConfigError: The user's configuration is invalid.
        OSError: The user's configuration can't be read.
    """
    found = []
    for path, each in sorted(user_config.read(FILE_NAME).items()):
        entry = each if isinstance(each, dict) else {}
        owner, code = entry.get("owner"), entry.get("code")
        uid = int(owner) if isinstance(owner, str) and owner.isdecimal() else None
        found.append(TrustedFile(path, uid, tuple(map(str, code)) if isinstance(code, list) else ()))
    return found


def trust_file(path: Path, code: Sequence[str] = ()) -> TrustedFile:
    """Trust a file with its current owner, and the given code; replaces an earlier entry.

    Raises:
        ConfigError: The user's configuration is invalid.
        OSError: The user's configuration can't be written.
    """
    added = TrustedFile(os.path.realpath(path), file_owner(str(path)), tuple(code))
    _write([each for each in trusted_files() if each.path != added.path] + [added])
    return added


def revoke_trust(path: Path) -> bool:
    """Remove a file, which need not exist, from the trusted files; return whether it was one.

    Raises:
        ConfigError: The user's configuration is invalid.
        OSError: The user's configuration can't be written.
    """
    known = trusted_files()
    kept = [each for each in known if each.path not in (os.path.realpath(path), os.path.abspath(path))]
    if len(kept) < len(known):
        _write(kept)
    return len(kept) < len(known)


def check_trusted(path: Path, *, extra_owners: Collection[int | None] = (), check_directory: bool = False) -> None:
    """Check that a file that the user did not name explicitly may configure Buckia.

    Args:
        path: The file.
        extra_owners: User ids that may own the file, besides this user and root.
        check_directory: Whether to check the mode of the parent directory, too.

    Raises:
        ConfigError: Users other than this one and root can write the file, and it is not trusted. Says what to do.
        OSError: The file can't be accessed.
    """
    problem = untrusted_reason(
        str(path), extra_owners=[each for each in extra_owners if each is not None], check_directory=check_directory
    )
    if problem is None or is_trusted(path):
        return
    quoted = _shell_quote(str(path))
    cure = f"To remove that permission: chmod o-w {quoted}. " if "can be written" in problem else ""
    if "directory" in problem:
        cure = f"To remove that permission: chmod o-w {_shell_quote(str(path.parent))}. "
    raise ConfigError(
        f"{problem}, so Buckia does not use it: a configuration decides where your files go. "
        f"{cure}To trust it as it is: buckia trust {quoted}",
        source=str(path),
    )


def is_trusted(path: Path) -> bool:
    """Tell whether the user trusts a file.

    Raises:
        ConfigError: The user's configuration is invalid.
        OSError: The user's configuration can't be read.
    """
    if _is_trusted_by_variable(path):
        return True
    real = os.path.realpath(path)
    return any(each.path == real and each.owner == file_owner(real) for each in trusted_files())


def check_code_trusted(path: str, name: str, value: str, *, source: str | None) -> None:
    """Check that the user agreed that a setting of a file runs code.

    Args:
        path: The file.
        name: The setting.
        value: The code that it names.
        source: Location of the setting, for the message.

    Raises:
        InvalidSetting: The user did not agree. Says what to do.
        ConfigError: The user's configuration is invalid.
        OSError: The user's configuration can't be read.
    """
    if _is_trusted_by_variable(Path(path)):
        return
    real = os.path.realpath(Path(path))
    if any(each.path == real and value in each.code and each.owner == file_owner(real) for each in trusted_files()):
        return
    raise InvalidSetting(
        f"setting {name!r} runs code, {value!r}, which you have not agreed to. Look at that code, then: "
        f"buckia trust {_shell_quote(path)}",
        source=source,
    )


def _is_trusted_by_variable(file: Path) -> bool:
    real = os.path.realpath(file)
    given = os.environ.get(TRUSTED_PATHS, "").split(os.pathsep)
    trusted = [os.path.realpath(each) for each in given if os.path.isabs(each)]
    return any(real == path or real.startswith(path.rstrip(os.sep) + os.sep) for path in trusted)


def _shell_quote(path: str) -> str:
    import shlex  # noqa: PLC0415  # only messages need it

    return shlex.quote(path)


def _write(files: Sequence[TrustedFile]) -> None:
    content: dict[str, object] = {}
    for each in sorted(files, key=lambda each: each.path):
        owner = {} if each.owner is None else {"owner": str(each.owner)}
        content[each.path] = owner | ({"code": list(each.code)} if each.code else {})
    user_config.write(FILE_NAME, content, comment="Files that `buckia trust` was given. Written by Buckia.")
