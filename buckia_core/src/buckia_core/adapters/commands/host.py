"""What a plugin's command is handed: the bucket that was asked for, and where to put its results."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.config import BucketConfig


class CommandHost(Protocol):
    """The object of `click.pass_obj` in the commands that `buckia_register_commands` adds.

    A command raises a `BuckiaError` for what went wrong: the message and the exit code follow from it. What it returns
    is the exit code, 0 if it returns nothing.
    """

    def one_bucket(self, *providers: str) -> BucketConfig:
        """Return the bucket of the configuration that the options name, or the only one.

        Args:
            *providers: Ids of the providers whose buckets the command works on; without any, all.

        Raises:
            ConfigError: There is no configuration, or not this bucket in it; or the bucket is of another provider.
            click.UsageError: There are several, and the options do not say which.
        """

    def adapter(self, *providers: str) -> AbstractContextManager[BaseSync]:
        """Give the adapter of `one_bucket`, without the wrappers that the engine uses, and close it afterwards.

        Args:
            *providers: As for `one_bucket`.

        Raises:
            ConfigError: As `one_bucket`.
        """

    def resumable_uploads(self) -> Mapping[str, str]:
        """Return the uploads to `one_bucket` that the next sync goes on with: keys, and the texts of their notes.

        Raises:
            ConfigError: As `one_bucket`.
        """

    def result(self, record: Mapping[str, object], *lines: str) -> None:
        """Show one thing that was asked for: the record as a line of JSON under `--json`, else the lines.

        Secrets that the process holds are masked; `disclose` shows one.
        """

    def disclose(self, record: Mapping[str, object], *lines: str) -> None:
        """Show a result that is a secret itself, such as a key that was just made."""

    def say(self, line: str) -> None:
        """Tell a person what was done; not under `--json` or `--quiet`."""

    def note(self, line: str) -> None:
        """Tell a person something by the way, on standard error; not under `--quiet`."""

    def confirm(self, question: str, *, yes: bool) -> bool:
        """Ask a person whether to go on; `yes` is the answer that an option `--yes` gave beforehand.

        Raises:
            click.UsageError: It was not given, and nobody is there to ask.
        """
