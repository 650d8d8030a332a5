"""The command lines on our pages name commands and options that exist."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
import pytest

from buckia_core.cli.app import cli
from tests.docs.pages import PAGES, blocks

_ENDS = {"|", ">", ">>", "&&", "||", ";", "&"}


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Yield where each call of `buckia` in a block for a shell stands, and its words."""
    for page in PAGES:
        for block in blocks(page):
            if block.language not in ("console", "sh", "bash"):
                continue
            prompt = "$ " if block.language == "console" else ""
            for line in block.text.replace("\\\n", " ").splitlines():
                if line.startswith(f"{prompt}buckia "):
                    words = shlex.split(line.removeprefix(prompt), comments=True)
                    end = next((index for index, word in enumerate(words) if word in _ENDS), len(words))
                    yield f"{block.where}: {line}", words[1:end]


LINES = list(command_lines())


def parse(words: list[str]) -> None:
    """Parse a command line without calling anything.

    Raises:
        click.UsageError: It names a command or an option that does not exist.
    """
    command: click.Command = cli
    while True:
        context = click.Context(command, **command.context_settings)
        options, words, _ = command.make_parser(context).parse_args(words)
        if not isinstance(command, click.Group) or not words or "help" in options or "version" in options:
            return
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found


def test_the_pages_have_command_lines():
    assert len(LINES) > 80


@pytest.mark.parametrize(("where", "words"), LINES, ids=[where.partition(": ")[0] for where, _ in LINES])
def test_a_command_line_names_what_exists(where, words):
    parse(words)


@pytest.mark.parametrize(
    "words", ["sync --dry-rum", "-b a sync --rood", "sink", "s3 lifecycle set --identity a", "s3 lify"]
)
def test_a_wrong_command_line_would_be_found(words):
    with pytest.raises(click.UsageError):
        parse(words.split())
