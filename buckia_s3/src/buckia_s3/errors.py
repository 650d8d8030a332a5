"""What the server, the network and botocore say, as errors of Buckia. The one place where that is decided.

    code or status                                        error                retryable
    -------------------------------------------------------------------------------------
    SlowDown, Throttling…, 429, 503 with a wait           Throttled            yes
    500, 502, 503, 504, RequestTimeout, conflicts (409)   Transient            yes
    InvalidAccessKeyId, SignatureDoesNotMatch, 401, …     Unauthenticated      no
    AccessDenied, other 403                               PermissionDenied     no
    NoSuchBucket, 404 of the bucket without another code  NotFound, no key     no
    NoSuchKey, other 404 about a key                      NotFound             no
    412, BucketNotEmpty, InvalidBucketState               PreconditionFailed   no
    BucketAlreadyExists, BucketAlreadyOwnedByYou          AlreadyExists        no
    KeyTooLongError, …                                    InvalidKey           no
    BadDigest, XAmzContentSHA256Mismatch, …               IntegrityError       yes
    NotImplemented, MethodNotAllowed, 405, 501            NotSupported         no
    anything else                                         AdapterError         no

A code that is known goes before the status that it came with.
"""

from __future__ import annotations

import email.utils
import http.client
import re
import ssl
import time
from typing import Protocol

from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    IntegrityError,
    InvalidKey,
    MissingCredentials,
    NotFound,
    NotSupported,
    PermissionDenied,
    PreconditionFailed,
    Throttled,
    Transient,
    Unauthenticated,
)
from buckia_core.localfs.system_errors import failure_of_system

_CODES: tuple[tuple[type[AdapterError], str], ...] = (
    (
        Throttled,
        "SlowDown SlowDownRead SlowDownWrite Throttling ThrottlingException ThrottledException "
        "RequestThrottled RequestLimitExceeded TooManyRequests TooManyRequestsException "
        "BandwidthLimitExceeded EC2ThrottledException PriorRequestNotComplete",
    ),
    (
        Transient,
        "InternalError InternalFailure ServiceUnavailable ServiceFailure RequestTimeout RequestTimeoutException "
        "IncompleteBody ConditionalRequestConflict OperationAborted Busy NoSuchUpload",
    ),
    (
        Unauthenticated,
        "InvalidAccessKeyId SignatureDoesNotMatch ExpiredToken TokenRefreshRequired InvalidToken "
        "InvalidSecurity InvalidClientTokenId UnrecognizedClientException AuthorizationHeaderMalformed "
        "MissingAuthenticationToken MissingSecurityHeader NotSignedUp AccountProblem RequestTimeTooSkewed "
        "RequestExpired InvalidTokenId",
    ),
    (PermissionDenied, "AccessDenied AllAccessDisabled AccessForbidden Forbidden UnauthorizedAccess QuotaExceeded"),
    (NotFound, "NoSuchKey NoSuchBucket NoSuchVersion NotFound"),
    (AlreadyExists, "BucketAlreadyExists BucketAlreadyOwnedByYou"),
    (PreconditionFailed, "PreconditionFailed BucketNotEmpty InvalidBucketState"),
    (InvalidKey, "KeyTooLongError KeyTooLong InvalidObjectName XMinioInvalidObjectName InvalidURI"),
    (
        IntegrityError,
        "BadDigest InvalidDigest XAmzContentSHA256Mismatch XAmzContentChecksumMismatch ContentSHA256Mismatch",
    ),
    (
        NotSupported,
        "NotImplemented MethodNotAllowed UnsupportedOperation InvalidObjectState InvalidStorageClass "
        "XNotImplemented UnsupportedArgument AccessControlListNotSupported",
    ),
)

_BY_CODE: dict[str, type[AdapterError]] = {code: kind for kind, codes in _CODES for code in codes.split()}

_BY_STATUS: dict[int, type[AdapterError]] = {
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    405: NotSupported,
    408: Transient,
    409: Transient,
    412: PreconditionFailed,
    429: Throttled,
    500: Transient,
    501: NotSupported,
    502: Transient,
    503: Transient,
    504: Transient,
}

_NOTHING_THERE = ("", "NotFound", "NoSuchKey")
"""Codes that tell no more than the status 404: of a request about the bucket, that it is the bucket."""

_MESSAGES: dict[str, str] = {
    "NoSuchBucket": "the bucket does not exist: check its name and the endpoint, or make it with `buckia s3 create`",
    "BucketAlreadyExists": "there is a bucket of this name already, perhaps somebody else's",
    "BucketAlreadyOwnedByYou": "you have a bucket of this name already",
    "BucketNotEmpty": "it is not empty: older versions and delete markers count too",
    "InvalidBucketState": "the state of the bucket does not allow this",
    "AccessControlListNotSupported": "the bucket has access control lists turned off: see ownership-controls",
    "NoSuchKey": "there is no such object",
    "InvalidAccessKeyId": "the server does not know the access key: check access_key_id",
    "SignatureDoesNotMatch": "the server refuses the signature: check secret_access_key",
    "ExpiredToken": "the session token has expired: get new credentials",
    "RequestTimeTooSkewed": "this machine's clock is too far from the server's: set it",
    "AccessDenied": "access denied",
    "InvalidObjectState": "the object is archived: restore it before it can be read",
    "PreconditionFailed": "it is not in the expected state",
    "SlowDown": "the server asks for fewer requests",
}


