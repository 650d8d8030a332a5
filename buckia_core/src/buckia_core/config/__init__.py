"""The configuration: what a `.buckia` file holds, how it is read, and where secrets come from."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from buckia_core.config.bucket import BucketConfig
    from buckia_core.config.file.loader import ConfigFile, find, load
    from buckia_core.config.options import KeepReplaced
    from buckia_core.config.path_rules import PathRule
    from buckia_core.config.secrets.references import Secret
    from buckia_core.config.settings import read_settings, setting

__all__ = [
    "BucketConfig",
    "ConfigFile",
    "KeepReplaced",
    "PathRule",
    "Secret",
    "find",
    "load",
    "read_settings",
    "setting",
]

# Imported when first used: only reading a file needs the YAML library, and what keeps a log clean needs no settings.
_HOME = {
    "BucketConfig": "bucket",
    "ConfigFile": "file.loader",
    "KeepReplaced": "options",
    "PathRule": "path_rules",
    "Secret": "secrets.references",
    "find": "file.loader",
    "load": "file.loader",
    "read_settings": "settings",
    "setting": "settings",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
