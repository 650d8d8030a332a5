"""Reader of `rclone.conf`: the remotes of rclone, for adapters that take them over."""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from buckia_core.config.trust.bounded_read import decode_text, read_bytes
from buckia_core.errors import ConfigError

CONFIG_VARIABLE = "RCLONE_CONFIG"

_ENCRYPTED = "RCLONE_ENCRYPT_V"
_OPTION = re.compile(r"[a-z][a-z0-9_]*")
"""Other names may be parts of a secret in a damaged file, and names are shown."""


@dataclass(frozen=True, slots=True)
class RcloneRemote:
    """A remote of rclone.

    Attributes:
        name: Its name.
        type: Its backend, such as `s3`.
        options: Its other options as written. They may be secrets, so they are not in the `repr`. Options without a
            value are left out.
    """

    name: str
    type: str
    options: dict[str, str] = field(repr=False)

    def is_on(self, option: str) -> bool:
        """Tell whether a boolean option is set to true."""
        return self.options.get(option, "").lower() in ("1", "t", "true")


def read_rclone_remotes() -> list[RcloneRemote]:
    """Return the remotes of the user, in the order of the file; none if rclone is not set up.

    Raises:
        ConfigError: The file is encrypted, malformed, or can't be read.
    """
    path = next((each for each in _places() if each.is_file()), None)
    if path is None:
        return []
    try:
        text = decode_text(read_bytes(path), str(path))
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", source=str(path)) from error
    if any(line.startswith(_ENCRYPTED) for line in text.splitlines()):
        raise ConfigError(
            "is encrypted with a password, which Buckia does not ask for. Copy the remote into a file of its own: "
            "`(umask 077; rclone config show REMOTE > ~/remote.conf)`, name that file in RCLONE_CONFIG, and delete it "
            "afterwards",
            source=str(path),
        )
    parser = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=("#", ";"), strict=False, allow_no_value=True, default_section="\n"
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        # The parser's message may quote a line, which may be a secret.
        line = getattr(error, "lineno", None) or next((at for at, _ in getattr(error, "errors", ())), None)
        problem = "is not a configuration of rclone" + (f" (line {line})" if line else "")
    else:
        return [_remote(name, dict(parser[name])) for name in parser.sections()]
    raise ConfigError(problem, source=str(path))


def _remote(name: str, options: dict[str, str | None]) -> RcloneRemote:
    given = {key: value for key, value in options.items() if value and _OPTION.fullmatch(key)}
    return RcloneRemote(name, given.pop("type", ""), given)


def _places() -> Iterator[Path]:
    """Yield the places where rclone looks, in its order. An explicit one is the only one."""
    if given := os.environ.get(CONFIG_VARIABLE):
        yield Path(os.path.expanduser(given))
        return
    if sys.platform == "win32" and (roaming := os.environ.get("APPDATA")):
        yield Path(roaming, "rclone", "rclone.conf")
    if xdg := os.environ.get("XDG_CONFIG_HOME"):
        yield Path(xdg, "rclone", "rclone.conf")
    yield Path(os.path.expanduser("~"), ".config", "rclone", "rclone.conf")
    yield Path(os.path.expanduser("~"), ".rclone.conf")
