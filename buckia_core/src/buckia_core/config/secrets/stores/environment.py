"""Store `env:NAME`: environment variables. Read only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from buckia_core.errors import MissingCredentials


@dataclass(frozen=True, slots=True)
class EnvironmentStore:
    """Store of the environment variables of the process, or of a program that gives its own."""

    environ: Mapping[str, str]

    def read(self, name: str) -> str:
        """See `SecretStore`."""
        if not self.environ.get(name):
            raise MissingCredentials(f"'env:{name}': the environment variable {name!r} is not set, or is empty")
        return self.environ[name]
