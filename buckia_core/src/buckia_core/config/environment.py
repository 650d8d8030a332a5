"""Environment variables that override settings of the configuration file.

    BUCKIA_CONFIG       the configuration file of the command line, in place of the nearest `.buckia`
    BUCKIA_LOG_LEVEL    error, warning, info or debug; options such as -v take precedence
    BUCKIA_MAX_WORKERS  the setting `max_workers` of all buckets of a file
    BUCKIA_TIMEOUT      seconds: `connect_timeout` and `read_timeout` of all buckets of a file

Empty variables count as unset.
"""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Mapping

from buckia_core.errors import InvalidSetting

CONFIG_VARIABLE = "BUCKIA_CONFIG"
LOG_LEVEL_VARIABLE = "BUCKIA_LOG_LEVEL"
MAX_WORKERS_VARIABLE = "BUCKIA_MAX_WORKERS"
TIMEOUT_VARIABLE = "BUCKIA_TIMEOUT"

TIMEOUT_SETTINGS = ("connect_timeout", "read_timeout", "timeout")
"""Settings of adapters that `BUCKIA_TIMEOUT` overrides, as far as an adapter has them."""

_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}


def log_level(environ: Mapping[str, str] | None = None) -> int | None:
    """Return the level of `BUCKIA_LOG_LEVEL`, as in `logging`; `None` if it is unset.

    Raises:
        InvalidSetting: It is no level.
    """
    given = _get(LOG_LEVEL_VARIABLE, environ)
    if given is None:
        return None
    if given.lower() not in _LEVELS:
        raise _invalid(LOG_LEVEL_VARIABLE, given, f"one of {', '.join(_LEVELS)}")
    return _LEVELS[given.lower()]


def max_workers(environ: Mapping[str, str] | None = None) -> int | None:
    """Return the number of `BUCKIA_MAX_WORKERS`; `None` if it is unset.

    Raises:
        InvalidSetting: It is no whole number above 0.
    """
    given = _get(MAX_WORKERS_VARIABLE, environ)
    if given is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", given) or int(given) < 1:
        raise _invalid(MAX_WORKERS_VARIABLE, given, "a whole number above 0")
    return int(given)


def timeout(environ: Mapping[str, str] | None = None) -> float | None:
    """Return the seconds of `BUCKIA_TIMEOUT`; `None` if it is unset.

    Raises:
        InvalidSetting: It is no number above 0.
    """
    given = _get(TIMEOUT_VARIABLE, environ)
    if given is None:
        return None
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not math.isfinite(seconds) or seconds < 0.001:
        raise _invalid(TIMEOUT_VARIABLE, given, "a number of seconds above 0")
    return seconds


def _get(name: str, environ: Mapping[str, str] | None) -> str | None:
    return (os.environ if environ is None else environ).get(name, "").strip() or None


def _invalid(name: str, given: str, expected: str) -> InvalidSetting:
    return InvalidSetting(f"environment variable {name} must be {expected}, not {given!r}")
