"""Entry point of `python -m buckia` and of the command `buckia`."""

from __future__ import annotations

import gc
import os
import sys


def main() -> int:
    """Run the command line, and return its exit code."""
    restart_in_utf8_mode()
    # Imported modules stay in memory, so frequent runs of the garbage collector find nothing.
    gc.set_threshold(50_000, 20, 50)
    from buckia_core.cli import main as run  # noqa: PLC0415  # keeps the import of this module cheap

    code = run()
    # Skip the garbage collection at exit.
    gc.freeze()
    return code


def restart_in_utf8_mode() -> None:
    """Restart in Python's UTF-8 mode if the locale has another encoding, which would change file names."""
    if sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode and sys.executable and os.name != "nt":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606  # the same command


if __name__ == "__main__":
    # `python -m` adds the current directory to the path, where a project may have modules of the same names.
    if sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    sys.exit(main())
