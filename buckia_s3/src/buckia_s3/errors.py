"""Errors: maps responses, network failures and exceptions of boto3 to Buckia's errors.

    code or status                                        error                retryable
    -------------------------------------------------------------------------------------
    SlowDown, Throttling…, 429, 503 with a wait           Throttled            yes
    500, 502, 503, 504, RequestTimeout, conflicts (409)   Transient            yes
    InvalidAccessKeyId, SignatureDoesNotMatch, 401, …     Unauthenticated      no
    AccessDenied, other 403                               PermissionDenied     no
    NoSuchBucket, 404 of the bucket without another code  BucketNotFound       no
    NoSuchKey, other 404 about a key                      NotFound             no
    412, BucketNotEmpty, InvalidBucketState               PreconditionFailed   no
    BucketAlreadyExists, BucketAlreadyOwnedByYou          AlreadyExists        no
    KeyTooLongError, …                                    InvalidKey           no
    BadDigest, XAmzContentSHA256Mismatch, …               IntegrityError       yes
    NotImplemented, MethodNotAllowed, 405, 501            NotSupported         no
    anything else                                         AdapterError         no

A known code takes precedence over the status.
"""

from __future__ import annotations

import re
import socket
from http import HTTPStatus
from typing import Protocol

from buckia_core.adapters.service.responses import STATUS_ERRORS, parse_retry_after
from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    BucketNotFound,
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
from buckia_core.http.errors import IncompleteResponse, NoResponse, ProtocolError, UnusableResponse
from buckia_core.localfs.system_errors import find_system_failure
from buckia_s3.xml.reader import element_text

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

_BY_STATUS: dict[int, type[AdapterError]] = {**STATUS_ERRORS, 409: Transient, 412: PreconditionFailed}

_NOTHING_THERE = ("", "NotFound", "NoSuchKey")
"""Codes that add nothing to status 404. In a response about the bucket, they mean that the bucket is missing."""

_MESSAGES: dict[str, str] = {
    "NoSuchBucket": "the bucket does not exist: check its name and the endpoint, or make it with `buckia s3 create`",
    "InvalidBucketName": "the service does not allow this name for a bucket: check bucket_name",
    "BucketAlreadyExists": "there is a bucket of this name already, perhaps of another account",
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


class HeaderLookup(Protocol):
    """Response headers; names are case-insensitive."""

    def get(self, name: str, /) -> str | None:
        """Return the value; `None` without this header."""


def from_response(
    status: int,
    headers: HeaderLookup,
    body: bytes,
    *,
    provider: str,
    key: str | None,
    action: str,
    advice: str = "",
) -> AdapterError:
    """Return the error for a response. `action` says what was tried, such as `reading`; `key` is without prefix.

    `advice` is what the caller knows about the cause; it ends the message.
    """
    code, message = error_code(body), element_text(body, "Message")
    error = from_code(code, message, status, provider=provider, key=key, action=action, advice=advice)
    return _with_headers(error, headers, element_text(body, "RequestId").strip())


def _with_headers(error: AdapterError, headers: HeaderLookup, request_id: str) -> AdapterError:
    wait = retry_after(headers)
    if error.status == 503 and wait is not None and type(error) is Transient:
        error = Throttled(error.message, provider=error.provider, key=error.key, status=503, code=error.code)
    error.request_id = headers.get("x-amz-request-id") or request_id or None
    error.retry_after = wait
    return error


def from_code(
    code: str, message: str, status: int | None, *, provider: str, key: str | None, action: str, advice: str = ""
) -> AdapterError:
    """Return the error for an S3 error code and its status. The other arguments are those of `from_response`."""
    reported = code
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status or 0, AdapterError)
    if code == "InvalidArgument" and "object name" in message.lower():
        kind = InvalidKey
    if kind is NotFound and (code == "NoSuchBucket" or (key is None and code in _NOTHING_THERE)):
        kind, key, code = BucketNotFound, None, "NoSuchBucket"
    elif kind is NotFound:
        code = code or "NoSuchKey"
    text = _MESSAGES.get(code) or _one_line(message) or _status_message(status)
    named = f"{key!r}: " if key is not None else ""
    shown = f" ({code})" if code and code not in text else ""
    if advice:
        shown = f"{shown}; {advice}"
    return kind(f"{named}{action}: {text}{shown}", provider=provider, key=key, status=status, code=reported)


def from_network(error: Exception, *, provider: str, key: str | None, action: str, host: str) -> AdapterError:
    """Return the error for a request without a response, or with an incomplete one."""
    import ssl  # noqa: PLC0415  # slow to import, and not needed without TLS

    named = f"{key!r}: " if key is not None else ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return AdapterError(
            f"{named}the certificate of {host} is not trusted: {error.verify_message}. "
            "If its authority is your own, name it in the setting `ca_bundle`.",
            provider=provider,
            key=key,
        )
    if isinstance(error, ssl.SSLError) and error.reason in _NOT_TLS:
        message = f"{host} does not speak TLS: does its address begin with http:// and not with https://?"
        return AdapterError(f"{named}{action}: {message}", provider=provider, key=key)
    if isinstance(error, UnusableResponse):
        message = f"the response of {host} {error}"
        return AdapterError(f"{named}{action}: {message}", provider=provider, key=key)
    if isinstance(error, TimeoutError):
        message = "no progress in time"
    elif isinstance(error, NoResponse):
        message = "the connection was closed without a response"
    elif isinstance(error, ProtocolError):
        message = f"the response {error}"
    else:
        message = str(getattr(error, "strerror", None) or error) or type(error).__name__
        if isinstance(error, ConnectionRefusedError | socket.gaierror):
            message = f"{message}; check the address, and whether the server runs"
    return Transient(f"{named}{action} at {host} failed: {message}", provider=provider, key=key)


