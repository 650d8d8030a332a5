"""Hook specifications of Buckia (pluggy, project name `buckia`): register extensions, observe runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from buckia_core.adapters.plugins.account_sources import AccountSource
    from buckia_core.adapters.plugins.provisioners import ProvisionerSpec
    from buckia_core.adapters.plugins.registry import AdapterSpec
    from buckia_core.config import BucketConfig
    from buckia_core.config.secrets.store import SecretReader, SecretStore
    from buckia_core.planning.plan import Plan

hookspec = pluggy.HookspecMarker("buckia")
hookimpl = pluggy.HookimplMarker("buckia")
"""Marks a function of a plugin as the implementation of the hook of its name."""


@hookspec
def buckia_register_account_sources() -> Iterable[AccountSource]:  # type: ignore[empty-body]
    """Return the other tools whose accounts `buckia init --from` takes over. Must not read their files."""


@hookspec
def buckia_register_adapters() -> Iterable[AdapterSpec]:  # type: ignore[empty-body]
    """Return the adapters of a package. Must not import the provider's SDK."""


@hookspec
def buckia_register_commands(cli: Any) -> None:
    """Add commands to `cli`, the `click.Group` of the `buckia` command. Called only when the command line runs."""


@hookspec
def buckia_register_provisioners() -> Iterable[ProvisionerSpec]:  # type: ignore[empty-body]
    """Return the vendors whose accounts buckets can be provisioned in. Must not import their SDKs."""


@hookspec
def buckia_register_secret_stores() -> dict[str, SecretReader | SecretStore]:  # type: ignore[empty-body]
    """Return secret stores by scheme: `vault` maps to what resolves the `…` in `vault:…` to the secret.

    That is a function, a `SecretStore`, or a `WritableSecretStore`.
    """


@hookspec
def buckia_before_sync(plan: Plan, bucket: str) -> None:
    """Inspect a plan before it is executed (not in a dry run). Raise a `BuckiaError` to veto the run."""


@hookspec
def buckia_after_sync(report: Any, bucket: str, changed: Sequence[str], config: BucketConfig | None) -> None:
    """Inspect the `SyncResult` of a finished run. An exception is logged and has no effect.

    `changed` is the sorted keys of the objects that the run wrote or deleted in the bucket; `config` is the bucket's
    configuration, `None` if the application created the adapter itself.
    """
