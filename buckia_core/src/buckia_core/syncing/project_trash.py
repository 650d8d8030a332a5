"""Opens the trash of a bucket in a project, under all names that the bucket was synced under."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from buckia_core.config import BucketConfig
from buckia_core.errors import BuckiaError
from buckia_core.syncing.disk.trash import CombinedTrash
from buckia_core.syncing.scan.mappings import RunOverrides, build_mappings
from buckia_core.syncing.state.locations import StateFiles, trash_directories
from buckia_core.syncing.state.migration import find_stems_by_name, open_state_readonly


def open_trash(config: BucketConfig, state_dir: Path, find_files: Callable[[], StateFiles]) -> CombinedTrash:
    """Return the trash of a bucket. `find_files` may fail, as without credentials: files can be restored anyway."""
    try:
        files = find_files()
        state = open_state_readonly(files)
        try:
            stems, former = [files.stem], state.legacy_stems()
        finally:
            state.close()
    except BuckiaError:
        stems, former = find_stems_by_name(state_dir, config.name), []
    directories = trash_directories(state_dir, config.name, stems, former)
    return CombinedTrash(directories, build_mappings(config, RunOverrides()), state_dir)
