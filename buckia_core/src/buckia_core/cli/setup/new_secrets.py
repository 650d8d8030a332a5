"""Secrets of a first configuration: they go to a secret store, and their references into the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buckia_core.adapters.factory import open_secret_stores
from buckia_core.cli.terminal.prompts import can_ask, choose, read_secret
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import Setting
from buckia_core.config.values import suggest
from buckia_core.errors import ConfigError, InvalidSetting

if TYPE_CHECKING:
    from buckia_core.cli.terminal.output import Output
    from buckia_core.config.secrets.references import SecretStores


@dataclass(slots=True)
class NewSecrets:
    """Secrets to ask for and to store.

    Attributes:
        output: Output of the command.
        path: The configuration file; references are relative to its directory.
        names: Settings whose secret is to be stored.
        store: The store, such as `keyring`; `None` for the user's default.
        force: Replace secrets that the store has already.
        known: Secrets that need not be asked for, by setting, such as those of another tool's account.
        references: References by setting, after `plan`.
    """

    output: Output
    path: Path
    names: Sequence[str] = ()
    store: str | None = None
    force: bool = False
    known: dict[str, Secret] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    _stored: list[str] = field(default_factory=list)

    @property
    def stores(self) -> SecretStores:
        """The stores of the project."""
        return open_secret_stores(self.path.absolute().parent)

    def plan(self, bucket: str, settings: Mapping[str, Setting], given: Mapping[str, object]) -> dict[str, str]:
        """Choose a reference for each secret. Reads and writes no secret.

        At a terminal, a store without a secret asks which one it is for.

        Raises:
            InvalidSetting: The provider has no such secret, or it is given twice.
            ConfigError: The store can't be written, or has a secret of that name already.
            click.UsageError: There is no terminal to ask for several secrets, or a store and no secret.
        """
        secret = {name: each for name, each in settings.items() if each.kind is Secret}
        asked = can_ask(self.output)
        names = list(dict.fromkeys([*self.names, *(name for name in self.known if name not in given)]))
        if self.store is not None and not names:
            if not asked:
                raise click.UsageError("--store has nothing to store; name the secret: --secret SETTING")
            names = [choose("Secret to store", [name for name, each in secret.items() if not each.public])]
        for name in names:
            if name not in secret:
                problem = f"the provider has no secret setting {name!r}.{suggest(name, list(secret))}"
                raise InvalidSetting(problem, source="--secret")
            if name in given:
                raise InvalidSetting(f"setting {name!r} is given with --set, too", source="--secret")
        if len(set(names) - set(self.known)) > 1 and not asked:
            raise click.UsageError(
                "There is no terminal to ask for several secrets. Give one --secret, and store the others with: "
                "buckia token set SETTING"
            )
        for name in names:
            self._reserve(bucket, name)
        return self.references

    def check_place(self, bucket: str, name: str) -> None:
        """Check that the store can be used, before anybody types a secret for it.

        Raises:
            ConfigError: It is unknown, can't be written, is locked, missing or fails.
        """
        stores = self.stores
        stores.exists(stores.new_reference(self.place, bucket, name))

    def add(self, bucket: str, name: str, secret: Secret) -> str:
        """Choose a reference for a secret that a person has typed, and return it. Stores nothing.

        Raises:
            ConfigError: As in `plan`.
        """
        self.known[name] = secret
        return self._reserve(bucket, name)

    @property
    def place(self) -> str:
        """The store that secrets go to."""
        return self.store or self._default_store(self.stores)

    def _reserve(self, bucket: str, name: str) -> str:
        stores = self.stores
        reference = stores.new_reference(self.place, bucket, name)
        if not self.force and stores.exists(reference):
            raise ConfigError(
                f"there is a secret {reference} already. Use it with --set {name}={reference}, choose another "
                "--name, or give --force to replace it"
            )
        self.references[name] = reference
        return reference

    def keep(self, bucket: str) -> None:
        """Ask for each secret, in a pipe read it from standard input, and store it.

        Raises:
            ConfigError: A secret could not be stored. Those before it are deleted.
            click.UsageError: There is no secret on standard input.
        """
        try:
            for name, reference in self.references.items():
                secret = self.known.get(name) or read_secret(self.output, f"{bucket}: {name}")
                is_new = not self.stores.exists(reference)
                self.stores.write(reference, secret)
                if is_new:
                    self._stored.append(reference)
        except BaseException:
            self.undo()
            raise

    def undo(self) -> None:
        """Delete what was stored, since there will be no configuration that refers to it."""
        for reference in self._stored:
            with suppress(ConfigError):
                self.stores.delete(reference)

    def _default_store(self, stores: SecretStores) -> str:
        from buckia_core.config.user import load_user_config  # noqa: PLC0415  # few commands need it

        return load_user_config(stores.plugins).store_for(self.path.absolute())
