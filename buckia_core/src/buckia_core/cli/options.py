"""What the options of `buckia` itself say."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Options:
    """What the options of `buckia` say so far; filled in while the command line is read.

    Attributes:
        config: The configuration file; `None` means "look for it".
        buckets: Names of buckets, in the order given; empty means "all".
        verbosity: -1 errors only, 0 usual, 1 information, 2 debugging and tracebacks, 3 the libraries' own too.
        json: One JSON object a line on standard output.
        log_file: Where the log goes besides.
    """

    config: Path | None = None
    buckets: list[str] = field(default_factory=list)
    verbosity: int = 0
    json: bool = False
    log_file: Path | None = None

    @property
    def quiet(self) -> bool:
        """Only errors, and what was asked for, are shown."""
        return self.verbosity < 0

    @property
    def tracebacks(self) -> bool:
        """Errors show where in the program they happened."""
        return self.verbosity >= 2
