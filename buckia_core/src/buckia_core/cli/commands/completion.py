"""`buckia completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from buckia_core.cli.app import Command, cli
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.entry_point import COMPLETE
from buckia_core.cli.exit_codes import ExitCode


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
    # click's script for fish would cut descriptions at their first comma.
    context.output.raw(script.replace('string split "," $completion', 'string split -m 1 "," $completion'))
    return ExitCode.DONE
