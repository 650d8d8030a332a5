"""The settings of provider `file`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from buckia_core.config.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySettings:
    """Settings of a directory as a bucket."""

    root: Path = setting(help="Directory that is the bucket.", required=True)
    bucket_name: str | None = setting(help="Name of the bucket in error messages.")
    prefix: str = setting(help="Directory below `root` to use as the root of the bucket.", default="")
