"""Errors: translate responses of Linode's API, exceptions of its SDK, and network failures into errors of Buckia.

    status                        error               retryable
    ------------------------------------------------------------
    400                           AdapterError        no
    401                           Unauthenticated     no
    403                           PermissionDenied    no
    404                           NotFound            no
    405, 501                      NotSupported        no
    409                           AlreadyExists       no
    429                           Throttled           yes
    408, 500, 502, 503, 504       Transient           yes
    no or incomplete response     Transient           yes
    untrusted certificate         AdapterError        no
    unexpected response           AdapterError        no

The message of a 400 names the invalid field of the request, as the API reports it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

import requests
from linode_api4.errors import ApiError

from buckia_core.adapters.service.responses import STATUS_ERRORS, no_response, parse_retry_after
from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    Throttled,
)
from buckia_core.localfs.system_errors import find_system_failure
from buckia_linode.endpoint_types import PROVIDER

_BY_STATUS: dict[int, type[AdapterError]] = {**STATUS_ERRORS, 409: AlreadyExists}

_SECONDS = re.compile(r"[0-9]{1,12}")

_ADVICE = {
    401: "check the token, and that it has the scope object_storage:read_write",
    403: "the token's user may not do this: check its grants",
}


class Redirected(Exception):
    """The API answered with a redirect. Following it would send the token to another host."""


class ResponseTooLong(Exception):
    """A response exceeds the size limit."""


def translate_error(error: Exception, *, action: str, host: str) -> AdapterError:
    """Return the error for an exception of a request. `action` describes the request in messages."""
    if isinstance(error, ApiError):
        return _error_from_response(error, action=action)
    if isinstance(error, Redirected):
        return AdapterError(f"{action}: {host} answered with a redirect, which is not followed", provider=PROVIDER)
    if isinstance(error, ResponseTooLong):
        return AdapterError(f"{action}: the response of {host} is too long", provider=PROVIDER)
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return AdapterError(f"{action}: {host} answered with something that is not JSON", provider=PROVIDER)
    if isinstance(error, requests.exceptions.RequestException) or find_system_failure(error):
        return no_response(error, action=action, host=host, provider=PROVIDER)
    return unexpected_response(action)


def unexpected_response(action: str) -> AdapterError:
    """Return the error for a response in an unknown form."""
    return AdapterError(f"{action}: the API answered in a form that is not known", provider=PROVIDER)


def _error_from_response(error: ApiError, *, action: str) -> AdapterError:
    status = int(error.status)
    message = _reasons(error.json) or f"the API answered {status}"
    if status in _ADVICE:
        message = f"{message}: {_ADVICE[status]}"
    headers: Mapping[str, str] = error.response.headers if error.response is not None else {}
    kind = _BY_STATUS.get(status, AdapterError)
    return kind(
        f"{action}: {message}",
        provider=PROVIDER,
        status=status,
        request_id=headers.get("X-Request-Id"),
        retry_after=_retry_after(headers) if kind is Throttled else None,
    )


def _reasons(response: object) -> str:
    """Return the reasons in an error response, each with the field that it concerns."""
    errors = response.get("errors") if isinstance(response, dict) else None
    reasons = []
    for each in errors if isinstance(errors, list) else ():
        if isinstance(each, dict) and each.get("reason"):
            field = f"{each['field']}: " if each.get("field") else ""
            reasons.append(" ".join(f"{field}{each['reason']}".split()).rstrip(".")[:300])
    return "; ".join(reasons)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait, from `Retry-After` or from the time when the rate limit resets."""
    reset = headers.get("X-RateLimit-Reset", "")
    left = max(0, int(reset) - int(time.time())) if _SECONDS.fullmatch(reset) else None
    return parse_retry_after(headers.get("Retry-After") or (None if left is None else str(left)))
