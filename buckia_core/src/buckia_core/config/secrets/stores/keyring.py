"""Store `keyring:SERVICE/USER`: the key ring of the system, through the package `keyring`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import ConfigError, MissingCredentials

_SERVICE = "buckia"
"""Service of new entries."""


@dataclass(frozen=True, slots=True)
class KeyringStore:
    """Store in the key ring that `keyring` finds: of macOS, Windows, GNOME, KDE, or another of its backends."""

    def read(self, name: str) -> str:
        """See `SecretStore`."""
        service, user = _split(name)
        found = _call(name, "read", "get_password", service, user)
        if not found:
            raise MissingCredentials(
                f"'keyring:{name}': the key ring has no entry for it; add it with: buckia token set keyring:{name}"
            )
        return str(found)

    def write(self, name: str, secret: Secret) -> None:
        """See `WritableSecretStore`."""
        service, user = _split(name)
        _call(name, "changed", "set_password", service, user, secret.reveal())

    def delete(self, name: str) -> bool:
        """See `WritableSecretStore`."""
        service, user = _split(name)
        if _call(name, "read", "get_password", service, user) is None:
            return False
        _call(name, "changed", "delete_password", service, user)
        return True

    def new_name(self, place: str, bucket: str, setting: str) -> str:
        """See `WritableSecretStore`. The place is a service."""
        return f"{place.strip('/') or _SERVICE}/{bucket}/{setting}"


def _split(name: str) -> tuple[str, str]:
    service, _, user = name.rpartition("/")
    if not service or not user:
        raise ConfigError(f"'keyring:{name}' must have the form keyring:SERVICE/USER")
    return service, user


def _call(name: str, verb: str, function: str, *arguments: str) -> Any:
    """Call a function of `keyring`; the error, which may hold the arguments, is described without them."""
    try:
        keyring = importlib.import_module("keyring")
    except ImportError as error:
        raise ConfigError(
            f"'keyring:{name}' needs the package keyring, which is not installed: pip install \"buckia-core[keyring]\""
        ) from error
    try:
        return getattr(keyring, function)(*arguments)
    except keyring.errors.NoKeyringError:
        problem = "this machine has none; use another store, such as dotenv:, age: or file:, with --store"
    except keyring.errors.KeyringError as error:
        problem = f"{type(error).__name__}: {error}"
    raise ConfigError(f"'keyring:{name}': the key ring can't be {verb}: {problem}")
