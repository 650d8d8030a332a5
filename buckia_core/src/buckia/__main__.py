"""`python -m buckia`, and what the command `buckia` runs."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command with the arguments of the process, and return its exit code."""
    from buckia_core.cli import main as run  # noqa: PLC0415  # importing this module alone stays free

    return run()


if __name__ == "__main__":
    sys.exit(main())
