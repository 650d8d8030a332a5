"""Errors of B2 and the network, translated into errors of Buckia.

    status and code                                       error                retryable
    -------------------------------------------------------------------------------------
    no response, or an incomplete one                     Transient            yes
    429, 503                                              Throttled            yes
    408, other 5xx                                        Transient            yes
    400 auth_token_limit; 401 for a token just renewed    Transient            yes
    401 for the application key                           Unauthenticated      no
    other 401, 403 access_denied                          PermissionDenied     no
    403 …cap_exceeded                                     PermissionDenied     no
    400 no_such_file, file_not_present; 404 for a key     NotFound             no
    400 bad_bucket_id; other 404                          BucketNotFound       no
    400 duplicate_bucket_name                             AlreadyExists        no
    409; 400 for a bucket that is not empty               PreconditionFailed   no
    400 for the name of a file                            InvalidKey           no
    400 for a checksum                                    IntegrityError       yes
    400 bucket_missing_file_lock                          NotSupported         no
    an untrusted certificate, a redirect, anything else   AdapterError         no

Caps are not retried: they are raised by hand, or end at midnight UTC.
"""

from __future__ import annotations

import http
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from buckia_core.adapters.service.json_fields import MALFORMED
from buckia_core.adapters.service.responses import no_response, parse_retry_after
from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    BucketNotFound,
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
from buckia_core.http.errors import ProtocolError, UnusableResponse

PROVIDER = "b2"

_BY_CODE: dict[str, type[AdapterError]] = {
    "auth_token_limit": Transient,
    "no_such_file": NotFound,
    "file_not_present": NotFound,
    "bad_bucket_id": NotFound,
    "duplicate_bucket_name": AlreadyExists,
    "cannot_delete_non_empty_bucket": PreconditionFailed,
    "part_sha1_mismatch": IntegrityError,
    "bucket_missing_file_lock": NotSupported,
}

_BY_STATUS: dict[int, type[AdapterError]] = {
    401: PermissionDenied,
    403: PermissionDenied,
    404: NotFound,
    408: Transient,
    409: PreconditionFailed,
    429: Throttled,
    503: Throttled,
}

_MESSAGES = {
    "bucket_missing_file_lock": "the bucket has no object lock: enable it for the bucket, or leave out "
    "object_lock_mode, object_lock_retain and object_lock_legal_hold",
    "retain_until_timestamp_must_be_in_future": "the retention would have ended already: check this machine's clock",
}

ABSENT = frozenset({"file_not_present", "no_such_file", "not_found"})
"""Codes for a version that does not exist."""

LOCKED = "the version is locked by a retention or a legal hold, which has to end before it can be removed"

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")

_MIN_SECRET_LENGTH = 8
"""Shortest token that is redacted in messages. Shorter ones occur inside ordinary words."""

_STATUSES = frozenset(http.HTTPStatus)
_EXPIRED_TOKEN_CODES = frozenset({"bad_auth_token", "expired_auth_token", ""})

_CODES_WITH_TOKEN = frozenset({"auth_token_limit"})
"""Codes whose messages contain the token of an upload."""

_CAPS = {
    "storage_cap_exceeded": "the account's cap on storage is reached: raise it on Backblaze's page Caps & Alerts, or "
    "delete old versions",
    "transaction_cap_exceeded": "the account's cap on transactions is reached: raise it on Backblaze's page Caps & "
    "Alerts, or wait for midnight UTC",
    "download_cap_exceeded": "the account's cap on downloads is reached: raise it on Backblaze's page Caps & Alerts, "
    "or wait for midnight UTC",
}


