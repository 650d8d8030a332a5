"""Files in which secrets of a configuration lie unencrypted. They are never synced."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from buckia_core.errors import ConfigError

if TYPE_CHECKING:
    from buckia_core.config.bucket import BucketConfig


def file_references(settings: Mapping[str, object]) -> frozenset[str]:
    """Return those settings of an adapter that are references to secrets in files: `file:`, `dotenv:` and `age:`."""
    schemes = ("file:", "dotenv:", "age:")
    return frozenset(each for each in settings.values() if isinstance(each, str) and each.startswith(schemes))


def with_neighbours(buckets: Mapping[str, BucketConfig]) -> dict[str, BucketConfig]:
    """Return the buckets of one file, of which each knows the references of all: they may lie in what it syncs."""
    found = frozenset[str]().union(*(file_references(each.settings) for each in buckets.values()))
    return {name: each.with_file_references(found) for name, each in buckets.items()} if found else dict(buckets)


def secret_files(config: BucketConfig) -> list[str]:
    """Return the absolute paths of files that hold secrets of the configuration, or the key to them. Reads nothing.

    A file that is encrypted with age is not among them, since it is made to be shared; the identity that opens it is.
    """
    references = config.file_references | file_references(config.settings)
    return sorted(set(_paths(references, config))) if references else []


def file_of(reference: str, base_dir: Path) -> str | None:
    """Return the absolute path of the file that holds the secret of a reference; `None` for other stores.

    Raises:
        ConfigError: It names no file, or the home directory of an unknown user.
    """
    from buckia_core.config.secrets.stores import dotenv, files  # noqa: PLC0415  # few files have references

    scheme, _, name = reference.partition(":")
    if scheme not in ("file", "dotenv", "age"):
        return None
    if scheme != "file":
        path, sign, key = name.rpartition("#")
        name = path if sign else dotenv.FILE_NAME if scheme == "dotenv" else key
    return os.path.abspath(files.path_of(name, base_dir, reference))


def _paths(references: Iterable[str], config: BucketConfig) -> Iterable[str]:
    from buckia_core.config.secrets.stores.age import IDENTITY_VARIABLE  # noqa: PLC0415  # few files have references

    for each in references:
        reference = f"file:{os.environ.get(IDENTITY_VARIABLE, '')}" if each.startswith("age:") else each
        try:
            path = file_of(reference, config.base_dir)
        except ConfigError:
            continue  # such as a home directory that does not exist
        if path is not None:
            yield path
