"""`buckia new-adapter`."""

from __future__ import annotations

import keyword
import re
import shutil
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from string import Template

import click

from buckia_core import __version__
from buckia_core.adapters.plugins.registry import known_extras, registry
from buckia_core.cli.app import Command
from buckia_core.cli.context import CliContext, pass_context
from buckia_core.cli.exit_codes import ExitCode

_TEMPLATE = "adapter_template"
_SUFFIX = ".txt"
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_MAX_NAME = 50


@click.command("new-adapter", cls=Command)
@click.argument("name")
@click.argument("target", metavar="[DIRECTORY]", type=click.Path(path_type=Path), required=False)
@pass_context
def new_adapter_command(context: CliContext, name: str, target: Path | None) -> ExitCode:
    """Write a new package with an adapter for provider NAME.

    Writes into DIRECTORY, which must not exist; the default is buckia-NAME. The package speaks HTTP, and passes the
    conformance suite against a server that comes with it: change it step by step to your provider.
    """
    _check_name(name)
    values = template_values(name)
    target = target or Path(values["distribution"])
    files = render_template(values)
    _write(target, files)
    quoted = f'"{target}"' if " " in str(target) else target
    context.output.result(
        {"type": "written", "path": str(target.absolute())},
        f'{target} is written: {len(files)} files. Next: cd {quoted} && pip install -e ".[test]" && pytest',
    )
    return ExitCode.DONE


def _write(target: Path, files: Mapping[PurePosixPath, str]) -> None:
    """Write all files into a new directory, or leave none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.mkdir()
    except FileExistsError:
        raise click.UsageError(f"{target} exists. Choose another DIRECTORY, or remove it.") from None
    try:
        for path, text in files.items():
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8", newline="\n")
    except BaseException as error:
        shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, OSError) and error.filename is None:  # a full disk is no fault of a file
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise


def template_values(name: str) -> dict[str, str]:
    """Return what the template's placeholders stand for."""
    major, minor, *_ = __version__.split(".")
    return {
        "name": name,
        "Name": "".join(part.capitalize() for part in name.split("_")),
        "NAME": name.upper(),
        "package": f"buckia_{name}",
        "distribution": f"buckia-{name.replace('_', '-')}",
        "version": __version__,
        "next_version": f"{major}.{int(minor) + 1}",
    }


def render_template(values: Mapping[str, str]) -> dict[PurePosixPath, str]:
    """Return the files of the package, by path."""
    root = resources.files("buckia_core.cli") / _TEMPLATE
    return dict(sorted(_render(root, PurePosixPath(), values).items()))


def _render(source: Traversable, path: PurePosixPath, values: Mapping[str, str]) -> dict[PurePosixPath, str]:
    if source.is_file():
        return {path.with_name(path.name.removesuffix(_SUFFIX)): Template(source.read_text("utf-8")).substitute(values)}
    found: dict[PurePosixPath, str] = {}
    for each in source.iterdir():
        name = values["package"] if each.name == "package" else each.name
        found |= _render(each, path / name, values)
    return found


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME or keyword.iskeyword(name):
        raise click.UsageError(
            f"{name[: _MAX_NAME + 1]!r} can't be the id of a provider: at most {_MAX_NAME} lower-case ASCII letters, "
            "digits and single underscores."
        )
    taken = {*known_extras(), *(status.provider for status in registry().providers())}
    taken.add("base")  # `BaseSync` is the class that adapters derive from
    if name in taken or find_spec(f"buckia_{name}") is not None:
        raise click.UsageError(f"There is a provider {name!r} already. Choose another name.")
