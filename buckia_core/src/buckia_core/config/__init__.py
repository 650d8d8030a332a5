"""Configuration: the `.buckia` file, the settings of buckets, and secrets."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from buckia_core.config.bucket import BucketConfig, KeepReplaced
    from buckia_core.config.file import ConfigFile, find, load
    from buckia_core.config.path_rules import PathRule
    from buckia_core.config.secrets.secret import Secret
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

# Imported on first use: only reading a file needs the YAML library, and redaction needs no settings.
_MODULES = {
    "BucketConfig": "bucket",
    "ConfigFile": "file",
    "KeepReplaced": "bucket",
    "PathRule": "path_rules",
    "Secret": "secrets.secret",
    "find": "file",
    "load": "file",
    "read_settings": "settings",
    "setting": "settings",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
