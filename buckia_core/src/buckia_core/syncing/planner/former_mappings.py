"""Mappings of earlier runs that the current run does not have: no longer configured, or in another section."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from buckia_core.config import BucketConfig
from buckia_core.config.file import FILE_NAME, load
from buckia_core.errors import ConfigError
from buckia_core.syncing.request import SyncRequest
from buckia_core.syncing.scan.mappings import (
    SECTION_FILE_SEPARATOR,
    absolute_path,
    mapping_ids,
    parse_mapping_id,
    section_label,
)
from buckia_core.syncing.state.database import StateDatabase

_ACCESS = re.compile(r"key|secret|token|password|credential|user|profile|session|passphrase", re.IGNORECASE)
"""Names of settings that authenticate to a bucket; all other settings identify it."""


class FormerMapping(NamedTuple):
    """A mapping that an earlier run had and that is no longer configured.

    Attributes:
        local: Absolute path of its directory, or of its file.
        remote: Its key prefix; of a single file, its key.
        is_file: Whether it mapped a single file.
        has_moved: Its directory is gone, and another mapping has its key prefix.
    """

    local: str
    remote: str
    is_file: bool = False
    has_moved: bool = False

    @classmethod
    def from_id(cls, id_: str, base_dir: Path, prefixes: Collection[str]) -> FormerMapping:
        """Return the mapping with an id; `prefixes` are the key prefixes that are configured now.

        Raises:
            OSError: `stat` of its directory fails for another reason than that it is missing.
        """
        local, remote, is_file = parse_mapping_id(id_)
        local = absolute_path(base_dir, local)
        if is_file:
            return cls(local, remote, is_file=True)
        return cls(local, remote, has_moved=remote in prefixes and not _is_directory(local))

    def local_path(self, key: str) -> str:
        """Return the local path that a key had."""
        return self.local if self.is_file else os.path.join(self.local, *key[len(self.remote) :].split("/"))


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


class OtherMappings(NamedTuple):
    """Mappings of earlier runs that this run does not have. Mappings of ad-hoc runs (`local_path`) are left out.

    Attributes:
        removed: Those that no section configures any more, by id.
        elsewhere: The ids of those that another section may configure.
    """

    removed: dict[str, FormerMapping]
    elsewhere: frozenset[str]


def find_other_mappings(request: SyncRequest, state: StateDatabase) -> OtherMappings:
    """Return the mappings of earlier runs that this run does not have.

    Sections may be renamed, or swap their names. So a mapping counts as removed only if no section has it.
    """
    ids = {mapping.id for mapping in request.mappings}
    labels = {id_: label for id_, label in state.mapping_labels().items() if id_ not in ids and label != ""}
    if request.ad_hoc_path or not labels:
        return OtherMappings({}, frozenset())
    if request.file_config is not None:
        elsewhere = find_configured(request.file_config, labels)
    else:
        elsewhere = frozenset(id_ for id_, label in labels.items() if label not in (None, request.section_label))
    prefixes = {mapping.remote for mapping in request.mappings if not mapping.is_file}
    removed = sorted(labels.keys() - elsewhere)
    return OtherMappings({id_: FormerMapping.from_id(id_, request.base_dir, prefixes) for id_ in removed}, elsewhere)


def find_mappings_of_other_sections(
    config: BucketConfig, mappings: Collection[str], state: StateDatabase
) -> dict[str, str]:
    """Return the mappings that another section for the same bucket had last, with the label of that section."""
    own = (config.name, section_label(config))
    labels = state.mapping_labels().items()
    return {id_: label for id_, label in labels if label and id_ not in mappings and label not in own}


def find_configured(config: BucketConfig, mapping_labels: Mapping[str, str | None]) -> frozenset[str]:
    """Return those of the mappings that another section for the same bucket configures.

    Reads the file of this section, `.buckia` beside it, and the file that each mapping was in last. If one of them
    can't be read, all of the mappings count as configured.

    Args:
        config: The entry of the run, which was read from a file.
        mapping_labels: Ids of mappings that are not its own, with the label of the section that had each last.
    """
    assert config.source is not None
    own = Path(config.source)
    labels = (name for name in mapping_labels.values() if name and SECTION_FILE_SEPARATOR in name)
    files = {own.name, FILE_NAME, *(name.rpartition(SECTION_FILE_SEPARATOR)[2] for name in labels)}
    try:
        found = {
            id_
            for file in files
            for section in _load_sections(own.with_name(file))
            if (file, section.name) != (own.name, config.name) and _bucket_identity(section) == _bucket_identity(config)
            for id_ in mapping_ids(section)
        }
    except (ConfigError, OSError):
        return frozenset(mapping_labels)
    return frozenset(found & mapping_labels.keys())


def _load_sections(path: Path) -> Iterator[BucketConfig]:
    if path.is_file():
        yield from load(path).buckets.values()


def _bucket_identity(config: BucketConfig) -> tuple[str, dict[str, object]]:
    return config.provider, {name: value for name, value in config.settings.items() if not _ACCESS.search(name)}
