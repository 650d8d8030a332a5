"""Filters of a new configuration: the patterns of `.gitignore`, translated for `.buckiaignore`.

Both files have the same patterns. Those of `.gitignore` are relative to its directory, and those of `.buckiaignore` to
each synced folder, so a pattern with a slash is translated:

    synced        pattern             becomes
    everything    any                 the same
    assets/       *.log               the same, since it matches at any level
    assets/       /assets/tmp         /tmp
    assets/       /dist, docs/a       nothing: it can't match in assets/
    assets/       /assets, assets/*   nothing: git ignores the folder, and the user wants it synced
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from buckia_core.cli.setup.folders import EVERYTHING, FolderChoice
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.prompts import can_ask
from buckia_core.config.trust.bounded_read import read_text
from buckia_core.localfs.replace import SHARED_MODE, replace_file
from buckia_core.planning.gitignore import PatternList, invalid_pattern_reason, parse_pattern
from buckia_core.syncing.scan.filters import IGNORE_FILE

SOURCE_NAME = ".gitignore"

HEAD = """\
# Files that Buckia leaves out, besides those of `exclude` in .buckia.
# Patterns as in .gitignore, relative to each synced folder.
"""


_ALL = (["*"], ["**"])
"""Parts of a pattern below a folder that match everything in it."""


@dataclass(slots=True)
class Translated:
    """Patterns for the synced folders.

    Attributes:
        shared: Lines of `.buckiaignore`, with comments.
        by_folder: Patterns for the setting `exclude` of single folders.
        notes: What was not translated, one sentence each.
    """

    shared: list[str] = field(default_factory=list)
    by_folder: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Content of `.buckiaignore`; empty if there are no patterns for it."""
        has_patterns = any(parse_pattern(line) for line in self.shared)
        return HEAD + "\n".join([*self.shared, ""]) if has_patterns else ""


def read_gitignore(directory: Path) -> list[str]:
    """Return the lines of the `.gitignore` of a directory; none if there is no such file.

    Raises:
        ConfigError: It is not UTF-8, or no regular file.
        OSError: It can't be read.
    """
    try:
        return read_text(directory / SOURCE_NAME).replace("\r\n", "\n").rstrip("\n").split("\n")
    except FileNotFoundError:
        return []


def translate(lines: Sequence[str], folders: Sequence[FolderChoice]) -> Translated:
    """Translate the lines of a `.gitignore` for the folders that are synced; no folders stand for everything."""
    found = Translated()
    valid = []
    for number, line in enumerate(lines, 1):
        if line.strip(" ") and not line.startswith("#") and (reason := invalid_pattern_reason(line)):
            found.notes.append(f"{SOURCE_NAME}:{number}: {line!r} was left out: it {reason}")
        else:
            valid.append(line)
    names = [each.name for each in folders if each.name != EVERYTHING]
    if not names:
        found.shared = valid
        return found
    probe = PatternList(valid)
    ignored = [name for name in names if probe.match(f"{name}/") or _is_emptied(valid, name)]
    if ignored:
        found.notes.append(f"Git ignores {', '.join(ignored)}, which you chose to sync; Buckia syncs it.")
    lists = {name: [text for line in valid if (text := _relative(line, name)) is not None] for name in names}
    if len(names) == 1:
        found.shared = lists[names[0]]
    elif _has_same_order(valid):
        found.shared = [line for line in valid if not _is_anchored(line)]
        found.by_folder = {
            name: own for name, each in lists.items() if (own := [line for line in each if line not in found.shared])
        }
    else:
        # A `!` takes back only patterns before it, so each folder gets all of them in their order.
        found.by_folder = {name: [line for line in each if parse_pattern(line)] for name, each in lists.items()}
    return found


def _is_emptied(lines: Sequence[str], folder: str) -> bool:
    """Tell whether a pattern such as `dist/*` matches all that is in a folder."""
    patterns = [pattern for pattern in map(parse_pattern, lines) if pattern and not pattern.negated]
    return any(pattern.text in (f"{folder}/*", f"{folder}/**") for pattern in patterns)


