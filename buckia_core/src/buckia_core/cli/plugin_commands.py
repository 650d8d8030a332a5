"""Commands of plugins. A plugin that fails is named, and breaks nothing else."""

from __future__ import annotations

import click

from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli.terminal.output import Output


def register(cli: click.Group, output: Output) -> None:
    """Let the plugins add their commands to `cli`."""
    plugins = registry()
    # Each implementation is called by itself: pluggy would stop at the first one that fails.
    for hook in plugins.hooks.buckia_register_commands.get_hookimpls():
        try:
            hook.function(*({"cli": cli}[name] for name in hook.argnames))
        except Exception as error:  # noqa: BLE001  # whatever a plugin does, it breaks nothing else
            output.error(f"buckia: plugin {hook.plugin_name!r} can't add its commands: {type(error).__name__}: {error}")
    for name, problem in sorted(plugins.broken_plugins.items()):
        output.error(f"buckia: plugin {name!r} can't be loaded: {problem}")
