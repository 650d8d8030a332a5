"""The settings of provider `memory`."""

from __future__ import annotations

from dataclasses import dataclass

from buckia_core.config.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySettings:
    """Settings of a bucket in memory."""

    bucket_name: str | None = setting(
        help="Adapters of one process that name the same bucket share it. Without a name the bucket is private."
    )
    prefix: str = setting(help="Directory of the bucket that counts as its root.", default="")
    versions: bool = setting(help="Keep versions that are overwritten or deleted.", default=False)
