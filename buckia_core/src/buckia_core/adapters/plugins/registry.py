"""Registry: finds adapters and plugins by entry point, and loads each only when it is used.

A broken package affects only its own adapter or plugin.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import pluggy

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.plugins import hookspecs
from buckia_core.adapters.plugins.entry_points import EntryPoint, find_entry_points
from buckia_core.errors import AdapterBroken, AdapterNotInstalled, BuckiaError, PluginError
from buckia_core.localfs.system_errors import find_system_failure
from buckia_core.planning.plan import Plan

ADAPTERS = "buckia.adapters"
"""Entry point group of adapters; an entry's name is the provider's id, its value a module with hook implementations."""

PLUGINS = "buckia.plugins"
"""Entry point group of plugins that register anything else."""


@dataclass(frozen=True, slots=True)
class AdapterSpec:
    """Registration of one adapter. Refers to classes by name, so that they are imported only when used.

    Attributes:
        provider: The provider's id in the configuration.
        title: The provider's display name.
        settings: `package.module:Class` of the settings dataclass.
        adapter: `package.module:Class` of the `BaseSync`, or `package.module:function` that returns one; called with an
            instance of the settings.
    """

    provider: str
    title: str
    settings: str
    adapter: str

    def settings_class(self) -> type[Any]:
        """Import and return the settings class.

        Raises:
            AdapterBroken: It can't be imported.
        """
        found: type[Any] = load_class(self.settings, _adapter_of(self.provider))
        return found

    def adapter_class(self) -> Callable[[Any], BaseSync]:
        """Import and return the adapter class.

        Raises:
            AdapterBroken: It can't be imported.
        """
        found: Callable[[Any], BaseSync] = load_class(self.adapter, _adapter_of(self.provider))
        return found


class ProviderStatus(NamedTuple):
    """An installed adapter as `buckia providers` shows it; `problem` says why it can't be loaded."""

    provider: str
    title: str
    distribution: str
    version: str
    problem: str | None = None


class PluginStatus(NamedTuple):
    """An installed plugin; `problem` says why it can't be loaded."""

    name: str
    version: str
    problem: str | None = None


