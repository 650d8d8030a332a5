"""`python -m buckia`, and what the command `buckia` runs."""

from __future__ import annotations

import gc
import os
import sys


def main() -> int:
    """Run the command with the arguments of the process, and return its exit code."""
    from buckia_core.cli import main as run  # noqa: PLC0415  # importing this module alone stays free

    code = run()
    # The interpreter would look through every object that is left for cycles once more before it ends.
    gc.freeze()
    return code


if __name__ == "__main__":
    # `python -m` puts the current directory in front, where a project could have modules and plugins of its own.
    if sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    sys.exit(main())
