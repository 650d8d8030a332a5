"""Questions that a person at a terminal is asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack

import click

from buckia_core.cli.terminal.formatting import format_size, format_time
from buckia_core.cli.terminal.output import Output, clean_message
from buckia_core.cli.terminal.progress import is_terminal
from buckia_core.planning.plan import Operation
from buckia_core.planning.policy import ConflictPolicy

Hold = Callable[[], AbstractContextManager[None]]

_ANSWERS = {
    "l": ConflictPolicy.LOCAL_WINS,
    "r": ConflictPolicy.REMOTE_WINS,
    "b": ConflictPolicy.KEEP_BOTH,
    "s": None,
}


def can_ask(output: Output) -> bool:
    """Tell whether somebody is there to answer: both ends are a terminal, and the output is for a person."""
    return not output.options.json and is_terminal(sys.stdin) and is_terminal(sys.stderr)


def confirm(output: Output, question: str, *, yes: bool) -> bool:
    """Ask whether to go on. `yes` is the answer that was given beforehand.

    Raises:
        click.UsageError: It was not, and nobody is there to ask.
    """
    if yes:
        return True
    if not can_ask(output):
        raise click.UsageError(f"{question} Nobody is there to answer; give --yes to say so beforehand.")
    return click.confirm(clean_message(question), default=False, err=True)


def ask(question: str, default: str | None = None) -> str:
    """Ask for a text."""
    answer: str = click.prompt(clean_message(question), default=default, err=True)
    return answer


def choose(question: str, choices: Sequence[str]) -> str:
    """Ask for one of several texts."""
    answer: str = click.prompt(clean_message(question), type=click.Choice(choices), err=True)
    return answer


class ConflictPrompt:
    """Asks who wins a conflict. A capital letter answers for all conflicts that follow, in all buckets.

    Args:
        output: Where the facts are shown.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._for_all: ConflictPolicy | None = None
        self._answered_for_all = False

    def as_callback(self, *held: Hold) -> Callable[[Operation], ConflictPolicy | None]:
        """Return the question as the engine asks it: `None` leaves the conflict. `held` is entered for so long."""

        def ask_person(operation: Operation) -> ConflictPolicy | None:
            if self._answered_for_all:
                return self._for_all
            with ExitStack() as stack:
                for hold in held:
                    stack.enter_context(hold())
                return self._ask(operation)

        return ask_person

    def _ask(self, operation: Operation) -> ConflictPolicy | None:
        self._output.error(f"{operation.key}: {operation.explanation}")
        if operation.local is not None:
            self._output.error(f"  here:          {_format_side(operation.local.size, operation.local.mtime_ns)}")
        if operation.remote is not None:
            remote = operation.remote
            moment = (remote.modified_ns or None) if remote.mtime_ns is None else remote.mtime_ns
            self._output.error(f"  in the bucket: {_format_side(remote.size, moment)}")
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


def _format_side(size: int, mtime_ns: int | None) -> str:
    return f"{format_size(size)}, {format_time(mtime_ns)}"
