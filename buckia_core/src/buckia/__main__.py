"""`python -m buckia`, and what the command `buckia` runs."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Run the command with the arguments of the process, and return its exit code."""
    from buckia_core.cli import main as run  # noqa: PLC0415  # importing this module alone stays free

    code = run()
    # The interpreter would look through every object that is left for cycles once more before it ends.
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(main())
