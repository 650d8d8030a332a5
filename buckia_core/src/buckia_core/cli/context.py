"""Context of one run of the command: options, output, configuration and clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buckia_core.cli import log_setup
from buckia_core.cli.exit_codes import ExitCode, worst_exit_code
from buckia_core.cli.options import Options
from buckia_core.cli.report import errors
from buckia_core.cli.terminal.output import Output, PipeClosed
from buckia_core.errors import ConfigError

if TYPE_CHECKING:
    from buckia_core.adapters.commands.table import Cell, Column, Row
    from buckia_core.adapters.contract.base import BaseSync
    from buckia_core.client import BuckiaClient
    from buckia_core.config import BucketConfig, ConfigFile


class CliContext:
    """Context object of commands. Reads and imports nothing before it is used.

    Commands of plugins receive it as their `CommandHost`.

    Attributes:
        options: The global options.
        output: The output streams.
        bucket: Name of the bucket that the command works on, after a call of `one_bucket`.
    """

    def __init__(self) -> None:
        self.options = Options()
        self.output = Output(self.options)
        self.bucket: str | None = None

    def configure_logs(self) -> None:
        """Configure logging from the options."""
        log_setup.configure_logging(self.output)

    @cached_property
    def config_file(self) -> ConfigFile:
        """Configuration that the options name, or the nearest one.

        Raises:
            ConfigError: There is no configuration, or it is invalid.
        """
        from buckia_core.config import load  # noqa: PLC0415  # imports the YAML library

        return load(config_path(self.options))

    def buckets(self, *, with_share_buckets: bool = False) -> list[BucketConfig]:
        """Return the selected buckets in the order of the options, else `ConfigFile.synced_buckets` or all.

        Raises:
            BucketNotConfigured: The configuration has no bucket of a given name.
            ConfigError: None is given, and each is the share bucket of another.
        """
        file = self.config_file
        if self.options.buckets:
            return [file.bucket(name) for name in self.options.buckets]
        chosen = list(file.buckets.values()) if with_share_buckets else file.synced_buckets
        if not chosen:
            raise ConfigError("each bucket is the share bucket of another one; name one with --bucket")
        return chosen

    def one_bucket(self, *providers: str) -> BucketConfig:
        """See `CommandHost`."""
        chosen = self.buckets()
        matching = [config for config in chosen if not providers or config.provider in providers]
        if len(chosen) == 1 and matching:
            self.bucket = chosen[0].name
            return chosen[0]
        if matching:
            names = ", ".join(config.name for config in matching)
            raise click.UsageError(f"This command works on one bucket. Choose it with --bucket: {names}.")
        raise ConfigError(self._wrong_provider_message(chosen, providers))

    def _wrong_provider_message(self, chosen: Sequence[BucketConfig], providers: Sequence[str]) -> str:
        """Build the message that no selected bucket has one of the providers, with the buckets that do."""
        known = [self.config_file.bucket(name) for name in self.config_file.buckets]
        names = [config.name for config in known if config.provider in providers]
        advice = f"name another one with --bucket: {', '.join(names)}" if names else "the configuration has none of it"
        wanted = " or ".join(repr(name) for name in providers)
        each = ", ".join(f"bucket {config.name!r} is of provider {config.provider!r}" for config in chosen)
        return f"{each}, and this command works on {wanted}: {advice}"

    @contextmanager
    def client(self, config: BucketConfig) -> Iterator[BuckiaClient]:
        """Open a client for a bucket, and close it at the end of the block."""
        from buckia_core.client import BuckiaClient  # noqa: PLC0415  # imports the engine

        client = BuckiaClient(config)
        try:
            yield client
        finally:
            # An error that is shown later may contain one of them.
            self.output.remember_secrets()
            client.close()

    @contextmanager
    def adapter(self, *providers: str) -> Iterator[BaseSync]:
        """See `CommandHost`."""
        from buckia_core.adapters.factory import open_adapter  # noqa: PLC0415  # as above

        with open_adapter(self.one_bucket(*providers)) as adapter:
            try:
                yield adapter
            finally:
                self.output.remember_secrets()

    def resumable_uploads(self) -> Mapping[str, str]:
        """See `CommandHost`."""
        from buckia_core.syncing.bulk.run import own_files  # noqa: PLC0415
        from buckia_core.syncing.state.locations import StateFiles  # noqa: PLC0415  # as above
        from buckia_core.syncing.state.resume_store import ResumeStore  # noqa: PLC0415

        with self.client(self.one_bucket()) as client:
            files = StateFiles.for_adapter(client.state_dir, client.config.name, client.adapter)
            of_commands = ResumeStore(own_files(files)).upload_checkpoints()
            return of_commands | ResumeStore(files).upload_checkpoints()

    def result(self, record: Mapping[str, object], *lines: str) -> None:
        """See `CommandHost`."""
        self.output.result(record, *lines)

    def disclose(self, record: Mapping[str, object], *lines: str) -> None:
        """See `CommandHost`."""
        self.output.disclose(record, *lines)

    def table(self, columns: Sequence[Column], rows: Iterable[Row], *, stream: bool = False) -> None:
        """See `CommandHost`."""
        from buckia_core.cli.terminal.tables import show_table  # noqa: PLC0415  # many commands show none

        show_table(self.output, columns, rows, stream=stream)

    def facts(self, record: Mapping[str, object], facts: Iterable[tuple[str, Cell]], *, disclose: bool = False) -> None:
        """See `CommandHost`."""
        from buckia_core.cli.terminal.tables import show_facts  # noqa: PLC0415  # as above

        show_facts(self.output, record, facts, disclose=disclose)

    def say(self, line: str) -> None:
        """See `CommandHost`."""
        self.output.say(line)

    def note(self, line: str) -> None:
        """See `CommandHost`."""
        self.output.note(line)

    def confirm(self, question: str, *, yes: bool) -> bool:
        """See `CommandHost`."""
        from buckia_core.cli.terminal.prompts import confirm  # noqa: PLC0415  # few commands ask

        return confirm(self.output, question, yes=yes)

    def for_each_bucket(self, action: Callable[[BuckiaClient], ExitCode]) -> ExitCode:
        """Run a function for each selected bucket in turn, and return the worst exit code.

        An error of one bucket is reported, and the next one follows. An interruption ends the loop.
        """
        codes = []
        for config in self.buckets():
            try:
                with self.client(config) as client:
                    codes.append(action(client))
            except (click.ClickException, click.exceptions.Exit, click.Abort, PipeClosed, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001  # an error of one bucket must not skip the others
                codes.append(errors.print_error(error, self.output, bucket=config.name))
            if codes[-1] is ExitCode.INTERRUPTED:
                break
        return worst_exit_code(codes)


pass_context = click.make_pass_decorator(CliContext, ensure=True)
"""Decorator of commands that passes the `CliContext` as the first argument."""


def config_path(options: Options) -> Path:
    """Return the configuration file that the options name, or the nearest one.

    Raises:
        ConfigError: None is named, and this directory and its parents have none.
    """
    from buckia_core.config import find  # noqa: PLC0415  # as above

    return options.config or find(Path.cwd())
