"""The settings of provider `dirstore`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from buckia_core import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DirstoreSettings:
    root: Path = setting(help="Directory that holds the blobs and the index.", required=True, env=("DIRSTORE_ROOT",))
    bucket_name: str = setting(help="Name of the bucket; one directory holds many.", default="default")
    prefix: str = setting(help="Directory of the bucket that counts as its root.", default="")
