"""`BackupPolicy`: which versions of objects are kept in the local trash."""

from __future__ import annotations

from dataclasses import dataclass

from buckia_core.config import KeepReplaced


@dataclass(frozen=True, slots=True)
class BackupPolicy:
    """Decides which versions are downloaded into the local trash before they are replaced or deleted in the bucket.

        mode     downloaded
        ----------------------------------------------------------------------------------------
        AUTO     nothing if the bucket keeps versions; else all if reads are free; else versions
                 that a user would lose
        ALWAYS   all
        NEVER    nothing

    Attributes:
        mode: The configured mode.
        keeps_versions: The bucket keeps versions.
        free_reads: Downloads from the bucket are free of charge.
    """

    mode: KeepReplaced
    keeps_versions: bool
    free_reads: bool

    def applies(self, loses_data: bool) -> bool:
        """Tell whether to download a version. `loses_data`: a user wrote it, and did not delete or replace it."""
        if self.mode is KeepReplaced.AUTO:
            return not self.keeps_versions and (loses_data or self.free_reads)
        return self.mode is KeepReplaced.ALWAYS
