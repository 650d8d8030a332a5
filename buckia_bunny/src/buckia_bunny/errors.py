"""Errors of bunny.net and the network, translated into errors of Buckia.

    status                                      error               retryable
    --------------------------------------------------------------------------
    400 "Unable to process request"             Throttled           yes
    400 "directory for path does not exist"     AlreadyExists       no
    400 for a checksum                           IntegrityError      yes
    400                                         AdapterError        no
    401                                         Unauthenticated     no
    403                                         PermissionDenied    no
    404                                         NotFound            no
    405, 501                                    NotSupported        no
    429                                         Throttled           yes
    408, 500, 502, 503, 504                     Transient           yes
    no response, or an incomplete one           Transient           yes
    an untrusted certificate                    AdapterError        no
    a redirect, a malformed response            AdapterError        no

A storage server sends the first one when too many listings or deletes run at a time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from buckia_core.adapters.service.responses import STATUS_ERRORS, no_response, parse_retry_after
from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    IntegrityError,
    InvalidKey,
    MissingCredentials,
    NotFound,
    PreconditionFailed,
    Throttled,
    Transient,
    Unauthenticated,
)

PROVIDER = "bunny"

STORAGE_ADVICE = (
    "check storage_api_key, which is the password of the storage zone and not the account's API key; check the zone's "
    "name, and that region is the zone's main one. The password for reading can't write"
)
"""Advice where a storage host rejects a key."""

ACCOUNT_ADVICE = "check api_key, which is the API key of the account and not a zone's password"
"""Advice where the account's API rejects a key."""


def error_from_response(
    status: int,
    *,
    action: str,
    advice: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    key: str | None = None,
) -> AdapterError:
    """Build the error for a response with an error status. `action` is what was tried; `advice` is for a 401."""
    detail = _parse_message(body)
    kind = _error_class(status, detail)
    message = detail or f"the service answered {status}"
    if 300 <= status < 400:
        message = f"the service answered {status}, a redirect, which is not followed"
    if kind is Unauthenticated:
        message = f"the key is not accepted: {advice}"
    elif kind is Throttled and status == 400:
        message = "too many concurrent requests"
    elif kind is IntegrityError:
        message = "the service received other bytes than were sent"
    elif kind is AlreadyExists:
        message = (
            "a directory of that name exists, or a file in place of a parent directory. If it is an empty "
            "directory, remove it, or set prune_empty_directories"
        )
    return kind(
        f"{action}: {message}",
        provider=PROVIDER,
        key=key,
        status=status,
        request_id=(headers or {}).get("CDN-RequestId"),
        retry_after=parse_retry_after((headers or {}).get("Retry-After")) if kind in (Throttled, Transient) else None,
    )


def translate_error(error: Exception, *, action: str, host: str, key: str | None = None) -> AdapterError:
    """Translate an exception of a request."""
    return no_response(error, action=action, host=host, provider=PROVIDER, key=key)


def unexpected_response(action: str, key: str | None = None) -> AdapterError:
    """Build the error for a response that the service would not send."""
    return AdapterError(f"{action}: the response has an unknown form", provider=PROVIDER, key=key)


def not_found(key: str) -> NotFound:
    """Build the error for a missing object."""
    return NotFound(f"{key!r}: there is no such object", provider=PROVIDER, key=key, status=404)


def precondition_failed(key: str, detail: str = "it is not in the expected state") -> PreconditionFailed:
    """Build the error for an object in an unexpected state."""
    return PreconditionFailed(f"{key!r}: {detail}", provider=PROVIDER, key=key)


def invalid_key(key: str, reason: str) -> InvalidKey:
    """Build the error for a key that a storage zone does not accept."""
    return InvalidKey(f"{key!r}: refused: {reason}", provider=PROVIDER, key=key)


def missing_api_key() -> MissingCredentials:
    """Build the error for settings without `api_key`."""
    return MissingCredentials(
        "this needs the account's API key: set api_key, or the environment variable BUNNY_API_KEY"
    )


def _error_class(status: int, detail: str) -> type[AdapterError]:
    if status == 400 and "unable to process request" in detail.lower():
        return Throttled
    if status == 400 and "directory for path does not exist" in detail.lower():
        return AlreadyExists
    if status == 400 and "checksum" in detail.lower():
        return IntegrityError
    return STATUS_ERRORS.get(status, AdapterError)


def _parse_message(body: bytes) -> str:
    """Return the error message of a response; empty without one."""
    response = _json_object(body) or {}
    detail = " ".join(_text(response, "Message").split()).rstrip(".")[:300]
    field = _text(response, "Field")[:100]
    return f"{field}: {detail}" if detail and field else detail


def is_from_service(body: bytes) -> bool:
    """Tell whether a body may come from the service: a JSON object or nothing. Proxies send HTML pages."""
    return not body.strip() or _json_object(body) is not None


def _json_object(body: bytes) -> Mapping[str, object] | None:
    """Parse a JSON object; `None` for anything else."""
    try:
        response = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return response if isinstance(response, dict) else None


def _text(response: Mapping[str, object], name: str) -> str:
    value = response.get(name)
    return value if isinstance(value, str) else ""
