"""Exit codes: the one table from errors and results to what a shell sees.

0    done
1    finished, but something failed
2    usage or configuration
3    authentication
4    network or provider
5    permission
6    bucket or object not found
7    a safety guard refused, nothing was changed
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
    """What the process ends with."""

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
"""The first row whose class the error is an instance of counts; an error that no row has is `FAILED`."""

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
"""What needs a person comes before what passes by itself, and both before a run that at least finished."""


def exit_code_for(error: BaseException) -> ExitCode:
    """Return the exit code of an error."""
    if isinstance(error, errors.SyncIncomplete):
        return exit_code_for_result(error.report)
    for kind, code in _TABLE:
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED


def exit_code_for_result(result: SyncResult) -> ExitCode:
    """Return the exit code of one bucket's run that came to its end."""
    if result.interrupted:
        return ExitCode.INTERRUPTED
    if result.failed:
        return ExitCode.FAILED
    return ExitCode.CONFLICTS if result.unresolved else ExitCode.DONE


def worst_exit_code(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the one code that stands for several buckets; `DONE` for none."""
    return min(codes, key=_BY_SEVERITY.index, default=ExitCode.DONE)
