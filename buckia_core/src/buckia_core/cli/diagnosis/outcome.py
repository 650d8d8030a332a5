"""Outcome of a check of `buckia doctor`, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from buckia_core import errors
from buckia_core.syncing.error_messages import error_message

CHECKS = (
    "configuration",
    "software",
    "adapters",
    "plugins",
    "adapter",
    "connection",
    "credentials",
    "latency",
    "put",
    "get",
    "conditional put",
    "copy",
    "multipart",
    "throughput",
    "server clock",
    "delete",
    "local folder",
    "state directory",
    "state database",
    "clock",
    "disk",
    "disk space",
)
"""Names of the checks, in order. They are stable: scripts read them from `--json`."""

_ADVICE: tuple[tuple[type[Exception], str], ...] = (
    (errors.MissingCredentials, "Set them in .buckia; `buckia token list` shows which references resolve"),
    (errors.ConfigError, "Correct this in .buckia"),
    (errors.PluginError, "Install or repair the package; `buckia providers` shows what is there"),
    (errors.Unauthenticated, "Correct the secret; `buckia token list` shows where each one comes from"),
    (errors.PermissionDenied, "Give the key this permission at the provider"),
    (errors.BucketNotFound, "Create the bucket, or correct its name and address in .buckia"),
    (errors.Throttled, "Wait, or set `rate_limit`"),
    (errors.Transient, "Check the address, the network and the proxy, then repeat"),
    (errors.StateDenied, "Correct the owner and the permissions of the directory"),
    (ConnectionError, "Check the address, the network and the proxy, then repeat"),
    (OSError, "Check the permissions and the free space of the disk"),
    (Exception, "Repeat with -vv, which shows where it happened"),
)
"""What to do about an error; the first row whose class matches applies."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """Outcome of one check.

    Attributes:
        check: Name of the check, one of `CHECKS`.
        message: Result.
        error: Error that prevents a sync; `None` if the check passed.
        warning: Whether the setup works, but is unsafe, slow or incomplete.
        advice: What to do about an error or a warning; empty if the message says it.
        values: Measured values for `--json`; each name ends with its unit.
    """

    check: str
    message: str
    error: Exception | None = None
    warning: bool = False
    advice: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


class UnreliableClock(errors.BuckiaError):
    """The clock disagrees with the disk or an earlier run."""


def failed(check: str, error: Exception, advice: str | None = None) -> CheckOutcome:
    """Return the outcome for an error. `advice` replaces what is usually to be done about it."""
    if advice is None:
        advice = next(text for kind, text in _ADVICE if isinstance(error, kind))
    return CheckOutcome(check, error_message(error), error, advice=advice)


def run_check(check: str, run: Callable[[], CheckOutcome | str]) -> CheckOutcome:
    """Run one check, and return its outcome: that of an error, if it raises one."""
    try:
        found = run()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # an error of one check must not skip the others
        return failed(check, error)
    return found if isinstance(found, CheckOutcome) else CheckOutcome(check, found)
