"""Every command, option and exit code is documented in docs/cli.md."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from buckia_core.cli.app import cli
from buckia_core.cli.exit_codes import ExitCode
from tests.docs.pages import ROOT, name_of

PAGE = ROOT / "docs" / "cli.md"


def commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield all commands below a group, with their full names."""
    context = click.Context(group, **group.context_settings)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        assert command is not None
        yield f"{name} {each}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {each}")


COMMANDS = dict(commands(cli, "buckia"))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_documented(name):
    assert re.search(rf"{re.escape(name)}\b", PAGE.read_text("utf-8"))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_options_of_a_command_are_documented(name):
    text = PAGE.read_text("utf-8")
    options = (option for option in COMMANDS[name].params if isinstance(option, click.Option) and not option.hidden)
    longest = {max([*option.opts, *option.secondary_opts], key=len) for option in options}
    assert {option for option in longest if not re.search(rf"{re.escape(option)}(?![\w-])", text)} == set()


@pytest.mark.parametrize("page", [PAGE, ROOT / "README.md"], ids=name_of)
def test_the_exit_codes_are_all_there_and_no_others(page):
    rows = {int(code) for code in re.findall(r"^\| `?(\d+)`? \|", page.read_text("utf-8"), re.MULTILINE)}
    assert rows == {int(code) for code in ExitCode}
