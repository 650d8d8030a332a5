"""The settings of provider `memory`."""

from __future__ import annotations

from dataclasses import dataclass

from buckia_core.config.settings import setting
from buckia_core.config.urls import check_url


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySettings:
    """Settings of a bucket in memory."""

    bucket_name: str | None = setting(
        help="Name of the bucket. Adapters of one process share a bucket by its name; without one it is private."
    )
    prefix: str = setting(help="Directory of the bucket to use as its root.", default="")
    public_url_base: str | None = setting(
        help="Start of public URLs of the objects, such as `https://cdn.example.com`: a CDN or a custom domain."
    )
    versions: bool = setting(help="Keep overwritten and deleted versions.", default=False)

    def __post_init__(self) -> None:
        check_url("public_url_base", self.public_url_base)
