"""Exit codes of the process, for errors and results.

0    done
1    finished, but something failed
2    usage or configuration
3    authentication
4    network or provider
5    permission
6    bucket or object not found
7    refused by a safety guard, nothing was changed
8    conflicts are left to decide
9    another sync holds the lock
130  interrupted
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

import click

from buckia_core import errors

if TYPE_CHECKING:
    from buckia_core.syncing.events import SyncResult


class ExitCode(IntEnum):
    """Exit code of the process."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    AUTHENTICATION = 3
    PROVIDER = 4
    PERMISSION = 5
    NOT_FOUND = 6
    REFUSED = 7
    CONFLICTS = 8
    LOCKED = 9
    INTERRUPTED = 130


_TABLE: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
    (click.Abort, ExitCode.INTERRUPTED),
    (click.ClickException, ExitCode.USAGE),
    (errors.MissingCredentials, ExitCode.AUTHENTICATION),
    (errors.ConfigError, ExitCode.USAGE),
    (errors.PluginError, ExitCode.USAGE),
    (errors.Unauthenticated, ExitCode.AUTHENTICATION),
    (errors.PermissionDenied, ExitCode.PERMISSION),
    (errors.NotFound, ExitCode.NOT_FOUND),
    (errors.AlreadyExists, ExitCode.FAILED),
    (errors.PreconditionFailed, ExitCode.FAILED),
    (errors.InvalidKey, ExitCode.USAGE),
    (errors.NotSupported, ExitCode.USAGE),
    (errors.AdapterError, ExitCode.PROVIDER),
    (errors.UnsafePlan, ExitCode.REFUSED),
    (errors.UnresolvedConflicts, ExitCode.CONFLICTS),
    (errors.LockHeld, ExitCode.LOCKED),
    (errors.StateDenied, ExitCode.PERMISSION),
    (errors.BuckiaError, ExitCode.FAILED),
    (PermissionError, ExitCode.PERMISSION),
    (ConnectionError, ExitCode.PROVIDER),
    (TimeoutError, ExitCode.PROVIDER),
)
"""The first row whose class matches the error applies; other errors are `FAILED`."""

_BY_SEVERITY = (
    ExitCode.INTERRUPTED,
    ExitCode.REFUSED,
    ExitCode.USAGE,
    ExitCode.AUTHENTICATION,
    ExitCode.PERMISSION,
    ExitCode.NOT_FOUND,
    ExitCode.PROVIDER,
    ExitCode.LOCKED,
    ExitCode.FAILED,
    ExitCode.CONFLICTS,
    ExitCode.DONE,
)
"""From severe to harmless: problems that need a person, temporary ones, then runs that finished."""


def exit_code_for(error: BaseException) -> ExitCode:
    """Return the exit code of an error."""
    if isinstance(error, errors.SyncIncomplete):
        return exit_code_for_result(error.report)
    for kind, code in _TABLE:
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED


def exit_code_for_result(result: SyncResult) -> ExitCode:
    """Return the exit code of a finished run of one bucket."""
    if result.interrupted:
        return ExitCode.INTERRUPTED
    if result.failed:
        return ExitCode.FAILED
    return ExitCode.CONFLICTS if result.unresolved else ExitCode.DONE


def worst_exit_code(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the most severe exit code; `DONE` for none."""
    return min(codes, key=_BY_SEVERITY.index, default=ExitCode.DONE)
