"""Seal: shows that this user wrote a journal on this machine.

A journal decides what is deleted and where the keys of the account are sent, and it lies in the project, so a checkout
or an archive may bring one along. Each has a code that only the owner of a key in the user's configuration directory
can make.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from buckia_core.config.trust import user_config
from buckia_core.errors import StateError

FILE_NAME = "provisioning.yaml"
"""File of the key in the user's configuration directory."""

_FIELD = "key"
_COMMENT = "Key with which Buckia recognizes its journals of provisioning. Keep it private."


def prepare_key() -> None:
    """Create the key, if there is none.

    Raises:
        ConfigError: The user's configuration can't be trusted.
        StateError: The key can't be written.
    """
    if _read() is not None:
        return
    from buckia_core.localfs.file_lock import lock_beside  # noqa: PLC0415  # only the first provision needs it

    path = user_config.directory() / FILE_NAME
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with lock_beside(path):
            if _read() is None:
                user_config.write(FILE_NAME, {_FIELD: secrets.token_hex(32)}, comment=_COMMENT)
    except OSError as error:
        raise StateError(
            f"{path}: can't be written ({error.strerror or error}), and Buckia recognizes its journals by it; "
            f"name a directory that can be written in {user_config.DIRECTORY_VARIABLE}"
        ) from error


def seal_of(document: Mapping[str, Any]) -> str | None:
    """Return the seal of JSON values; `None` if there is no key, so that no seal is right.

    Raises:
        ConfigError: The user's configuration can't be trusted.
        StateError: The key can't be read.
    """
    key = _read()
    if key is None:
        return None
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def is_sealed(document: Mapping[str, Any], seal: object) -> bool:
    """Tell whether this user sealed the values on this machine.

    Raises:
        ConfigError, StateError: As `seal_of`.
    """
    right = seal_of(document)
    # A text with other characters than ASCII can't be compared in constant time.
    return right is not None and isinstance(seal, str) and seal.isascii() and hmac.compare_digest(right, seal)


def _read() -> str | None:
    try:
        found = user_config.read(FILE_NAME).get(_FIELD)
    except OSError as error:
        path = user_config.directory() / FILE_NAME
        raise StateError(f"{path}: can't be read: {error.strerror or error}") from error
    return found if isinstance(found, str) and len(found) >= 64 else None