_DIGITS = re.compile(r"[0-9]{1,15}")
_MAX_WAIT = 86400.0

_STATUSES = frozenset(HTTPStatus)

_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")

_MISSING = ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "ConfigNotFound", "ConfigParseError")
_SIGN_IN = (
    "SSOTokenLoadError",
    "UnauthorizedSSOTokenError",
    "TokenRetrievalError",
    "LoginTokenLoadError",
    "LoginRefreshRequired",
)
_UNREACHABLE = (
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionClosedError",
    "ProxyConnectionError",
    "HTTPClientError",
    "ResponseStreamingError",
    "IncompleteReadError",
)


def from_boto3_session(error: Exception, nothing_found: str, *, provider: str, profile: str | None) -> Exception:
    """Return the error for credentials that boto3 could not fetch. `profile` is the one in effect.

    `nothing_found` is the message if no place has credentials. A failure of the operating system is returned as it is.
    """
    if failure := find_system_failure(error):
        return failure
    name = type(error).__name__
    if name == "MetadataRetrievalError":
        # The last place of the chain: there is no EC2 instance, or it issues no IMDSv2 tokens.
        return MissingCredentials(
            f"{nothing_found}; an instance of EC2 that gives no tokens needs imdsv1_fallback: true"
        )
    where = f" of profile {profile!r}" if profile else ""
    if name in _MISSING:
        return MissingCredentials(f"no credentials{where}: {error}")
    message = f"the credentials{where} could not be fetched: "
    if name in _UNREACHABLE:
        return Transient(f"{message}{error}", provider=provider)
    if name == "EOFError":
        return Unauthenticated(f"{message}they need an MFA code, which nobody entered", provider=provider)
    if name in _SIGN_IN:
        command = f"{'aws login' if 'Login' in name else 'aws sso login'}{f' --profile {profile}' if profile else ''}"
        return Unauthenticated(f"{message}{error}; sign in with: {command}", provider=provider)
    # Errors of a `credential_process`, such as those of its JSON, are Python's own.
    from_python = type(error).__module__.partition(".")[0] != "botocore"
    return Unauthenticated(f"{message}{f'{name}: ' if from_python else ''}{error}", provider=provider)


def from_boto3(error: Exception, *, provider: str, action: str, host: str) -> Exception:
    """Return the error for an exception that boto3 raised for an operation on the bucket.

    A failure of the operating system is returned as it is.
    """
    if failure := find_system_failure(error):
        return failure
    if response := getattr(error, "response", None):
        details, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
        status = metadata.get("HTTPStatusCode")
        code = details.get("Code") or ""
        # Without a code in the response, boto3 reports the status as code, and the reason as message.
        code, message = ("", "") if code == str(status) else (code, details.get("Message") or "")
        translated = from_code(code, message, status, provider=provider, key=None, action=action)
        headers = metadata.get("HTTPHeaders", {})
        return _with_headers(translated, headers, metadata.get("RequestId", ""))
    import http.client  # noqa: PLC0415  # boto3 has imported it

    cause: BaseException | None = error
    while cause is not None:
        # boto3's own exceptions for connections are instances of OSError too.
        from_python = type(cause).__module__.partition(".")[0] in ("builtins", "http", "socket", "ssl")
        if isinstance(cause, http.client.RemoteDisconnected):
            cause = NoResponse("is missing")
        elif isinstance(cause, http.client.IncompleteRead):
            cause = IncompleteResponse("was cut short")
        elif isinstance(cause, http.client.HTTPException):
            cause = ProtocolError("is invalid")
        if isinstance(cause, ProtocolError) or (from_python and isinstance(cause, OSError)):
            return from_network(cause, provider=provider, key=None, action=action, host=host)
        cause = cause.__cause__ or cause.__context__
    if type(error).__name__ == "HTTPClientError":
        # The message of what it wraps may quote a header, with a secret.
        wrapped = type(getattr(error, "kwargs", {}).get("error")).__name__
        return AdapterError(f"{action} at {host} failed: the request can't be sent ({wrapped})", provider=provider)
    if type(error).__name__ in _UNREACHABLE:
        return Transient(f"{action} at {host} failed: {error}", provider=provider)
    return AdapterError(f"{action}: {error}", provider=provider)


def error_code(body: bytes) -> str:
    """Return the `Code` in the body of an error response; empty if there is none."""
    return element_text(body, "Code").strip()


def retry_after(headers: HeaderLookup) -> float | None:
    """Return the seconds to wait that the server asks for; `None` if it does not."""
    milliseconds = headers.get("x-amz-retry-after")
    if milliseconds is not None and _DIGITS.fullmatch(milliseconds):
        return min(int(milliseconds) / 1000, _MAX_WAIT)
    return parse_retry_after(headers.get("Retry-After"))


def _one_line(message: str) -> str:
    return " ".join(message.split())[:300]


def _status_message(status: int | None) -> str:
    if status is None:
        return "it failed"
    reason = HTTPStatus(status).phrase if status in _STATUSES else ""
    return f"the server responded {status} {reason}".rstrip()