class Registry:
    """The installed adapters and plugins. `registry()` returns the one instance of the process."""

    @cached_property
    def hooks(self) -> pluggy.HookRelay:
        """The hooks of all plugins of the group `buckia.plugins`. Fills `broken_plugins` with those that fail to load.

        Raises:
            OSError, MemoryError: The system failed; this is no defect of a plugin.
        """
        for entry in sorted(self._entries[PLUGINS], key=lambda entry: entry.name):
            if self._plugins.has_plugin(entry.name) or entry.name in self._excluded:
                continue
            try:
                plugin = entry.load()
                # The module may be registered already, as that of an adapter.
                if not self._plugins.is_registered(plugin):
                    self._plugins.register(plugin, name=entry.name)
            except Exception as error:  # noqa: BLE001  # one broken plugin does not stop the others
                raise_system_failure(error)
                self.broken_plugins[entry.name] = f"{type(error).__name__}: {error}"
        return self._plugins.hook

    def __init__(self) -> None:
        self._plugins = pluggy.PluginManager("buckia")
        self._plugins.add_hookspecs(hookspecs)
        self._specs: dict[str, AdapterSpec] = {}
        self._excluded: set[str] = set()
        self.broken_plugins: dict[str, str] = {}

    def exclude_plugin(self, name: str) -> None:
        """Do not use a plugin of the group `buckia.plugins`, whether it can be loaded or not.

        Raises:
            PluginError: No installed package has a plugin of that name.
        """
        names = sorted(entry.name for entry in self._entries[PLUGINS])
        if name not in names:
            raise PluginError(f"there is no plugin {name!r} (installed: {', '.join(names)})")
        self._excluded.add(name)
        self.broken_plugins.pop(name, None)
        if self._plugins.has_plugin(name):
            self._plugins.unregister(name=name)

    def run_before_sync(self, plan: Plan, bucket: str) -> None:
        """Call the hook `buckia_before_sync` of all plugins.

        Raises:
            PluginError: A plugin can't be loaded, so its veto is unknown; or its hook failed.
            BuckiaError: A plugin vetoes the run.
        """
        hooks = self.hooks
        if self.broken_plugins:
            name, problem = min(self.broken_plugins.items())
            raise PluginError(
                f"plugin {name!r} can't be loaded, and it may be there to veto syncs: {problem}. Nothing was changed. "
                f"Repair or uninstall it, or go without it: --without-plugin {name}"
            )
        try:
            hooks.buckia_before_sync(plan=plan, bucket=bucket)
        except BuckiaError:
            raise
        except Exception as error:
            raise_system_failure(error)
            raise PluginError(
                f"a plugin failed in buckia_before_sync, so nothing was changed: {type(error).__name__}: {error}"
            ) from error

    def register(self, plugin: object, name: str | None = None) -> None:
        """Register a plugin without an entry point, such as one of an application or a test."""
        self._plugins.register(plugin, name=name)

    def register_module(self, name: str) -> None:
        """Import and register a module of Buckia's own; nothing happens if it is registered."""
        module = importlib.import_module(name)
        if not self._plugins.is_registered(module):
            self._plugins.register(module)

    def registered(self, hook: str) -> Iterator[Any]:
        """Yield what the plugins return for a hook. One that fails is in `broken_plugins`, and others are not affected.

        Raises:
            OSError, MemoryError: The system failed.
        """
        for each in getattr(self.hooks, hook).get_hookimpls():
            try:
                yield from each.function()
            except Exception as error:  # noqa: BLE001  # one broken plugin does not stop the others
                raise_system_failure(error)
                self.broken_plugins[each.plugin_name] = f"{type(error).__name__}: {error}"

    def spec(self, provider: str) -> AdapterSpec:
        """Return the registration of a provider. Imports that provider's plugin module only.

        Raises:
            AdapterNotInstalled: No installed package registers the provider; the message says what to install.
            AdapterBroken: The package can't be loaded.
        """
        if provider not in self._specs:
            self._load(provider)
        return self._specs[provider]

    def providers(self) -> list[ProviderStatus]:
        """Return all installed adapters, sorted by id; broken ones with their problem."""
        from importlib import metadata  # noqa: PLC0415  # slow to import

        packages = {entry.name: entry.dist for entry in metadata.entry_points(group=ADAPTERS)}
        found = []
        for entry in self._entries[ADAPTERS]:
            title, problem = entry.name, None
            try:
                spec = self.spec(entry.name)
                spec.settings_class()
                title = spec.title
            except (AdapterBroken, AdapterNotInstalled) as error:
                problem = str(error)
            package = packages.get(entry.name)
            name, version = (package.name, package.version) if package else ("", "")
            found.append(ProviderStatus(entry.name, title, name, version, problem))
        return sorted(found, key=lambda status: status.provider)

    def plugins(self) -> list[PluginStatus]:
        """Return all installed plugins, sorted by name; broken ones with their problem. Loads them."""
        from importlib import metadata  # noqa: PLC0415  # slow to import

        self.hooks  # noqa: B018  # fills `broken_plugins`
        found = {entry.name: entry.dist for entry in metadata.entry_points(group=PLUGINS)}
        return [
            PluginStatus(name, package.version if package else "", self.broken_plugins.get(name))
            for name, package in sorted(found.items())
            if name not in self._excluded
        ]

    @cached_property
    def _entries(self) -> dict[str, list[EntryPoint]]:
        """The entry points of both groups. Cached: to find them, all installed packages are read."""
        found = find_entry_points((ADAPTERS, PLUGINS))
        return {group: [entry for entry in found if entry.group == group] for group in (ADAPTERS, PLUGINS)}

    def _load(self, provider: str) -> None:
        entries = [entry for entry in self._entries[ADAPTERS] if entry.name == provider]
        plugins = list(self._plugins.get_plugins())
        for entry in entries:
            name = f"{ADAPTERS}:{entry.name}"
            if not self._plugins.has_plugin(name):
                try:
                    plugin = entry.load()
                    # The module may be registered already: for another provider, or by the application.
                    if not self._plugins.is_registered(plugin):
                        self._plugins.register(plugin, name=name)
                except Exception as error:
                    raise_system_failure(error)
                    raise _broken(_adapter_of(provider), error) from error
                plugins.append(plugin)
        for plugin in plugins:
            register = getattr(plugin, "buckia_register_adapters", None)
            for spec in register() if register else ():
                self._specs.setdefault(spec.provider, spec)
        if provider not in self._specs:
            if entries:
                raise AdapterBroken(f"the package of provider {provider!r} registers no adapter of that name")
            installed = sorted({entry.name for entry in self._entries[ADAPTERS]})
            self.__dict__.pop("_entries", None)  # found again after an installation
            raise AdapterNotInstalled(_install_hint(provider, installed))


def raise_system_failure(error: Exception) -> None:
    """Raise the system failure that caused an error, if there is one: it is no defect of the plugin."""
    failure = find_system_failure(error)
    if failure is not None:
        raise failure


def load_class(name: str, what: str) -> Any:
    """Import `package.module:attribute`; `what` it is goes into the error.

    Raises:
        AdapterBroken: It can't be imported.
    """
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise_system_failure(error)
        raise _broken(what, error) from error


def _adapter_of(provider: str) -> str:
    return f"the adapter of provider {provider!r}"


def _broken(what: str, error: Exception) -> AdapterBroken:
    return AdapterBroken(f"{what} can't be loaded: {type(error).__name__}: {error}")


def known_extras() -> list[str]:
    """Return the extras of `pip install "buckia[…]"` that are providers."""
    from importlib import metadata  # noqa: PLC0415  # as above

    try:
        names = metadata.metadata("buckia").get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return []
    return [name for name in names if name not in ("all", "dev")]


def _install_hint(provider: str, installed: list[str]) -> str:
    known = known_extras()
    if provider in known:
        return f'provider {provider!r} is not installed: pip install "buckia[{provider}]"'
    from buckia_core.config.values import suggest  # noqa: PLC0415  # only after a mistake

    hint = suggest(provider, [*installed, *known], list_all=False)
    return f"no installed package registers provider {provider!r} (installed: {', '.join(installed)}).{hint}"


@cache
def registry() -> Registry:
    """Return the registry of this process."""
    return Registry()
