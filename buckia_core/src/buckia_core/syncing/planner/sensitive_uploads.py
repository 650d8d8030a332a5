"""Warns about new uploads of files that often hold secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from buckia_core.planning.gitignore import PatternList
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation
from buckia_core.syncing.scan.filters import PathFilter

SENSITIVE = (
    ".env*",
    "!.env*.dist",
    "!.env*.example",
    "!.env*.sample",
    "!.env*.template",
    "*.age",
    "*.jks",
    "*.kdbx",
    "*.key",
    "*.p12",
    "*.pem",
    "*.pfx",
    "*.ppk",
    "*.secret",
    "*.secret_access_key",
    ".git-credentials",
    ".netrc",
    ".pgpass",
    "_netrc",
    "credentials",
    "credentials.json",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "secrets",
    "secrets.*",
)
"""gitignore patterns of the names of such files, in lower case."""

_SHOWN = 3


def find_sensitive_uploads(operations: Iterable[Operation], mappings: Sequence[PathMapping]) -> list[str]:
    """Return the keys of new uploads of files that often hold secrets, in order.

    Leaves out entries of `files`, and files that an include or exclude pattern names.
    """
    patterns = PatternList(SENSITIVE)
    by_id = {mapping.id: mapping for mapping in mappings}
    found = []
    for operation in operations:
        if operation.action is not Action.UPLOAD or operation.base is not None:
            continue
        name = operation.key[operation.key.rfind("/") + 1 :]
        mapping = by_id[operation.mapping_id]
        if patterns.decide(name.lower(), directory=False) and not _is_asked_for(operation.key, mapping):
            found.append(operation.key)
    return found


def sensitive_warning(keys: Sequence[str]) -> str:
    """Return a one-line warning: the names of the files, and how to exclude or accept them."""
    shown = ", ".join(keys[:_SHOWN]) + (f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else "")
    names = list(dict.fromkeys(re.sub(r"([*?\[\\])", r"\\\1", key.rpartition("/")[2]) for key in keys[:_SHOWN]))
    return (
        f"new in the bucket, and such files often hold secrets: {shown}. "
        f"To leave them out: exclude: {names}. To accept them: exclude: {['!' + name for name in names]}"
    )


def _is_asked_for(key: str, mapping: PathMapping) -> bool:
    if mapping.is_file:
        return True
    accepts = mapping.path_filter
    return isinstance(accepts, PathFilter) and accepts.mentions(mapping.relative_path(key))
