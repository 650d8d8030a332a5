"""Contract of secret stores: what `buckia_register_secret_stores` returns, and what the built-in stores are.

what the store can do   it is
------------------------------------------------------------------------
read                    a function, or a `SecretStore`
read, write, delete     a `WritableSecretStore`
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from buckia_core.config.secrets.secret import Secret

SecretReader = Callable[[str], str]
"""A store that is a function: takes the name of a secret and returns the secret."""


@runtime_checkable
class SecretStore(Protocol):
    """Store from which secrets are read.

    The name of a secret is what follows `SCHEME:` in a reference: `team/photos` in `vault:team/photos`, and
    `//Private/photos/key` in `op://Private/photos/key`. Methods may be called from any thread. Their errors must not
    contain a secret.
    """

    def read(self, name: str) -> str:
        """Return a secret, which is not empty.

        Raises:
            MissingCredentials: The store has no such secret, or it is empty.
            ConfigError: The name is malformed, or the store is locked, missing or fails.
        """


@runtime_checkable
class WritableSecretStore(SecretStore, Protocol):
    """Store that can also write and delete secrets."""

    def write(self, name: str, secret: Secret) -> None:
        """Create or replace a secret. When this returns, `read` returns the new secret.

        Raises:
            ConfigError: The name is malformed, or the store is locked, missing or fails. The old secret is kept.
        """

    def delete(self, name: str) -> bool:
        """Delete a secret; return whether there was one.

        Raises:
            ConfigError: As in `write`.
        """

    def new_name(self, place: str, bucket: str, setting: str) -> str:
        """Return the name under which to store the secret of a setting. The same arguments give the same name.

        Args:
            place: Where in the store, as the user wrote it after `SCHEME:`, such as `//Private`; may be empty.
            bucket: Name of the bucket in the configuration.
            setting: Name of the setting, such as `secret_access_key`.

        Raises:
            ConfigError: The place is malformed.
        """