def _is_anchored(line: str) -> bool:
    pattern = parse_pattern(line)
    return pattern is not None and pattern.anchored and not pattern.text.startswith("**/")


def _has_same_order(lines: Sequence[str]) -> bool:
    """Tell whether patterns with and without a slash can be listed apart: there is no `!`, or only one kind."""
    patterns = [pattern for pattern in map(parse_pattern, lines) if pattern]
    is_mixed = len({pattern.anchored for pattern in patterns}) > 1
    return not is_mixed or not any(pattern.negated for pattern in patterns)


def _relative(line: str, folder: str) -> str | None:
    """Return a line as it is written for a folder; `None` if it matches nothing below it that the folder decides."""
    if not _is_anchored(line):
        return line
    pattern = parse_pattern(line)
    assert pattern is not None
    parts, above = pattern.text.split("/"), folder.split("/")
    if len(parts) <= len(above):
        return None
    at = next((at for at, part in enumerate(parts[: len(above)]) if part == "**"), len(above))
    if not all(PatternList([part]).match(name) for part, name in zip(parts[:at], above[:at], strict=True)):
        return None
    rest = parts[at:]
    if rest in _ALL and not pattern.negated:
        return None
    return f"{'!' if pattern.negated else ''}/{'/'.join(rest)}{'/' if pattern.directory_only else ''}"


@dataclass(frozen=True, slots=True)
class Filters:
    """What to write for the filters of a project.

    Attributes:
        path: The ignore file.
        text: Its content; empty to write none.
        by_folder: Patterns for the setting `exclude` of single folders.
    """

    path: Path
    text: str = ""
    by_folder: dict[str, list[str]] = field(default_factory=dict)

    def apply(self, settings: dict[str, object]) -> dict[str, object]:
        """Return the settings for the synced folders, with the patterns of each."""
        paths = settings.get("paths")
        if not isinstance(paths, list) or not self.by_folder:
            return settings
        excluded = [self.by_folder.get(str(each["local"]).rstrip("/")) for each in paths]
        rules = zip(paths, excluded, strict=True)
        return settings | {"paths": [{**each, "exclude": own} if own else each for each, own in rules]}

    def write(self, output: Output) -> None:
        """Write the ignore file, if there is something to write.

        Raises:
            OSError: It can't be written.
        """
        if self.text:
            replace_file(self.path, self.text.encode(), mode=SHARED_MODE)
            output.note(f"{IGNORE_FILE} is written, from {SOURCE_NAME}.")


def plan_filters(output: Output, directory: Path, folders: Sequence[FolderChoice], wanted: bool | None) -> Filters:
    """Return the filters from the `.gitignore` of a directory. Asks whether to use it, if `wanted` is `None`.

    An ignore file that exists is kept.

    Raises:
        ConfigError: The `.gitignore` can't be read.
    """
    target = directory / IGNORE_FILE
    found = Filters(target)
    if wanted is False or (wanted is None and not can_ask(output)):
        return found
    lines = read_gitignore(directory)
    if not any(parse_pattern(line) for line in lines):
        if wanted:
            output.note(f"There is no {SOURCE_NAME} with patterns here.")
        return found
    if target.exists():
        output.note(f"{IGNORE_FILE} exists, and is kept as it is.")
        return found
    if wanted is None and not click.confirm(f"Leave out what {SOURCE_NAME} leaves out?", default=True, err=True):
        return found
    translated = translate(lines, folders)
    inner = [f"{each.name}/{SOURCE_NAME}" for each in folders if (directory / each.name / SOURCE_NAME).is_file()]
    if inner and folders[0].name != EVERYTHING:
        translated.notes.append(f"Not read: {', '.join(inner)}.")
    for note in translated.notes:
        output.note(note)
    return Filters(target, translated.text, translated.by_folder)
