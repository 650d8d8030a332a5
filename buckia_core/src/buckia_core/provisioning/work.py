"""Work: what the steps of a provision work with, and the parts that several of them share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from buckia_core.adapters.contract.provisioner import BucketProvisioner, BucketRecord, KeyScope
from buckia_core.adapters.plugins.registry import Registry
from buckia_core.config import BucketConfig, load
from buckia_core.config.editor import ConfigEditor
from buckia_core.config.secrets.references import SecretStores
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.trust.bounded_read import read_text
from buckia_core.provisioning.journal import Journal, Progress


@dataclass(slots=True, kw_only=True)
class Work:
    """What the steps of one provision work with.

    Attributes:
        config_path: The `.buckia` file.
        provider: Provider of the entry.
        vendor: The vendor; `None` for credentials of the user.
        stores: Secret stores.
        plugins: Adapters and plugins.
        journal: The journal.
        progress: How far the provision is; saved by `save`.
        given: The secrets that a user registers.
        sleep: Replaced in tests.
    """

    config_path: Path
    provider: str
    vendor: BucketProvisioner | None
    stores: SecretStores
    plugins: Registry
    journal: Journal
    progress: Progress
    given: Mapping[str, Secret]
    sleep: Callable[[float], None] = time.sleep

    @property
    def bucket(self) -> BucketRecord:
        """The bucket, which an earlier step found or created."""
        assert self.progress.bucket is not None
        return self.progress.bucket

    @property
    def scope(self) -> KeyScope:
        """What the key may do."""
        request = self.progress.request
        return KeyScope(request.access, request.prefix)

    def save(self) -> None:
        """Write the progress to the journal."""
        self.journal.write(self.progress)

    def entry(self) -> dict[str, object]:
        """Return the entry of `.buckia`, with references in place of secrets."""
        progress, request = self.progress, self.progress.request
        leading = progress.bucket.settings if progress.bucket else {}
        values: dict[str, object] = {"provider": self.provider, **leading, **request.settings}
        if request.prefix:
            values.setdefault("prefix", request.prefix)
        if progress.public_url:
            values.setdefault("public_url_base", progress.public_url)
        return values | progress.credentials

    def config(self) -> BucketConfig:
        """Return the configuration of the entry in `.buckia` with the new credentials, or the one that it will make."""
        name = self.progress.request.name
        written = find_entry(self.config_path, name)
        if written is not None:
            return written.with_changes(**self.progress.credentials)
        return BucketConfig.from_mapping(self.entry(), name=name, base_dir=self.config_path.parent)

    def store_secrets(self, secrets: Mapping[str, Secret], public: Mapping[str, str]) -> None:
        """Write secrets to the store, and note their references before and the credentials after.

        Raises:
            ConfigError: The store does not take a secret, or does not return it.
        """
        progress, request = self.progress, self.progress.request
        name = f"{request.name}-{progress.suffix}"
        references = {each: self.stores.new_reference(request.store, name, each) for each in secrets}
        progress.references = list(references.values())
        self.save()
        for each, secret in secrets.items():
            self.stores.write(references[each], secret)
        progress.credentials = {**public, **references}

    def delete_secrets(self, references: list[str]) -> None:
        """Delete secrets from their stores; a missing one is no error.

        Raises:
            ConfigError: A store fails.
        """
        for each in references:
            if self.stores.is_writable(each):
                self.stores.delete(each)


def find_entry(path: Path, name: str) -> BucketConfig | None:
    """Return an entry of `.buckia`; `None` if there is none. A file without any entry is no error."""
    if not path.exists() or not ConfigEditor(read_text(path), path).buckets:
        return None
    return load(path).buckets.get(name)
