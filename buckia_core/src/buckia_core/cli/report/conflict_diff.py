"""Unified diff of the two versions of a conflict, where both are text."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from buckia_core.cli.terminal.formatting import format_size
from buckia_core.cli.terminal.output import Output

if TYPE_CHECKING:
    from buckia_core.client import BuckiaClient
    from buckia_core.syncing.planner.resolve import Conflict

_STYLES = {"-": "red", "+": "green", "@": "cyan"}

MAX_DIFF_BYTES = 1 << 20
"""Maximum size in bytes of a version to compare."""


def show_diff(output: Output, client: BuckiaClient, conflict: Conflict) -> None:
    """Show a unified diff from the remote to the local version; else say why there is none."""
    if conflict.local_size is None or conflict.remote_size is None:
        return
    if max(conflict.local_size, conflict.remote_size) > MAX_DIFF_BYTES:
        output.note(f"Not compared: longer than {format_size(MAX_DIFF_BYTES)}")
        return
    local = _decode_lines((client.config.base_dir / conflict.path).read_bytes())
    with client.adapter.open_file(conflict.key) as reader:
        remote = _decode_lines(reader.read())
    if local is None or remote is None:
        output.note("Not compared: at least one side is not text")
        return
    for hunk in difflib.unified_diff(remote, local, f"{conflict.key} (in the bucket)", conflict.path, lineterm=""):
        for line in hunk.split("\n"):
            style = _STYLES.get(line[:1], "")
            output.result({"type": "diff", "line": line}, [(line.expandtabs(), style)])


def _decode_lines(content: bytes) -> list[str] | None:
    """Return the lines without line feeds; `None` if the content is not UTF-8 text.

    A last line without a line feed is followed by the remark that patches have for it.
    """
    if b"\0" in content:
        return None
    try:
        *lines, last = content.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return None
    return [*lines, f"{last}\n\\ No newline at end of file"] if last else lines
