"""Which mappings the configuration files of a directory still have for a bucket, under whichever entry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from buckia_core.config import BucketConfig
from buckia_core.config.file.loader import FILE_NAME, load
from buckia_core.errors import ConfigError
from buckia_core.syncing.scan.mappings import OF, ids_of

_ACCESS = re.compile(r"key|secret|token|password|credential|user|profile|session|passphrase", re.IGNORECASE)
"""Settings that say who reaches a bucket, and not which one."""


def still_configured(config: BucketConfig, roots: Mapping[str, str | None]) -> frozenset[str]:
    """Return those of the mappings that an entry for the same bucket has, in any of the files that are about them.

    These are the file of this entry, `.buckia` beside it, and the file that each mapping was in last. Where one of
    them can't be read now, all of the mappings may be configured there.

    Args:
        config: The entry of the run, which was read from a file.
        roots: Ids of mappings, none of them its own; with the entry that had each last, as `entry_of` calls it.
    """
    assert config.source is not None
    own = Path(config.source)
    files = {own.name, FILE_NAME, *(name.rpartition(OF)[2] for name in roots.values() if name and OF in name)}
    try:
        found = {
            root
            for file in files
            for entry in _entries(own.with_name(file))
            if (file, entry.name) != (own.name, config.name) and _bucket_of(entry) == _bucket_of(config)
            for root in ids_of(entry)
        }
    except (ConfigError, OSError):
        return frozenset(roots)
    return frozenset(found & roots.keys())


def _entries(path: Path) -> Iterator[BucketConfig]:
    if path.is_file():
        yield from load(path).buckets.values()


def _bucket_of(config: BucketConfig) -> tuple[str, dict[str, object]]:
    return config.provider, {name: value for name, value in config.settings.items() if not _ACCESS.search(name)}
