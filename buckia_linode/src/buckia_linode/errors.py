"""What Linode's API, its SDK and the network say, as errors of Buckia. The one place where that is decided.

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
    no answer, half an answer     Transient           yes
    an untrusted certificate      AdapterError        no
    what is not understood        AdapterError        no

A 400 tells which field of the request is wrong, in the words of the API.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

import requests
from linode_api4.errors import ApiError

from buckia_core.adapters.service.connection import unreached_proxy
from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    NotFound,
    NotSupported,
    PermissionDenied,
    Throttled,
    Transient,
    Unauthenticated,
)
from buckia_core.localfs.system_errors import failure_of_system, failure_words

_BY_STATUS: dict[int, type[AdapterError]] = {
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    405: NotSupported,
    408: Transient,
    409: AlreadyExists,
    429: Throttled,
    500: Transient,
    501: NotSupported,
    502: Transient,
    503: Transient,
    504: Transient,
}

_SECONDS = re.compile(r"[0-9]{1,12}")
_LONGEST_WAIT = 86_400.0
_SHORTEST_SECRET = 8

_ADVICE = {
    401: "check the token, and that it has the scope object_storage:read_write",
    403: "the token's user may not do this: check its grants",
}


class Redirected(Exception):
    """The API answered with a redirect, which would take the token along."""


class TooLong(Exception):
    """An answer of the API is longer than any that is expected."""


def translate_error(error: Exception, *, provider: str, doing: str, host: str) -> AdapterError:
    """Return the error for an exception that came while the API was asked. `doing` says what for."""
    if isinstance(error, ApiError):
        return _of_answer(error, provider=provider, doing=doing)
    if isinstance(error, Redirected):
        return AdapterError(f"{doing}: {host} answered with a redirect, which is not followed", provider=provider)
    if isinstance(error, TooLong):
        return AdapterError(f"{doing}: the answer of {host} is longer than any of the API", provider=provider)
    if isinstance(error, requests.exceptions.SSLError):
        return AdapterError(
            f"{doing}: the certificate of {host} is not trusted. "
            "If its authority is your own, name it in the setting `ca_bundle`.",
            provider=provider,
        )
    if failure := failure_of_system(error):
        # Not the network: this machine.
        return Transient(f"{doing} at {host} failed: {failure_words(failure)}", provider=provider)
    if isinstance(error, requests.exceptions.ProxyError):
        return Transient(f"{doing} at {host} failed: {unreached_proxy(host)}", provider=provider)
    if isinstance(error, requests.exceptions.Timeout):
        return Transient(f"{doing} at {host} failed: no progress in time", provider=provider)
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return AdapterError(f"{doing}: {host} answered with something that is no answer of the API", provider=provider)
    if isinstance(error, requests.exceptions.RequestException):
        return Transient(f"{doing} at {host} failed: no connection, or no whole answer", provider=provider)
    return AdapterError(f"{doing}: {host} answered in a form that is not known", provider=provider)


def _of_answer(error: ApiError, *, provider: str, doing: str) -> AdapterError:
    status = int(error.status)
    words = _reasons(error.json) or f"the API answered {status}"
    if error.response is not None:
        # A server may repeat the token.
        token = str(error.response.request.headers.get("Authorization", "")).removeprefix("Bearer ")
        words = words.replace(token, "***") if len(token) >= _SHORTEST_SECRET else words
    if status in _ADVICE:
        words = f"{words}: {_ADVICE[status]}"
    headers: Mapping[str, str] = error.response.headers if error.response is not None else {}
    kind = _BY_STATUS.get(status, AdapterError)
    return kind(
        f"{doing}: {words}",
        provider=provider,
        status=status,
        request_id=headers.get("X-Request-Id"),
        retry_after=_wait(headers) if kind is Throttled else None,
    )


def _reasons(answer: object) -> str:
    """Return what the errors of an answer say, each with the field that it is about."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    found = []
    for each in errors if isinstance(errors, list) else ():
        if isinstance(each, dict) and each.get("reason"):
            field = f"{each['field']}: " if each.get("field") else ""
            found.append(" ".join(f"{field}{each['reason']}".split()).rstrip(".")[:300])
    return "; ".join(found)


def _wait(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds to wait: as told, or until the limit begins anew."""
    told, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    if _SECONDS.fullmatch(told):
        return min(float(told), _LONGEST_WAIT)
    return min(max(0.0, int(reset) - time.time()), _LONGEST_WAIT) if _SECONDS.fullmatch(reset) else None
