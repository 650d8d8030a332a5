"""docs/cli.md says of each command what the command says of itself."""

import re
from pathlib import Path

import click
import pytest

from buckia_core.cli.app import COMMANDS, cli
from buckia_core.cli.global_options import GlobalOption, global_options

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "cli.md").read_text("utf-8")
SOURCES = sorted((ROOT / "buckia_core" / "src" / "buckia_core" / "cli").rglob("*.py"))


def section(title):
    """Return the text under a heading, up to the next heading."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {title!r}"
    return found[1]


def commands(group, name):
    context = click.Context(group, **group.context_settings)
    names = COMMANDS if group is cli else group.list_commands(context)
    for each in names:
        command = group.get_command(context, each)
        yield f"{name} {each}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {each}")


ALL = dict(commands(cli, "buckia"))


@pytest.mark.parametrize("name", ALL)
def test_the_section_of_a_command_has_its_options_and_arguments(name):
    text = section(name)
    own = [each for each in ALL[name].params if not isinstance(each, GlobalOption)]
    options = {word for each in own if isinstance(each, click.Option) for word in (*each.opts, *each.secondary_opts)}
    assert {option for option in options if not re.search(rf"{re.escape(option)}(?![\w-])", text)} == set()
    names = [each.human_readable_name.upper() for each in own if isinstance(each, click.Argument)]
    arguments = {word for name in names for word in re.findall(r"[A-Z_]+", name)}
    arguments -= {"SHELL"}
    assert {each for each in arguments if not re.search(rf"\b{each}\b", text)} == set()


@pytest.mark.parametrize("name", ALL)
def test_a_section_names_no_option_that_is_not_there(name):
    known = {word for each in ALL[name].params for word in (*each.opts, *each.secondary_opts)}
    rows = re.findall(r"^\| `(.*?) \|", section(name), re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", row)}
    assert named - known == set()


def test_the_global_options_are_all_there():
    text = section("Global options")
    words = {word for option in global_options() for word in option.opts} | {"--version", "--help", "-h"}
    assert {word for word in words if f"`{word}" not in text} == set()


def test_every_command_takes_the_global_options():
    wanted = {word for option in global_options() for word in option.opts}
    for name, command in ALL.items():
        taken = [word for option in command.params for word in option.opts]
        assert wanted <= set(taken), name
        assert len(taken) == len(set(taken)), name


def test_every_kind_of_json_line_is_documented():
    source = "".join(path.read_text("utf-8") for path in SOURCES)
    kinds = set(re.findall(r'"type": "(\w+)"', source)) | set(re.findall(r'kind(?:: str)? ?= ?"(\w+)"', source))
    kinds -= {"UsageError"}
    text = section("JSON output")
    assert len(kinds) > 15
    assert {kind for kind in kinds if f"`{kind}`" not in text and f'"type": "{kind}"' not in text} == set()
