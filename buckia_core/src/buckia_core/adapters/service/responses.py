"""Responses of a service, and requests without one: what the errors of adapters have in common.

No other HTTP library is imported: exceptions of requests, urllib3 and http.client are told apart by the names of their
classes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from buckia_core.errors import (
    AdapterError,
    NotFound,
    NotSupported,
    PermissionDenied,
    Throttled,
    Transient,
    Unauthenticated,
)
from buckia_core.http.errors import ProxyError
from buckia_core.http.proxy import unreached_proxy
from buckia_core.localfs.system_errors import find_system_failure, format_system_failure

STATUS_ERRORS: Mapping[int, type[AdapterError]] = {
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    405: NotSupported,
    408: Transient,
    429: Throttled,
    500: Transient,
    501: NotSupported,
    502: Transient,
    503: Transient,
    504: Transient,
}
"""Errors for the statuses that mean the same to most services. An adapter adds its own, and overrides others."""

_DIGITS = re.compile(r"[0-9]{1,15}")
_MAX_RETRY_AFTER = 86_400.0


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds in the header `Retry-After`, a number or a date, at most a day; `None` if it is invalid."""
    text = (value or "").strip()[:100]
    if _DIGITS.fullmatch(text):
        return min(float(text), _MAX_RETRY_AFTER)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  # slow to import, and rarely needed

    try:
        wait = parsedate_to_datetime(text).timestamp() - time.time()
    except (IndexError, OverflowError, TypeError, ValueError):
        return None
    return min(max(0.0, wait), _MAX_RETRY_AFTER)


def no_response(error: Exception, *, action: str, host: str, provider: str, key: str | None = None) -> AdapterError:
    """Return the error for a request without a complete response.

    Args:
        error: Exception of the HTTP library.
        action: What the request does; begins the message.
        host: Host that it went to.
        provider: Provider id.
        key: Object that it concerns.
    """
    if failure := find_system_failure(error):
        # An error of this machine, such as too many open files.
        return Transient(f"{action} at {host} failed: {format_system_failure(failure)}", provider=provider, key=key)
    cause = getattr(error, "reason", None) if type(error).__name__ == "MaxRetryError" else None
    cause = cause if isinstance(cause, Exception) else error
    names = {each.__name__ for each in type(cause).__mro__}
    if "SSLError" in names:
        advice = "If its authority is your own, name it in the setting `ca_bundle`."
        return AdapterError(f"{action}: the certificate of {host} is not trusted. {advice}", provider=provider, key=key)
    message = "no connection, or an incomplete response"
    if isinstance(error, ProxyError):
        message = str(error.strerror)
    elif "ProxyError" in names:
        message = unreached_proxy(host)
    # urllib3 derives a refused connection from its timeouts.
    elif (names & {"Timeout", "TimeoutError"} and "NewConnectionError" not in names) or "timed out" in str(cause):
        message = "no progress in time"
    return Transient(f"{action} at {host} failed: {message}", provider=provider, key=key)


def read_body(response: Any, max_bytes: int) -> bytes:
    """Read the body of a response of urllib3 without decoding it, up to `max_bytes` and one more.

    Raises the exceptions of the HTTP library.
    """
    chunks, left = [], max_bytes + 1
    # Only a read that returns nothing detects a connection that broke off.
    while left > 0 and (chunk := response.read(min(left, 1 << 20), decode_content=False)):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)
