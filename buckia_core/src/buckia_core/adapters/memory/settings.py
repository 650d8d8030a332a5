"""The settings of provider `memory`."""

from __future__ import annotations

from dataclasses import dataclass

from buckia_core.config.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySettings:
    """Settings of a bucket in memory."""

    bucket_name: str | None = setting(
        help="Name of the bucket. Adapters of one process share a bucket by its name; without one it is private."
    )
    prefix: str = setting(help="Directory of the bucket to use as its root.", default="")
    versions: bool = setting(help="Keep overwritten and deleted versions.", default=False)
