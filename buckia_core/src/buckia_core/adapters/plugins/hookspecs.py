"""The hooks of Buckia (pluggy, project name `buckia`). They register things and observe runs; they carry no bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from buckia_core.adapters.plugins.registry import AdapterSpec
    from buckia_core.config import BucketConfig
    from buckia_core.planning.plan import Plan

hookspec = pluggy.HookspecMarker("buckia")
hookimpl = pluggy.HookimplMarker("buckia")


@hookspec
def buckia_register_adapters() -> Iterable[AdapterSpec]:  # type: ignore[empty-body]
    """Return the adapters of a package, each as an `AdapterSpec`. Must not import the provider's SDK."""


@hookspec
def buckia_register_commands(cli: Any) -> None:
    """Add commands to `cli`, the `click.Group` of the `buckia` command. Called only when the command line runs."""


@hookspec
def buckia_register_secret_stores() -> dict[str, Callable[[str], str]]:  # type: ignore[empty-body]
    """Return secret stores: scheme (`vault` of `vault:…`) to a function from the rest of a reference to the secret."""


@hookspec
def buckia_before_sync(plan: Plan, bucket: str) -> None:
    """Look at a plan before it is executed (not before a dry run). Raise a `BuckiaError` to veto the whole run."""


@hookspec
def buckia_after_sync(report: Any, bucket: str, changed: Sequence[str], config: BucketConfig | None) -> None:
    """Look at the `SyncResult` of a finished run. An exception here is logged and changes nothing.

    `changed` has the keys of the objects that the run wrote or deleted in the bucket, in order; `config` is the
    bucket's configuration, `None` where the application made the adapter itself.
    """
