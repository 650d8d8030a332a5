"""Checks of what is installed: versions, adapters and plugins."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from buckia_core import __version__
from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli.diagnosis.outcome import CheckOutcome, failed
from buckia_core.errors import PluginError


def check_software() -> Iterator[CheckOutcome]:
    """Yield the versions, the installed adapters and the plugins; those that can't be loaded with their problem."""
    python, system = platform.python_version(), f"{platform.system()} {platform.release()} {platform.machine()}"
    versions = {"buckia": __version__, "python": python, "system": system}
    yield CheckOutcome("software", f"Buckia {__version__}, Python {python}, {system}", values=versions)
    providers = registry().providers()
    installed = {each.provider: each.version for each in providers}
    yield CheckOutcome("adapters", _list(installed), values=installed)
    for each in providers:
        if each.problem:
            advice = f"Reinstall {each.distribution or 'its package'}, or uninstall it"
            yield CheckOutcome("adapters", each.problem, warning=True, advice=advice)
    plugins = registry().plugins()
    installed = {each.name: each.version for each in plugins}
    yield CheckOutcome("plugins", _list(installed), values=installed)
    for plugin in plugins:
        if plugin.problem:
            # A sync refuses to run without a plugin that may veto it.
            error = PluginError(f"plugin {plugin.name!r} can't be loaded: {plugin.problem}")
            yield failed("plugins", error, f"Repair or uninstall it, or go without it: --without-plugin {plugin.name}")


def _list(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}".strip() for name, version in sorted(versions.items())) or "none"