class B2ResponseError(Exception):
    """Response with an error status.

    Attributes:
        status: HTTP status.
        code, message: Error code and message of B2; empty for a response without a body, as to HEAD.
        retry_after: Seconds that the server asks to wait.
        redirect_host: Host that a redirect names.
    """

    def __init__(
        self, status: int, code: str, message: str, retry_after: float | None = None, redirect_host: str = ""
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.redirect_host = redirect_host

    @property
    def is_token_expired(self) -> bool:
        """Whether the token may have expired. A response to HEAD has no code, so any 401 counts."""
        return self.status == 401 and self.code in _EXPIRED_TOKEN_CODES

    @classmethod
    def from_response(
        cls, status: int, headers: Mapping[str, str], body: bytes, secrets: Iterable[str] = ()
    ) -> B2ResponseError:
        """Parse an error response. `secrets` that the message repeats are redacted."""
        try:
            parsed = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            parsed = {}
        if not isinstance(parsed, dict):
            parsed = {}
        code, message = parsed.get("code"), parsed.get("message")
        code = code if isinstance(code, str) and _CODE.fullmatch(code) else ""
        message = " ".join(message.split()) if isinstance(message, str) else ""
        if code in _CODES_WITH_TOKEN:
            message = "two uploads used one upload URL at once"
        for secret in secrets:
            if len(secret) >= _MIN_SECRET_LENGTH:
                message = message.replace(secret, "***")
        redirect_host = _redirect_host(headers) if 300 <= status < 400 else ""
        return cls(status, code, message[:300], parse_retry_after(headers.get("Retry-After")), redirect_host)


class ResponseTooLong(AdapterError):
    """The response to a call is too long, or has an invalid length. Listings then request smaller pages."""


def unexpected_response(action: str, key: str | None = None) -> AdapterError:
    """Build the error for a response that B2 would not send."""
    named = f"{key!r}: {action}" if key is not None else action
    return AdapterError(f"{named}: the server sent a response of an unknown form", provider=PROVIDER, key=key)


@contextmanager
def parsing_response(action: str, key: str | None = None) -> Iterator[None]:
    """Translate the exceptions that a malformed response causes while it is parsed.

    Raises:
        AdapterError: The response is malformed.
    """
    try:
        yield
    except MALFORMED as error:
        raise unexpected_response(action, key) from error


def translate_error(
    error: Exception, *, action: str, key: str | None = None, host: str = "", reason: str = ""
) -> AdapterError:
    """Translate an exception of a request.

    Args:
        error: A `B2ResponseError`, or an exception of the HTTP client.
        action: What the request does.
        key: Object that it concerns.
        host: Host that it went to.
        reason: Why the application key does not allow it, where that is known.
    """
    named = f"{key!r}: {action}" if key is not None else action
    if isinstance(error, AdapterError):
        return error
    if isinstance(error, B2ResponseError):
        return _error_from_response(error, action, key, reason)
    if isinstance(error, UnusableResponse):
        return ResponseTooLong(f"{named}: the response of {host} {error}", provider=PROVIDER, key=key)
    if not isinstance(error, (OSError, ProtocolError)):
        message = f"{host} sent a response of an unknown form"
        return AdapterError(f"{named}: {message}", provider=PROVIDER, key=key)
    return no_response(error, action=named, host=host, provider=PROVIDER, key=key)


def unauthenticated(error: B2ResponseError) -> AdapterError:
    """Build the error for a rejected application key."""
    if error.status != 401:
        return translate_error(error, action="signing in")
    message = "Backblaze does not accept the application key: check application_key_id and application_key"
    if error.message:
        message = f"{message} ({error.message})"
    return Unauthenticated(message, provider=PROVIDER, status=error.status, code=error.code)


def precondition_failed(key: str) -> PreconditionFailed:
    """Build the error for an object in an unexpected state."""
    return PreconditionFailed(f"{key!r}: it is not in the expected state", provider=PROVIDER, key=key)


def _error_from_response(error: B2ResponseError, action: str, key: str | None, reason: str) -> AdapterError:
    kind, message = _error_class(error, reason), error.message.rstrip(".")
    if kind is NotFound and (key is None or error.code == "bad_bucket_id"):
        kind, key, message = BucketNotFound, None, "the bucket does not exist"
    elif kind is NotFound:
        message = "there is no such object"
    elif error.code in _CAPS:
        message = _CAPS[error.code]
    elif error.code in _MESSAGES:
        message = _MESSAGES[error.code]
    elif 300 <= error.status < 400:
        message = f"the server answered with a redirect to {error.redirect_host or 'nowhere'}, which is not followed"
    elif kind is PermissionDenied:
        message = reason or f"the application key does not allow it ({message or 'no reason given'})"
    elif kind is Throttled and not message:
        message = "the server asks for fewer requests"
    named = f"{key!r}: {action}" if key is not None else action
    code = f" ({error.code})" if error.code and error.code not in message else ""
    if error.is_token_expired and not reason:
        message = "the token expired again right after it was renewed"
    message = message or f"the server answered {error.status} {_reason(error.status)}".rstrip()
    return kind(
        f"{named}: {message}{code}",
        provider=PROVIDER,
        key=key,
        status=error.status,
        retry_after=error.retry_after if kind is Throttled else None,
        code=error.code,
    )


def _error_class(error: B2ResponseError, reason: str) -> type[AdapterError]:
    status, message = error.status, error.message.lower()
    if error.is_token_expired:
        return PermissionDenied if reason else Transient
    if (
        status == 400
        and error.code == "bad_request"
        and ("sha1" in message or "checksum" in message or "md5" in message)
    ):
        return IntegrityError
    if status == 400 and "file names" in message:
        return InvalidKey
    kind = _BY_CODE.get(error.code) or _BY_STATUS.get(status)
    return kind or (Transient if 500 <= status < 600 else AdapterError)


def _reason(status: int) -> str:
    return http.HTTPStatus(status).phrase if status in _STATUSES else ""


def _redirect_host(headers: Mapping[str, str]) -> str:
    try:
        return urlsplit(headers.get("Location") or "").hostname or "another path of its own"
    except ValueError:
        return ""
