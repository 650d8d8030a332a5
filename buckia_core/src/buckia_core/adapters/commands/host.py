"""Command host: gives a plugin's command the selected bucket, and prints its results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from buckia_core.adapters.commands.table import Cell, Column, Row
from buckia_core.adapters.contract.base import BaseSync
from buckia_core.config import BucketConfig


class CommandHost(Protocol):
    """The object that `click.pass_obj` passes to the commands of `buckia_register_commands`.

    A command returns its exit code, `None` for 0. It raises a `BuckiaError` on failure: the message and the exit code
    follow from the class.
    """

    def one_bucket(self, *providers: str) -> BucketConfig:
        """Return the configured bucket that the options select, or the only one.

        Args:
            *providers: Provider ids that the command supports; none for all.

        Raises:
            ConfigError: The configuration or the bucket is missing, or the bucket's provider is not supported.
            click.UsageError: Several buckets are configured and the options select none.
        """

    def adapter(self, *providers: str) -> AbstractContextManager[BaseSync]:
        """Open the adapter of `one_bucket`, without wrappers; the context manager closes it.

        Args:
            *providers: As for `one_bucket`.

        Raises:
            ConfigError: As `one_bucket`.
        """

    def resumable_uploads(self) -> Mapping[str, str]:
        """Return the uploads to `one_bucket` that the next sync resumes: keys, and the texts of their checkpoints.

        Raises:
            ConfigError: As `one_bucket`.
        """

    def result(self, record: Mapping[str, object], *lines: str) -> None:
        """Print a result: the record as a line of JSON under `--json`, else the lines. Masks known secrets."""

    def disclose(self, record: Mapping[str, object], *lines: str) -> None:
        """Print a result that contains a secret, such as a new key."""

    def table(self, columns: Sequence[Column], rows: Iterable[Row], *, stream: bool = False) -> None:
        """Print a table: at a terminal with titles, elsewhere as plain lines, under `--json` the records.

        Put the longest column last: it is the one that is wrapped. Masks known secrets.

        Args:
            columns: The columns, from left to right.
            rows: Records and cells; may be an iterator.
            stream: Print each row as soon as `rows` yields it, without titles. Columns get their minimum width.
        """

    def facts(self, record: Mapping[str, object], facts: Iterable[tuple[str, Cell]], *, disclose: bool = False) -> None:
        """Print the properties of one thing, a name and a value a line; under `--json` the record.

        Masks known secrets, unless `disclose` says that a new secret is among the values.
        """

    def say(self, line: str) -> None:
        """Print a message about what was done; not under `--json` or `--quiet`."""

    def note(self, line: str) -> None:
        """Print a note on standard error; not under `--quiet`."""

    def confirm(self, question: str, *, yes: bool) -> bool:
        """Ask the user for confirmation; `yes` is the option `--yes`, which skips the question.

        Raises:
            click.UsageError: Without `yes`, and standard input is no terminal.
        """
