"""The configuration: what a `.buckia` file holds, how it is read, and where secrets come from."""

from __future__ import annotations

from buckia_core.config.bucket import BucketConfig
from buckia_core.config.loading import ConfigFile, find, load
from buckia_core.config.options import KeepReplaced
from buckia_core.config.path_rules import PathRule
from buckia_core.config.secrets import Secret
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