class UnusableResponse(http.client.HTTPException):
    """A response that breaks the protocol, so that a retry does not help. Its text completes "the answer "."""


class Headers(Protocol):
    """The headers of a response: names are found in any case."""

    def get(self, name: str, /) -> str | None:
        """Return the value, `None` if the response has no such header."""


def from_response(
    status: int, headers: Headers, body: bytes, *, provider: str, key: str | None, action: str
) -> AdapterError:
    """Return the error for a response. `doing` says what was asked, such as `GET`; `key` is without prefix."""
    code, message = error_code(body), xml_text(body, "Message")
    error = from_code(code, message, status, provider=provider, key=key, action=action)
    error.request_id = headers.get("x-amz-request-id") or xml_text(body, "RequestId") or None
    error.retry_after = retry_after(headers)
    if status == 503 and error.retry_after is not None and type(error) is Transient:
        slower = Throttled(error.message, provider=provider, key=key, status=status, code=error.code)
        slower.request_id = error.request_id
        slower.retry_after = error.retry_after
        return slower
    return error


def from_code(
    code: str, message: str, status: int | None, *, provider: str, key: str | None, action: str
) -> AdapterError:
    """Return the error for a code of S3's, with the status that it came with."""
    told = code
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status or 0, AdapterError)
    if code == "InvalidArgument" and "object name" in message.lower():
        kind = InvalidKey
    if kind is NotFound and (code == "NoSuchBucket" or (key is None and code in _NOTHING_THERE)):
        key, code = None, "NoSuchBucket"
    elif kind is NotFound:
        code = code or "NoSuchKey"
    words = _MESSAGES.get(code) or _one_line(message) or _status_message(status)
    named = f"{key!r}: " if key is not None else ""
    shown = f" ({code})" if code and code not in words else ""
    return kind(f"{named}{action}: {words}{shown}", provider=provider, key=key, status=status, code=told)


def from_network(error: Exception, *, provider: str, key: str | None, action: str, host: str) -> AdapterError:
    """Return the error for a request that got no answer, or not all of it."""
    named = f"{key!r}: " if key is not None else ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return AdapterError(
            f"{named}the certificate of {host} is not trusted: {error.verify_message}. "
            "If its authority is your own, name it in the setting `ca_bundle`.",
            provider=provider,
            key=key,
        )
    if isinstance(error, ssl.SSLError) and error.reason in _NOT_TLS:
        words = f"{host} does not speak TLS: does its address begin with http:// and not with https://?"
        return AdapterError(f"{named}{action}: {words}", provider=provider, key=key)
    if isinstance(error, UnusableResponse):
        words = f"the answer of {host} {error}"
        return AdapterError(f"{named}{action}: {words}", provider=provider, key=key)
    if isinstance(error, TimeoutError):
        words = "no progress in time"
    elif isinstance(error, http.client.IncompleteRead):
        words = "the answer was cut short"
    elif isinstance(error, http.client.RemoteDisconnected):
        words = "the connection was closed without an answer"
    else:
        words = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return Transient(f"{named}{action} at {host} failed: {words}", provider=provider, key=key)


_DIGITS = re.compile(r"[0-9]{1,15}")
_MAX_WAIT = 86400.0

_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")

_MISSING_CREDENTIALS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "ConfigNotFound",
    "ConfigParseError",
)
_UNREACHABLE = ("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError")


def from_botocore(error: Exception, *, provider: str, profile: str | None) -> Exception:
    """Return the error for credentials that botocore could not get. `profile` is the one that was asked for.

    A failure of the system says nothing of the credentials, so it is returned itself.
    """
    if failure := failure_of_system(error):
        return failure
    name = type(error).__name__
    where = f" of profile {profile!r}" if profile else ""
    if name in _MISSING_CREDENTIALS:
        return MissingCredentials(f"no credentials{where}: {error}")
    if name in _UNREACHABLE:
        return Transient(f"the credentials{where} could not be fetched: {error}", provider=provider)
    return Unauthenticated(f"the credentials{where} could not be fetched: {error}", provider=provider)


def error_code(body: bytes) -> str:
    """Return the `Code` of an error's body; empty if it has none."""
    return xml_text(body, "Code")


def retry_after(headers: Headers) -> float | None:
    """Return how many seconds the server asks to wait, `None` if it does not say."""
    milliseconds = headers.get("x-amz-retry-after")
    if milliseconds is not None and _DIGITS.fullmatch(milliseconds):
        return min(int(milliseconds) / 1000, _MAX_WAIT)
    told = (headers.get("Retry-After") or "").strip()
    if _DIGITS.fullmatch(told):
        return min(float(told), _MAX_WAIT)
    try:
        wait = email.utils.parsedate_to_datetime(told).timestamp() - time.time()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(0.0, wait), _MAX_WAIT)


def xml_text(body: bytes, name: str) -> str:
    """Return the text of an element of an answer; empty if it has none of the name."""
    # A search, because error bodies come from proxies too, and need not be XML at all.
    found = re.search(rf"<{name}>([^<]*)</{name}>".encode(), body)
    if found is None:
        return ""
    import html  # noqa: PLC0415  # its table of names is large, and errors are few

    return html.unescape(found[1].decode("utf-8", "replace")).strip()


def _one_line(message: str) -> str:
    return " ".join(message.split())[:300]


def _status_message(status: int | None) -> str:
    if status is None:
        return "it failed"
    reason = http.client.responses.get(status, "")
    return f"the server answered {status} {reason}".rstrip()
