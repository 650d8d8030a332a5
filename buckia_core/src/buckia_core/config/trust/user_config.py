r"""Configuration of the user: YAML files in the directory `buckia` of the platform's configuration directory.

    Linux     ~/.config/buckia         (or below $XDG_CONFIG_HOME)
    macOS     ~/Library/Application Support/buckia
    Windows   %LOCALAPPDATA%\buckia

`BUCKIA_CONFIG_DIR` names another directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from buckia_core.config.trust.bounded_read import read_text
from buckia_core.config.trust.ownership import untrusted_reason
from buckia_core.errors import ConfigError

DIRECTORY_VARIABLE = "BUCKIA_CONFIG_DIR"
"""Environment variable that names the directory."""


def directory() -> Path:
    """Return the configuration directory, which need not exist."""
    if given := os.environ.get(DIRECTORY_VARIABLE):
        return Path(os.path.abspath(given))
    import platformdirs  # noqa: PLC0415  # most runs do not need it

    return platformdirs.user_config_path("buckia", appauthor=False)


def read_trusted_text(name: str) -> str | None:
    """Read a file of the directory as text; `None` if it does not exist.

    Raises:
        ConfigError: The file is not text, or users other than this one and root can write it.
        OSError: The file can't be read.
    """
    path = directory() / name
    try:
        problem = untrusted_reason(str(path))
        text = read_text(path) if problem is None else ""
    except FileNotFoundError:
        return None
    except (IsADirectoryError, NotADirectoryError) as error:
        raise ConfigError(f"can't be read: {error.strerror}", source=str(path)) from error
    if problem is not None:
        raise ConfigError(f"{problem}, so it can't be your configuration; remove it", source=str(path))
    return text


def read(name: str) -> dict[str, Any]:
    """Read a YAML file of the directory; empty if it does not exist. All scalars are strings.

    Raises:
        ConfigError: The file is not a YAML mapping, or users other than this one and root can write it.
        OSError: The file can't be read.
    """
    text = read_trusted_text(name)
    if text is None:
        return {}
    from buckia_core.config.yaml_reader import parse_yaml  # noqa: PLC0415  # imports the YAML library

    path = directory() / name
    content = parse_yaml(text, str(path)).value
    if not isinstance(content, dict | None):
        raise ConfigError("must hold names and values", source=str(path))
    return content or {}


def write(name: str, content: Mapping[str, object], *, comment: str) -> Path:
    """Write a file of the directory atomically, readable for this user only, and return its path.

    Raises:
        OSError: The file can't be written.
    """
    import yaml  # noqa: PLC0415  # few runs write

    from buckia_core.localfs.replace import replace_file  # noqa: PLC0415  # as above

    path = directory() / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    body = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=100_000) if content else ""
    replace_file(path, f"# {comment}\n{body}".encode())
    return path
