"""Prompts on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack

import click

from buckia_core.cli.terminal.formatting import format_version
from buckia_core.cli.terminal.output import Output, clean_message, is_terminal
from buckia_core.config.secrets.secret import Secret
from buckia_core.planning.plan import Operation
from buckia_core.planning.policy import ConflictPolicy

MAX_BYTES = 64 * 1024
"""Maximum size of a secret on standard input."""

EnterContext = Callable[[], AbstractContextManager[None]]

_ANSWERS = {
    "l": ConflictPolicy.LOCAL_WINS,
    "r": ConflictPolicy.REMOTE_WINS,
    "b": ConflictPolicy.KEEP_BOTH,
    "s": None,
}


def can_ask(output: Output) -> bool:
    """Tell whether prompts are possible: stdin and stderr are terminals, and the output is not JSON."""
    return not output.options.json and is_terminal(sys.stdin) and is_terminal(sys.stderr)


def confirm(output: Output, question: str, *, yes: bool) -> bool:
    """Ask for confirmation. `yes` skips the prompt.

    Raises:
        click.UsageError: There is no terminal to ask on.
    """
    if yes:
        return True
    if not can_ask(output):
        raise click.UsageError(f"{question} There is no terminal to ask on; give --yes to confirm.")
    return click.confirm(clean_message(question), default=False, err=True)


def ask(question: str, default: str | None = None) -> str:
    """Ask for a string. If `default` is empty, the answer may be empty."""
    return str(click.prompt(clean_message(question), default=default, show_default=bool(default), err=True))


def ask_secret(output: Output, question: str, *, twice: bool = False) -> Secret | None:
    """Ask for a secret without showing it, on request twice; `None` if there is no terminal to ask on."""
    if not can_ask(output):
        return None
    answer = click.prompt(clean_message(question), hide_input=True, confirmation_prompt=twice, err=True)
    return Secret(str(answer))


def read_secret(output: Output, name: str) -> Secret:
    """Ask for a secret without showing it; in a pipe, read it from standard input.

    Raises:
        click.UsageError: There is neither a terminal nor a secret on standard input.
    """
    answer = ask_secret(output, f"Secret for {name}")
    if answer is not None:
        return answer
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for the secret; pass it on standard input.")
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise click.UsageError(f"Standard input is larger than {MAX_BYTES // 1024} KiB, so it can't be a secret.")
    try:
        secret = Secret(data.decode().removesuffix("\n").removesuffix("\r"))
    except UnicodeDecodeError:
        secret = Secret("")
    if not secret:
        raise click.UsageError("Standard input is empty, or is not text in UTF-8.")
    return secret


def choose(question: str, choices: Sequence[str]) -> str:
    """Ask for one of several choices."""
    return str(click.prompt(clean_message(question), type=click.Choice(choices), err=True))


class ConflictPrompt:
    """Prompt for the resolution of conflicts. A capital letter answers for all later conflicts, in all buckets.

    Args:
        output: Output for both sides of the conflict.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._for_all: ConflictPolicy | None = None
        self._answered_for_all = False

    def as_callback(self, *contexts: EnterContext) -> Callable[[Operation], ConflictPolicy | None]:
        """Return the callback for the engine; it enters `contexts` for each prompt and returns `None` to skip."""

        def ask_person(operation: Operation) -> ConflictPolicy | None:
            if self._answered_for_all:
                return self._for_all
            with ExitStack() as stack:
                for enter in contexts:
                    stack.enter_context(enter())
                return self._ask(operation)

        return ask_person

    def _ask(self, operation: Operation) -> ConflictPolicy | None:
        self._output.error(f"{operation.key}: {operation.explanation}")
        if operation.local is not None:
            self._output.error(f"  local:         {format_version(operation.local.size, operation.local.mtime_ns)}")
        if operation.remote is not None:
            remote = operation.remote
            time_ns = (remote.modified_ns or None) if remote.mtime_ns is None else remote.mtime_ns
            self._output.error(f"  in the bucket: {format_version(remote.size, time_ns)}")
        answer = click.prompt(
            "Keep [l]ocal, [r]emote, [b]oth, or [s]kip? (a capital answers for all)",
            type=click.Choice([*_ANSWERS, *map(str.upper, _ANSWERS)]),
            show_choices=False,
            err=True,
        )
        policy = _ANSWERS[answer.lower()]
        if answer.isupper():
            self._for_all, self._answered_for_all = policy, True
        return policy
