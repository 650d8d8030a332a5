"""`python -m buckia`, and what the command `buckia` runs."""

from __future__ import annotations

import gc
import os
import sys


def main() -> int:
    """Run the command with the arguments of the process, and return its exit code."""
    read_names_as_utf8()
    # What is imported now stays to the end: looking for cycles in it every 700 objects finds nothing.
    gc.set_threshold(50_000, 20, 50)
    from buckia_core.cli import main as run  # noqa: PLC0415  # importing this module alone stays free

    code = run()
    # The interpreter would look through every object that is left for cycles once more before it ends.
    gc.freeze()
    return code


def read_names_as_utf8() -> None:
    """Start again in Python's UTF-8 mode where the locale has another encoding, which would change names of files."""
    if sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode and sys.executable and os.name != "nt":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  # this very command


if __name__ == "__main__":
    # `python -m` puts the current directory in front, where a project could have modules and plugins of its own.
    if sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    sys.exit(main())
