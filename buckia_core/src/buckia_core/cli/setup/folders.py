"""Folders of a new configuration: suggested from what the directory has, and chosen by options or answers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from buckia_core.cli.terminal.output import Output, masked
from buckia_core.planning.policy import Direction

EVERYTHING = "."
"""Stands for the whole directory."""

_BUILT = (Direction.UP, "made by a build, so it is only uploaded")
_SERVED = (Direction.UP, "served as it is, so it is only uploaded")
_USED = (Direction.BOTH, "files that people change on both sides")

_KNOWN = {
    **dict.fromkeys(("build", "dist", "out", "site", "_site"), _BUILT),
    **dict.fromkeys(("public", "static", "www"), _SERVED),
    **dict.fromkeys(
        ("assets", "audio", "content", "data", "docs", "images", "media", "photos", "uploads", "videos"), _USED
    ),
}


@dataclass(frozen=True, slots=True)
class FolderChoice:
    """A folder to sync.

    Attributes:
        name: Path relative to the configuration, without a slash at the end; `EVERYTHING` for the whole directory.
        direction: Direction of transfers.
        reason: Why it is suggested; empty if the user named it.
    """

    name: str
    direction: Direction = Direction.BOTH
    reason: str = ""

    @property
    def answer(self) -> str:
        """The folder as a user types it."""
        return self.name if self.direction is Direction.BOTH else f"{self.name}:{self.direction.value}"


def suggest_folders(directory: Path) -> list[FolderChoice]:
    """Return the folders of a directory that projects often sync, in order of their names."""
    with os.scandir(directory) as entries:
        names = sorted(each.name for each in entries if each.name.lower() in _KNOWN and each.is_dir())
    return [FolderChoice(name, *_KNOWN[name.lower()]) for name in names]


def parse_folder(text: str) -> FolderChoice:
    """Parse `NAME` or `NAME:DIRECTION`.

    Raises:
        click.UsageError: It names no folder, or one outside of the project.
    """
    name, colon, direction = text.strip().rpartition(":")
    if not colon:
        name, direction = text.strip(), Direction.BOTH.value
    elif direction not in [each.value for each in Direction]:
        raise click.UsageError(
            f"{text!r}: {direction!r} is no direction; write up, down or both. For a folder with a colon in its name: "
            f"{text.strip()}:both"
        )
    name = name.replace(os.sep, "/").removeprefix("./").rstrip("/") or (EVERYTHING if text.strip() == "./" else "")
    parts = name.split("/")
    if not name or os.path.isabs(name) or (name != EVERYTHING and not {"", ".", ".."}.isdisjoint(parts)):
        raise click.UsageError(f"{text!r} is no folder of this directory; write NAME, NAME:up or NAME:down.")
    return FolderChoice(name, Direction(direction))


def parse_folders(texts: Sequence[str]) -> list[FolderChoice]:
    """Parse several folders; the whole directory must stand alone.

    Raises:
        click.UsageError: One is invalid, given twice, or part of another one.
    """
    found = [parse_folder(text) for text in texts if text.strip()]
    names = [each.name for each in found]
    for name in names:
        for other in names:
            is_inside = other == EVERYTHING or name.startswith(f"{other}/")
            if names.count(name) > 1 or (name != other and is_inside):
                raise click.UsageError(f"The folder {name!r} is given twice, or is part of another one.")
    return found


def ask_folders(output: Output, directory: Path) -> list[FolderChoice]:
    """Suggest folders and ask for them. Asks nothing, and returns nothing, if there is nothing to suggest."""
    suggested = suggest_folders(directory)
    if not suggested:
        return []
    width = max(len(each.name) for each in suggested) + 1
    output.note("Folders here that are often synced:")
    for each in suggested:
        output.note(f"  {masked(each.name + '/'):{width}}  {each.direction.value:4}  {each.reason}")
    chosen: list[FolderChoice] = click.prompt(
        "Folders to sync, with commas between: NAME, NAME:up or NAME:down; . for everything",
        default=", ".join(each.answer for each in suggested),
        err=True,
        value_proc=lambda text: parse_folders(text.split(",")),
    )
    return chosen


def folder_settings(folders: Sequence[FolderChoice]) -> dict[str, object]:
    """Return the settings of the configuration for the chosen folders; none for everything in both directions."""
    if not folders:
        return {}
    if folders[0].name == EVERYTHING:
        return {} if folders[0].direction is Direction.BOTH else {"direction": folders[0].direction.value}
    # Each keeps its name in the bucket, and says its direction: without one, only the first of several downloads.
    return {
        "paths": [
            {"local": f"{each.name}/", "remote": f"{each.name}/", "direction": each.direction.value} for each in folders
        ]
    }
