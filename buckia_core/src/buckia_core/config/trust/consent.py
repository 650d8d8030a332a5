"""Which files of others may configure Buckia, and which code a configuration may run: what `buckia trust` keeps."""

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
"""The environment variable with files and directories whose content is trusted, separated as in `PATH`."""


class TrustedFile(NamedTuple):
    """A file that the user trusts.

    Attributes:
        path: The file, absolute and without links.
        owner: Id of the user to whom it belonged when it was trusted; `None` where that is not known. It is trusted
            as long as it belongs to him.
        code: The values of its settings that may run code, such as `module:function`.
    """

    path: str
    owner: int | None
    code: tuple[str, ...] = ()

    @property
    def owner_name(self) -> str:
        """The owner as messages call him."""
        return "an unknown user" if self.owner is None else user_name(self.owner)


def trusted_files() -> list[TrustedFile]:
    """Return what the user trusts, in order of the paths.

    Raises:
        ConfigError: The user's configuration can't be used.
        OSError: The system does not let it be read.
    """
    found = []
    for path, each in sorted(user_config.read(FILE_NAME).items()):
        entry = each if isinstance(each, dict) else {}
        owner, code = entry.get("owner"), entry.get("code")
        uid = int(owner) if isinstance(owner, str) and owner.isdecimal() else None
        found.append(TrustedFile(path, uid, tuple(map(str, code)) if isinstance(code, list) else ()))
    return found


def trust(path: Path, code: Sequence[str] = ()) -> TrustedFile:
    """Trust a file as it belongs now, and the code that it names; what was trusted of it before is replaced.

    Raises:
        ConfigError: The user's configuration can't be used.
        OSError: It can't be written.
    """
    added = TrustedFile(_real_path(path), file_owner(str(path)), tuple(code))
    _write([each for each in trusted_files() if each.path != added.path] + [added])
    return added


def revoke(path: Path) -> bool:
    """Take back the trust in a file, which need not exist; false if there was none.

    Raises:
        ConfigError: The user's configuration can't be used.
        OSError: It can't be written.
    """
    known = trusted_files()
    kept = [each for each in known if each.path not in (_real_path(path), os.path.abspath(path))]
    if len(kept) < len(known):
        _write(kept)
    return len(kept) < len(known)


def check_file(path: Path, *, extra_owners: Collection[int | None] = (), check_directory: bool = False) -> None:
    """See whether a file that was found, and not named by the user, may configure Buckia.

    Args:
        path: The file.
        extra_owners: Ids of users, besides this one and root, to whom it may belong.
        check_directory: Whether the directory that holds it counts, too.

    Raises:
        ConfigError: Others than this user and root can write it, and the user does not trust it. Says what to do.
        OSError: It can't be looked at.
    """
    problem = untrusted_reason(
        str(path), extra_owners=[each for each in extra_owners if each is not None], check_directory=check_directory
    )
    if problem is None or is_trusted(path):
        return
    shown = _shell_quote(str(path))
    cure = f"Take that from them with: chmod o-w {shown}. " if "can be written" in problem else ""
    if "directory" in problem:
        cure = f"Take that from them with: chmod o-w {_shell_quote(str(path.parent))}. "
    raise ConfigError(
        f"{problem}, so it is not obeyed: a configuration says where your files go. "
        f"{cure}If you trust it as it is: buckia trust {shown}",
        source=str(path),
    )


def is_trusted(path: Path) -> bool:
    """Tell whether the user trusts a file, whoever can write it.

    Raises:
        ConfigError: The user's configuration can't be used.
        OSError: The system does not let it be read.
    """
    if _is_trusted_by_variable(path):
        return True
    real = _real_path(path)
    return any(each.path == real and each.owner == file_owner(real) for each in trusted_files())


def check_code(path: str, name: str, value: str, *, source: str | None) -> None:
    """See whether the user has agreed that a setting of a file runs code.

    Args:
        path: The file.
        name: The setting.
        value: What it names.
        source: Where the setting stands, for the message.

    Raises:
        InvalidSetting: He has not. Says what to do.
        ConfigError: The user's configuration can't be used.
        OSError: The system does not let it be read.
    """
    if _is_trusted_by_variable(Path(path)):
        return
    real = _real_path(Path(path))
    if any(each.path == real and value in each.code and each.owner == file_owner(real) for each in trusted_files()):
        return
    raise InvalidSetting(
        f"setting {name!r} runs code, {value!r}, which you have not agreed to. Look at that code, then: "
        f"buckia trust {_shell_quote(path)}",
        source=source,
    )


def _is_trusted_by_variable(path: Path) -> bool:
    real = _real_path(path)
    given = os.environ.get(TRUSTED_PATHS, "").split(os.pathsep)
    places = [os.path.realpath(each) for each in given if os.path.isabs(each)]
    return any(real == place or real.startswith(place.rstrip(os.sep) + os.sep) for place in places)


def _shell_quote(path: str) -> str:
    import shlex  # noqa: PLC0415  # only messages need it

    return shlex.quote(path)


def _real_path(path: Path) -> str:
    return os.path.realpath(path)


def _write(files: Sequence[TrustedFile]) -> None:
    content: dict[str, object] = {}
    for each in sorted(files, key=lambda each: each.path):
        owner = {} if each.owner is None else {"owner": str(each.owner)}
        content[each.path] = owner | ({"code": list(each.code)} if each.code else {})
    user_config.write(FILE_NAME, content, comment="Files that `buckia trust` was given. Written by Buckia.")
