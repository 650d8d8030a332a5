"""References to secrets, and the stores that they lead to.

    env:NAME              the environment variable NAME
    file:PATH             the content of a file, relative to the configuration's directory
    keyring:SERVICE/USER  the system's key ring, through the package `keyring`
    op://VAULT/ITEM/FIELD 1Password, through its command `op`
    dotenv:PATH#NAME      the variable NAME of an `.env` file; without PATH#, of `.env` beside the configuration
    age:PATH#NAME         the same of a file that is encrypted with age; without #NAME, its whole content
    SCHEME:REST           a secret store that a plugin registers
    anything else         the secret itself

A secret that looks like a reference must be given through a reference.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from buckia_core.config.secrets.secret import Secret
from buckia_core.config.secrets.session import forget_secrets, remembered
from buckia_core.config.secrets.store import SecretReader, SecretStore, WritableSecretStore
from buckia_core.errors import ConfigError, MissingCredentials

BUILT_IN = ("age", "dotenv", "env", "file", "keyring", "op")
"""Schemes of the built-in stores. That of 1Password is followed by `//`."""

PluginStores = Mapping[str, SecretStore | SecretReader]
"""Stores of plugins by scheme."""


def is_reference(text: str, stores: PluginStores | None = None) -> bool:
    """Tell whether a string is a reference to a secret."""
    scheme, colon, rest = text.partition(":")
    return bool(colon) and (_is_built_in(scheme, rest) or scheme in (stores or {}))


def resolve_reference(
    text: str,
    *,
    base_dir: Path,
    environ: Mapping[str, str] | None = None,
    stores: PluginStores | None = None,
) -> Secret:
    """Resolve a reference; a string that is not a reference is the secret itself.

    Args:
        text: The reference, or the secret.
        base_dir: Base of relative paths in `file:`.
        environ: Environment variables; those of the process by default.
        stores: Secret stores of plugins, by scheme. Built-in schemes take precedence.

    Raises:
        MissingCredentials: The variable, file or entry does not exist, or is empty.
        ConfigError: The reference is malformed, or its store is missing or fails. The message names the reference.
    """
    if not is_reference(text, stores):
        return Secret(text)
    return SecretStores(base_dir, os.environ if environ is None else environ, stores or {}).read(text)


@dataclass(frozen=True, slots=True)
class SecretStores:
    """All secret stores, as references in one configuration see them. Takes and returns references.

        stores = open_secret_stores(Path("project"))
        reference = stores.new_reference("keyring", "photos", "secret_access_key")
        stores.write(reference, Secret("…"))

    Safe to use from several threads, as far as the stores are.

    Attributes:
        base_dir: Base of relative paths: the directory of the configuration.
        environ: Environment variables.
        plugins: Secret stores of plugins, by scheme. Built-in schemes take precedence.
    """

    base_dir: Path
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    plugins: PluginStores = field(default_factory=dict)

    def is_reference(self, text: str) -> bool:
        """Tell whether a string is a reference to a secret."""
        return is_reference(text, self.plugins)

    def is_writable(self, reference: str) -> bool:
        """Tell whether the store of a reference, or of a place such as `keyring` or `op://Private`, can be written.

        Raises:
            ConfigError: There is no such store.
        """
        return isinstance(self._store(reference)[0], WritableSecretStore)

    def read(self, reference: str) -> Secret:
        """Return the secret that a reference leads to; once in a session (`secret_session`).

        Raises:
            MissingCredentials: There is no such secret, or it is empty.
            ConfigError: The reference is malformed, or its store is locked, missing or fails.
        """
        return remembered((self.base_dir, reference), lambda: self._read(reference))

    def _read(self, reference: str) -> Secret:
        store, name = self._store(reference)
        try:
            found = store.read(name) if isinstance(store, SecretStore) else store(name)
        except (ConfigError, MemoryError):
            raise
        except Exception as error:
            raise _store_failure(reference, error) from error
        if not isinstance(found, str) or not found:
            raise MissingCredentials(f"{reference!r}: the secret store returned no string")
        return Secret(found)

    def exists(self, reference: str) -> bool:
        """Tell whether a reference leads to a secret.

        Raises:
            ConfigError: The reference is malformed, or its store is locked, missing or fails.
        """
        try:
            self.read(reference)
        except MissingCredentials:
            return False
        return True

    def write(self, reference: str, secret: Secret) -> None:
        """Create or replace a secret, and read it back.

        Raises:
            ConfigError: The secret is empty; the store can't be written, is locked, missing or fails, or does not
                return what was written.
        """
        if not secret:
            raise ConfigError(f"{reference!r}: a secret can't be empty")
        store, name = self._writable(reference)
        try:
            store.write(name, secret)
        except (ConfigError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  # stores of plugins raise what they like
            problem = _store_failure(reference, error)
        else:
            forget_secrets()
            if self.read(reference) == secret:
                return
            problem = ConfigError(f"{reference!r}: the secret store does not return what was written to it")
        # Raised outside of the handler: an error of a library may hold the secret.
        raise problem

    def delete(self, reference: str) -> bool:
        """Delete a secret; return whether there was one.

        Raises:
            ConfigError: The store can't be written, is locked, missing or fails.
        """
        store, name = self._writable(reference)
        try:
            forget_secrets()
            return bool(store.delete(name))
        except (ConfigError, MemoryError):
            raise
        except Exception as error:
            raise _store_failure(reference, error) from error

    def new_reference(self, place: str, bucket: str, setting: str) -> str:
        """Return the reference under which to store the secret of a setting. Reads and writes nothing.

        Args:
            place: A store and a place in it: `keyring`, `keyring:work`, `op://Private`, `file:secrets`.
            bucket: Name of the bucket in the configuration.
            setting: Name of the setting, such as `secret_access_key`.

        Raises:
            ConfigError: There is no such store, it can't be written, or has no such place.
        """
        scheme, _, rest = place.partition(":")
        store, _ = self._writable(f"{scheme}:{rest}")
        return f"{scheme}:{store.new_name(rest, bucket, setting)}"

    def free_reference(self, place: str, bucket: str, setting: str) -> str:
        """Return a new reference as `new_reference` does, with a suffix if it leads to a secret already.

        That may be the secret of another project, whose bucket has the same name.

        Raises:
            ConfigError: As in `new_reference`; or the store fails, or the place has one name only.
        """
        reference = self.new_reference(place, bucket, setting)
        if not self.exists(reference):
            return reference
        import secrets  # noqa: PLC0415  # few runs choose a reference

        other = self.new_reference(place, f"{bucket}-{secrets.token_hex(4)}", setting)
        if other == reference or self.exists(other):
            raise ConfigError(f"there is a secret {reference} already; choose another place in the store")
        return other

    def _writable(self, reference: str) -> tuple[WritableSecretStore, str]:
        store, name = self._store(reference)
        if not isinstance(store, WritableSecretStore):
            scheme = reference.partition(":")[0]
            raise ConfigError(f"{reference!r}: the secret store {scheme!r} can only be read")
        return store, name

    def _store(self, reference: str) -> tuple[SecretStore | SecretReader, str]:
        scheme, _, name = reference.partition(":")
        if _is_built_in(scheme, name):
            return _open_built_in(scheme, self.base_dir, self.environ), name
        if scheme in self.plugins:
            return self.plugins[scheme], name
        # A string that is no reference may be the secret itself, so it is not shown.
        known = ", ".join([*BUILT_IN, *sorted(self.plugins)])
        raise ConfigError(f"this is no reference to a secret, such as keyring:SERVICE/USER; known stores: {known}")


def _is_built_in(scheme: str, rest: str) -> bool:
    return scheme in BUILT_IN and (scheme != "op" or rest.startswith("//"))


def _open_built_in(scheme: str, base_dir: Path, environ: Mapping[str, str]) -> SecretStore:
    """Return a built-in store. Each is a module of its own, which imports what it needs."""
    match scheme:
        case "age":
            from buckia_core.config.secrets.stores.age import AgeStore  # noqa: PLC0415

            return AgeStore(base_dir, environ)
        case "dotenv":
            from buckia_core.config.secrets.stores.dotenv import DotenvStore  # noqa: PLC0415

            return DotenvStore(base_dir)
        case "env":
            from buckia_core.config.secrets.stores.environment import EnvironmentStore  # noqa: PLC0415

            return EnvironmentStore(environ)
        case "file":
            from buckia_core.config.secrets.stores.files import FileStore  # noqa: PLC0415

            return FileStore(base_dir)
        case "keyring":
            from buckia_core.config.secrets.stores.keyring import KeyringStore  # noqa: PLC0415

            return KeyringStore()
        case _:
            from buckia_core.config.secrets.stores.onepassword import OnePasswordStore  # noqa: PLC0415

            return OnePasswordStore(environ)


def _store_failure(reference: str, error: Exception) -> ConfigError:
    return ConfigError(f"{reference!r}: the secret store failed with {type(error).__name__}")
