"""Picture of a sync at a terminal for the README: `make picture` writes `docs/sync.svg`.

Runs the real command on the demo project in a pseudo-terminal (Linux and macOS), and draws what is on the screen
afterwards with rich.
"""

from __future__ import annotations

import io
import os
import pty
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
PICTURE = HERE.parents[1] / "docs" / "sync.svg"
WIDTH = 120

_FONT_FACES = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
"""rich's template loads a font from another host; readers get the monospaced font of their system."""
_SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([\r\n])")


def main() -> None:
    PICTURE.write_text(draw(record()), "utf-8")
    print(f"{PICTURE} is written.")


def record() -> list[str]:
    """Run the scenario and return the lines on the screen, with their colours as escape sequences."""
    with tempfile.TemporaryDirectory() as directory:
        project, bucket = Path(directory, "project"), Path(directory, "bucket")
        shutil.copytree(HERE / "project", project, ignore=shutil.ignore_patterns(".buckia-state"))
        bucket.mkdir()
        _run(project, "sync")
        change_both_sides(project / "demo-team", bucket / "demo-team")
        lines: list[str] = []
        for command in ("sync", "trash list", "status"):
            lines += [f"\x1b[1m$ buckia {command}\x1b[0m", *_run(project, *command.split()), ""]
        return lines[:-1]


def change_both_sides(project: Path, bucket: Path) -> None:
    """Make one change of each kind."""
    shutil.copy(project / "images" / "sunrise.jpg", project / "images" / "cover.jpg")
    logo = bucket / "images" / "logo.svg"
    logo.write_text(logo.read_text("utf-8").replace("#2f6f8f", "#8f2f4f"), "utf-8")
    (bucket / "images" / "harbour.png").unlink()
    (project / "notes.txt").write_text("Written in the project.\n", "utf-8")
    (bucket / "notes.txt").write_text("Written in the bucket.\n", "utf-8")


def draw(lines: list[str]) -> str:
    """Draw the lines as an SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    for line in lines:
        text = Text.from_ansi(line)
        for row in text.divide(range(WIDTH, len(text), WIDTH)):  # as a terminal does
            console.print(row, soft_wrap=True)
    template = _FONT_FACES.sub("", CONSOLE_SVG_FORMAT)
    return console.export_svg(title="buckia", code_format=template, unique_id="buckia")


def _run(project: Path, *arguments: str) -> list[str]:
    command = shutil.which("buckia", path=sysconfig.get_path("scripts"))
    assert command is not None, f"there is no buckia command beside {sys.executable}"
    outer, inner = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": "40", "TZ": "UTC"}
    for name in ("NO_COLOR", "FORCE_COLOR"):
        environment.pop(name, None)
    process = subprocess.Popen(
        [command, *arguments], cwd=project, env=environment, stdin=inner, stdout=inner, stderr=inner
    )
    os.close(inner)
    output = _read_all(lambda: os.read(outer, 1 << 16))
    os.close(outer)
    code = process.wait()
    assert code == 0, f"buckia {' '.join(arguments)} ended with exit code {code}:\n{output}"
    return screen(output)


def _read_all(read: Callable[[], bytes]) -> str:
    chunks = []
    while True:
        try:
            chunk = read()
        except OSError:  # Linux: EIO at the end
            break
        if not chunk:
            break
        chunks.append(chunk)
    return b"".join(chunks).decode("utf-8")


def screen(output: str) -> list[str]:
    """Return the lines that a terminal shows after this output: erased lines, such as progress bars, are gone."""
    lines, row, end = [""], 0, 0
    for match in _SEQUENCE.finditer(output):
        lines[row] += output[end : match.start()]
        end = match.end()
        parameter, final, control = match.groups()
        if control == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif final == "A":
            row = max(0, row - int(parameter or 1))
        elif final == "K":
            lines[row] = ""
        elif final == "m":
            lines[row] += match[0]
    lines[row] += output[end:]
    while lines and not lines[-1]:
        lines.pop()
    return lines


if __name__ == "__main__":
    main()
