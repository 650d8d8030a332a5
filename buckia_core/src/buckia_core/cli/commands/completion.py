"""`buckia completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from buckia_core.cli.app import Command, cli
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.entry_point import COMPLETE
from buckia_core.cli.exit_codes import ExitCode

_CORRECTIONS = {
    # For fish, descriptions would be cut at their first comma.
    'string split "," $completion': 'string split -m 1 "," $completion',
    # For bash, names with spaces would become several words, `*` the files of the directory, and `$(…)` a command.
    "COMPREPLY+=($value)": 'printf -v value %q "$value"; COMPREPLY+=("$value")',
}
"""What is replaced in click's scripts."""


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_context
def completion_command(context: CliContext, shell: str) -> ExitCode:
    """Print the completion script of a shell.

    Completes commands, options, buckets of the configuration and installed providers.

    For bash, put this line into ~/.bashrc:  eval "$(buckia completion bash)"
    """
    completion = get_completion_class(shell)
    assert completion is not None, shell
    script = completion(cli, {}, "buckia", COMPLETE).source()
    for of_click, ours in _CORRECTIONS.items():
        script = script.replace(of_click, ours)
    context.output.raw(script)
    return ExitCode.DONE
