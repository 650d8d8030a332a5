"""What bunny.net and the network say, as errors of Buckia. The one place where that is decided.

    status                                      error               retryable
    --------------------------------------------------------------------------
    400 "Unable to process request"             Throttled           yes
    400 "directory for path does not exist"     AlreadyExists       no
    400 that speaks of a checksum               IntegrityError      yes
    400                                         AdapterError        no
    401                                         Unauthenticated     no
    403                                         PermissionDenied    no
    404                                         NotFound            no
    405, 501                                    NotSupported        no
    429                                         Throttled           yes
    408, 500, 502, 503, 504                     Transient           yes
    no answer, half an answer                   Transient           yes
    an untrusted certificate                    AdapterError        no
    a redirect, what is not understood          AdapterError        no

The first line is how a storage server says that too many listings or deletes go on at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import urllib3.exceptions

from buckia_core.adapters.service.connection import unreached_proxy
from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    IntegrityError,
    InvalidKey,
    NotFound,
    NotSupported,
    PermissionDenied,
    PreconditionFailed,
    Throttled,
    Transient,
    Unauthenticated,
)
from buckia_core.localfs.system_errors import failure_of_system, failure_words

PROVIDER = "bunny"

_SECONDS = re.compile(r"[0-9]{1,9}")
_LONGEST_WAIT = 86_400.0

STORAGE_ADVICE = (
    "check storage_api_key, which is the password of the storage zone and not the account's API key; check the zone's "
    "name, and that region is the zone's main one. The password for reading can't write"
)
"""What to look at where a storage host does not accept a key."""

ACCOUNT_ADVICE = "check api_key, which is the API key of the account and not a zone's password"
"""What to look at where the account's API does not accept a key."""

_BY_STATUS: Mapping[int, type[AdapterError]] = {
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


def error_from_status(
    status: int,
    *,
    doing: str,
    advice: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    key: str | None = None,
) -> AdapterError:
    """Return the error for an answer that is no success. `doing` says what was asked for, `advice` is for a 401."""
    said = _words(body)
    kind = _kind(status, said)
    words = said or f"the service answered {status}"
    if 300 <= status < 400:
        words = f"the service answered {status}, a redirect, which is not followed"
    if kind is Unauthenticated:
        words = f"the key is not accepted: {advice}"
    elif kind is Throttled and status == 400:
        words = "too many such requests at a time"
    elif kind is IntegrityError:
        words = "other bytes arrived than were sent"
    elif kind is AlreadyExists:
        words = (
            "a directory of that name is there, or a file where a directory would have to be. If it is an empty "
            "directory, remove it, or set prune_empty_directories"
        )
    return kind(
        f"{doing}: {words}",
        provider=PROVIDER,
        key=key,
        status=status,
        request_id=(headers or {}).get("CDN-RequestId"),
        retry_after=_wait(headers or {}) if kind in (Throttled, Transient) else None,
    )


def error_from_exception(error: Exception, *, doing: str, host: str, key: str | None = None) -> AdapterError:
    """Return the error for an exception that came while a request went on."""
    cause = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason else error
    if isinstance(cause, urllib3.exceptions.SSLError):
        return AdapterError(
            f"{doing}: the certificate of {host} is not trusted. "
            "If its authority is your own, name it in the setting `ca_bundle`.",
            provider=PROVIDER,
            key=key,
        )
    if failure := failure_of_system(error):
        # Not the network: this machine.
        return Transient(f"{doing} at {host} failed: {failure_words(failure)}", provider=PROVIDER, key=key)
    if isinstance(cause, urllib3.exceptions.ProxyError):
        return Transient(f"{doing} at {host} failed: {unreached_proxy(host)}", provider=PROVIDER, key=key)
    # A refused connection is a kind of timeout to urllib3.
    refused = isinstance(cause, urllib3.exceptions.NewConnectionError)
    if isinstance(cause, (urllib3.exceptions.TimeoutError, TimeoutError)) and not refused:
        return Transient(f"{doing} at {host} failed: no progress in time", provider=PROVIDER, key=key)
    return Transient(f"{doing} at {host} failed: no connection, or no whole answer", provider=PROVIDER, key=key)


def unexpected_response(doing: str, key: str | None = None) -> AdapterError:
    """Return the error for an answer that is none of the service's."""
    return AdapterError(f"{doing}: the answer has a form that is not known", provider=PROVIDER, key=key)


def too_long(doing: str, longest: int, key: str | None = None) -> AdapterError:
    """Return the error for an answer that is longer than any that is expected."""
    return AdapterError(f"{doing}: the answer is longer than {longest >> 20} MiB", provider=PROVIDER, key=key)


def not_found(key: str) -> NotFound:
    """Return the error for an object that is not there."""
    return NotFound(f"{key!r}: there is no such object", provider=PROVIDER, key=key, status=404)


def precondition_failed(key: str, what: str = "it is not as expected") -> PreconditionFailed:
    """Return the error for an object that is not the one that was seen."""
    return PreconditionFailed(f"{key!r}: {what}", provider=PROVIDER, key=key)


def invalid_key(key: str, reason: str) -> InvalidKey:
    """Return the error for a key that a storage zone can't hold."""
    return InvalidKey(f"{key!r}: refused: {reason}", provider=PROVIDER, key=key)


def _kind(status: int, said: str) -> type[AdapterError]:
    if status == 400 and "unable to process request" in said.lower():
        return Throttled
    if status == 400 and "directory for path does not exist" in said.lower():
        return AlreadyExists
    if status == 400 and "checksum" in said.lower():
        return IntegrityError
    return _BY_STATUS.get(status, AdapterError)


def _words(body: bytes) -> str:
    """Return what an answer says went wrong; empty if it says nothing that is known."""
    answer = _json_object(body) or {}
    said = " ".join(_text(answer, "Message").split()).rstrip(".")[:300]
    field = _text(answer, "Field")[:100]
    return f"{field}: {said}" if said and field else said


def is_from_service(body: bytes) -> bool:
    """Tell whether an answer may be the service's: a JSON object, or nothing. Others on the way show pages."""
    return not body.strip() or _json_object(body) is not None


def _json_object(body: bytes) -> Mapping[str, object] | None:
    """Return the JSON object that a body is; `None` of anything else."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _text(answer: Mapping[str, object], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""


def _wait(headers: Mapping[str, str]) -> float | None:
    told = headers.get("Retry-After", "")
    return min(float(told), _LONGEST_WAIT) if _SECONDS.fullmatch(told) else None
