"""The configuration: what a `.buckia` file holds, how it is read, and where secrets come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buckia_core.config.bucket import BucketConfig
from buckia_core.config.options import KeepReplaced
from buckia_core.config.path_rules import PathRule
from buckia_core.config.secrets import Secret
from buckia_core.config.settings import read_settings, setting

if TYPE_CHECKING:
    from buckia_core.config.loading import ConfigFile, find, load

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


def __getattr__(name: str) -> Any:
    # Reading a file needs the YAML library, and not everybody who has settings has a file.
    if name in ("ConfigFile", "find", "load"):
        from buckia_core.config import loading  # noqa: PLC0415

        return getattr(loading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
