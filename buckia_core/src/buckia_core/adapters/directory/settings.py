"""The settings of provider `file`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from buckia_core.config.settings import setting
from buckia_core.config.urls import check_url


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySettings:
    """Settings of a directory as a bucket."""

    root: Path = setting(help="Directory that is the bucket.", required=True)
    bucket_name: str | None = setting(help="Name of the bucket in error messages.")
    public_url_base: str | None = setting(
        help="Start of public URLs of the objects, such as `https://files.example.com`, if a web server serves `root`."
    )
    prefix: str = setting(help="Directory below `root` to use as the root of the bucket.", default="")

    def __post_init__(self) -> None:
        check_url("public_url_base", self.public_url_base)
