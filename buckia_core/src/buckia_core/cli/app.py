"""The `buckia` command and its groups. The module of a command is imported on first use."""

from __future__ import annotations

import importlib
from typing import Any

import click

from buckia_core import __version__
from buckia_core.cli.context import CliContext
from buckia_core.cli.global_options import GlobalOption, global_options
from buckia_core.errors import AdapterBroken, AdapterNotInstalled

COMMANDS = {
    "sync": "sync",
    "apply": "apply",
    "status": "status",
    "check": "check",
    "conflicts": "conflicts",
    "trash": "trash",
    "app": "app",
    "history": "history",
    "ls": "ls",
    "stat": "ls",
    "du": "du",
    "cat": "cat",
    "get": "get",
    "put": "put",
    "cp": "cp",
    "mv": "cp",
    "rm": "rm",
    "url": "url",
    "share": "share",
    "versions": "versions",
    "restore": "versions",
    "providers": "providers",
    "doctor": "doctor",
    "init": "init",
    "provision": "provision",
    "token": "token",
    "folder": "folder",
    "trust": "trust",
    "completion": "completion",
    "schema": "schema",
    "new-adapter": "new_adapter",
}
"""Module of each command in `buckia_core.cli.commands`, in the order of the help."""

_HELP = "help"
"""Word for the option --help, which many expect to be a command."""


class Command(click.Command):
    """Command that also takes the global options."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        # Not only of the root: click makes the option at the first use of a command, which may be without the root.
        self.context_settings.setdefault("help_option_names", ["-h", "--help"])
        self.params.extend(global_options())

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the global ones."""
        _format_options(self, ctx, formatter)


class Group(Command, click.Group):
    """Group of commands, all of which also take the global options."""

    command_class = Command
    group_class: type[click.Group | type] | None = type  # click's word for "the same class"

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the group's own options, the global ones, then the commands."""
        _format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; for an unknown one, raise an error that suggests the closest name."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise click.UsageError(f"There is no command {name!r}.{self.suggestion(ctx, name)}", ctx)
        return super().resolve_command(ctx, args)

    def suggestion(self, ctx: click.Context, name: str) -> str:
        """Return a suggestion for an unknown command; empty if there is none."""
        from buckia_core.config.values import suggest  # noqa: PLC0415  # only after a mistake

        return suggest(name, self.list_commands(ctx), list_all=False)


class Root(Group):
    """Root group: the built-in commands, and those of plugins."""

    group_class = Group

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._plugins_loaded = False

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; `help COMMAND` is read as `COMMAND --help`."""
        if args[0] == _HELP and not ctx.resilient_parsing:
            words = [word for word in args[1:] if not word.startswith("-")]
            if not words:
                click.echo(ctx.get_help())
                ctx.exit()
            args = [*words, "--help"]
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, built-in ones first."""
        self._load_plugin_commands(ctx)
        return [*COMMANDS, *sorted(set(super().list_commands(ctx)) - set(COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; imports only its module. Plugins are loaded for names that are not built in."""
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"buckia_core.cli.commands.{COMMANDS[cmd_name]}")
            command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
            return command
        self._load_plugin_commands(ctx)
        return super().get_command(ctx, cmd_name)

    def suggestion(self, ctx: click.Context, name: str) -> str:
        """Return how to install the provider of that name, whose package may add the command; else as in any group."""
        from buckia_core.adapters.plugins.registry import known_extras, registry  # noqa: PLC0415  # only after a mistake

        if name in known_extras():
            try:
                registry().spec(name)
            except AdapterNotInstalled as error:
                message = str(error)
                return f" {message[:1].upper()}{message[1:]}"
            except AdapterBroken:
                pass
        return super().suggestion(ctx, name)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command of a plugin.

        Raises:
            ValueError: A built-in command has that name.
        """
        if (name or cmd.name) in (_HELP, *COMMANDS):
            raise ValueError(f"the command {name or cmd.name!r} is Buckia's own")
        super().add_command(cmd, name)

    def _load_plugin_commands(self, ctx: click.Context) -> None:
        if self._plugins_loaded:
            return
        self._plugins_loaded = True
        from buckia_core.adapters.plugins.registry import registry  # noqa: PLC0415  # built-in commands need no plugin

        output, plugins = ctx.ensure_object(CliContext).output, registry()
        # Each implementation is called by itself: pluggy would stop at the first one that fails.
        for hook in plugins.hooks.buckia_register_commands.get_hookimpls():
            try:
                hook.function(*({"cli": self}[name] for name in hook.argnames))
            except Exception as error:  # noqa: BLE001  # a failing plugin must not break the other commands
                problem = f"{type(error).__name__}: {error}"
                output.error(f"buckia: plugin {hook.plugin_name!r} can't add its commands: {problem}")
        for name, problem in sorted(plugins.broken_plugins.items()):
            output.error(f"buckia: plugin {name!r} can't be loaded: {problem}")


def _format_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    own: list[tuple[str, str]] = []
    general: list[tuple[str, str]] = []
    for param in command.get_params(ctx):
        record = None if isinstance(param, click.Argument) else param.get_help_record(ctx)
        if record is not None:
            (general if isinstance(param, GlobalOption) else own).append(record)
    for title, records in (("Options", own), ("Global options", general)):
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001  # click's signature
    if value and not ctx.resilient_parsing:
        ctx.ensure_object(CliContext).output.raw(f"buckia {__version__}")
        ctx.exit()


@click.group(cls=Root, context_settings={"max_content_width": 100})
@click.option(
    "-V", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def cli() -> None:
    """Sync local folders with cloud buckets, as set in the .buckia file of a project.

    Global options work before and after a command.
    """
