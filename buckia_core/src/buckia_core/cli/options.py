"""Values of the global options."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Options:
    """Values of the global options, filled in while the command line is parsed.

    Attributes:
        config: Configuration file; `None` to search for it.
        buckets: Names of buckets, in the order given; empty for all.
        verbosity: -1 errors only, 0 default, 1 information, 2 debugging and tracebacks, 3 libraries too.
        json: Whether standard output is JSON Lines.
        log_file: File for the log, besides standard error.
    """

    config: Path | None = None
    buckets: list[str] = field(default_factory=list)
    verbosity: int = 0
    json: bool = False
    log_file: Path | None = None

    @property
    def quiet(self) -> bool:
        """Whether only errors and requested results are shown."""
        return self.verbosity < 0

    @property
    def tracebacks(self) -> bool:
        """Whether errors are shown with a traceback."""
        return self.verbosity >= 2
