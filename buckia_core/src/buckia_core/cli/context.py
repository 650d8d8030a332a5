"""One call of the command: its options, its output, its configuration, and the clients made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    from buckia_core.adapters.contract.base import BaseSync
    from buckia_core.client import BuckiaClient
    from buckia_core.config import BucketConfig, ConfigFile


class CliContext:
    """What commands are handed as `click.pass_obj` hands it: nothing is read or imported before it is used.

    To the commands of plugins it is the `CommandHost`.

    Attributes:
        options: What the options of `buckia` say.
        output: Where text goes.
        bucket: The name of the one bucket that the command works on, once it has asked for it.
    """

    def __init__(self) -> None:
        self.options = Options()
        self.output = Output(self.options)
        self.bucket: str | None = None

    def configure_logs(self) -> None:
        """Make the log follow the options."""
        log_setup.configure(self.output)

    @cached_property
    def config_file(self) -> ConfigFile:
        """The configuration that the options name, or the nearest one.

        Raises:
            ConfigError: There is none, or it can't be used.
        """
        from buckia_core.config import load  # noqa: PLC0415  # YAML is read by those only who need it

        return load(config_path(self.options))

    def buckets(self) -> list[BucketConfig]:
        """Return the buckets that were asked for, in the order of the options, else of the file.

        Raises:
            BucketNotConfigured: One that was named is not in the configuration.
        """
        return [self.config_file.bucket(name) for name in self.options.buckets or self.config_file.buckets]

    def one_bucket(self, *providers: str) -> BucketConfig:
        """See `CommandHost`."""
        chosen = self.buckets()
        matching = [config for config in chosen if not providers or config.provider in providers]
        if len(chosen) == 1 and matching:
            self.bucket = chosen[0].name
            return chosen[0]
        if matching:
            names = ", ".join(config.name for config in matching)
            raise click.UsageError(f"This command works on one bucket. Say which with --bucket: {names}.")
        raise ConfigError(self._wrong_provider_message(chosen, providers))

    def _wrong_provider_message(self, chosen: Sequence[BucketConfig], providers: Sequence[str]) -> str:
        """Say that none of the chosen buckets is of the providers, and which ones there are that could be chosen."""
        known = [self.config_file.bucket(name) for name in self.config_file.buckets]
        names = [config.name for config in known if config.provider in providers]
        advice = f"name another one with --bucket: {', '.join(names)}" if names else "the configuration has none of it"
        wanted = " or ".join(repr(name) for name in providers)
        each = ", ".join(f"bucket {config.name!r} is of provider {config.provider!r}" for config in chosen)
        return f"{each}, and this command works on {wanted}: {advice}"

    @contextmanager
    def client(self, config: BucketConfig) -> Iterator[BuckiaClient]:
        """Give a client for a bucket, and close it afterwards."""
        from buckia_core.client import BuckiaClient  # noqa: PLC0415  # the engine is imported when it is used

        client = BuckiaClient(config)
        try:
            yield client
        finally:
            # An error that is told later may repeat one of them.
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
        from buckia_core.syncing.state.locations import StateFiles  # noqa: PLC0415  # as above
        from buckia_core.syncing.state.resume_store import ResumeStore  # noqa: PLC0415

        with self.client(self.one_bucket()) as client:
            return ResumeStore(
                StateFiles.for_adapter(client.state_dir, client.config.name, client.adapter)
            ).upload_checkpoints()

    def result(self, record: Mapping[str, object], *lines: str) -> None:
        """See `CommandHost`."""
        self.output.result(record, *lines)

    def disclose(self, record: Mapping[str, object], *lines: str) -> None:
        """See `CommandHost`."""
        self.output.disclose(record, *lines)

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

    def each_bucket(self, work: Callable[[BuckiaClient], ExitCode]) -> ExitCode:
        """Do `work` for the buckets that were asked for, one after the other, and return the worst exit code.

        A bucket that fails is reported, and does not keep the others from their turn. An interruption does.
        """
        codes = []
        for config in self.buckets():
            try:
                with self.client(config) as client:
                    codes.append(work(client))
            except (click.ClickException, click.exceptions.Exit, click.Abort, PipeClosed, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001  # whatever one bucket does, the others get their turn
                codes.append(errors.print_error(error, self.output, bucket=config.name))
            if codes[-1] is ExitCode.INTERRUPTED:
                break
        return worst_exit_code(codes)


pass_context = click.make_pass_decorator(CliContext, ensure=True)
"""Decorator of commands: hands in the `CliContext` as the first argument."""


def config_path(options: Options) -> Path:
    """Return the configuration file that the options name, or the nearest one.

    Raises:
        ConfigError: None is named, and there is none in this directory or above it.
    """
    from buckia_core.config import find  # noqa: PLC0415  # as above

    return options.config or find(Path.cwd())
