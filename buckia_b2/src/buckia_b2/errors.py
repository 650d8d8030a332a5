"""What B2 and the network say, as errors of Buckia. The one place where that is decided.

    status and code                                       error                retryable
    -------------------------------------------------------------------------------------
    no answer, half an answer                             Transient            yes
    429, 503                                              Throttled            yes
    408, other 5xx                                        Transient            yes
    400 auth_token_limit; 401 about a token just renewed  Transient            yes
    401 while the key is shown                            Unauthenticated      no
    other 401, 403 access_denied                          PermissionDenied     no
    403 …cap_exceeded                                     PermissionDenied     no
    400 no_such_file, file_not_present; 404 about a key   NotFound             no
    400 bad_bucket_id; other 404                          NotFound, no key     no
    400 duplicate_bucket_name                             AlreadyExists        no
    409; 400 about a bucket that is not empty             PreconditionFailed   no
    400 about the name of a file                          InvalidKey           no
    400 about a checksum                                  IntegrityError       yes
    an untrusted certificate, anything else               AdapterError         no

A cap does not pass by itself within a run: it is raised by hand, or ends at midnight UTC.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import time
from typing import Any

from buckia_core.errors import (
    AdapterError,
    AlreadyExists,
    IntegrityError,
    InvalidKey,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
    Throttled,
    Transient,
    Unauthenticated,
)

PROVIDER = "b2"

_BY_CODE: dict[str, type[AdapterError]] = {
    "auth_token_limit": Transient,
    "no_such_file": NotFound,
    "file_not_present": NotFound,
    "bad_bucket_id": NotFound,
    "duplicate_bucket_name": AlreadyExists,
    "cannot_delete_non_empty_bucket": PreconditionFailed,
    "part_sha1_mismatch": IntegrityError,
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

_WORN = frozenset({"bad_auth_token", "expired_auth_token", ""})

_TELLTALES = frozenset({"auth_token_limit"})
"""Codes whose messages have the token of an upload in them, which nobody is to see."""

_CAPS = {
    "storage_cap_exceeded": "the account's cap on storage is reached: raise it on Backblaze's page Caps & Alerts, or "
    "delete old versions",
    "transaction_cap_exceeded": "the account's cap on transactions is reached: raise it on Backblaze's page Caps & "
    "Alerts, or wait for midnight UTC",
    "download_cap_exceeded": "the account's cap on downloads is reached: raise it on Backblaze's page Caps & Alerts, "
    "or wait for midnight UTC",
}


class Refusal(Exception):
    """An answer that is no success.

    Attributes:
        status: Of HTTP.
        code, message: What B2 says; empty of an answer without a body, as to HEAD.
        retry_after: Seconds that it asks to wait.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after

    @property
    def worn(self) -> bool:
        """Whether it may be the token alone that is no good any more. To HEAD, B2 does not say what is the matter."""
        return self.status == 401 and self.code in _WORN

    @classmethod
    def of(cls, answer: Any) -> Refusal:
        """Read the answer, a response of `requests`. Raises what that does where the answer is cut short."""
        try:
            told = json.loads(answer.content or b"{}")
        except ValueError:
            told = {}
        if not isinstance(told, dict):
            told = {}
        code, message = str(told.get("code") or ""), str(told.get("message") or "")
        if code in _TELLTALES:
            message = "two uploads went to one address at once"
        return cls(int(answer.status_code), code, " ".join(message.split())[:300], _wait(answer.headers))


def translated(error: Exception, *, doing: str, key: str | None = None, host: str = "", why: str = "") -> AdapterError:
    """Return the error for an exception that came while a request was made.

    Args:
        error: A `Refusal`, or what `requests` and urllib3 raise.
        doing: What the request was for.
        key: The object that it was about.
        host: Where it went.
        why: What of the application key does not allow it, where that is known.
    """
    named = f"{key!r}: {doing}" if key is not None else doing
    if isinstance(error, AdapterError):
        return error
    if isinstance(error, Refusal):
        return _of_refusal(error, doing, key, why)
    if not isinstance(error, (OSError, http.client.HTTPException)) and not _of_urllib3(error):
        words = f"{host} answered in a form that is not known"
        return AdapterError(f"{named}: {words}", provider=PROVIDER, key=key)
    kind = type(error).__name__
    if kind == "SSLError":
        words = "is not trusted. If its authority is your own, name it in the setting `ca_bundle`."
        return AdapterError(f"{named}: the certificate of {host} {words}", provider=PROVIDER, key=key)
    late = "Timeout" in kind or "timed out" in str(error)
    words = "no progress in time" if late else "no connection, or no whole answer"
    return Transient(f"{named} at {host} failed: {words}", provider=PROVIDER, key=key)


def not_accepted(refusal: Refusal) -> AdapterError:
    """Return the error for a refusal to the application key itself."""
    if refusal.status != 401:
        return translated(refusal, doing="signing in")
    words = "Backblaze does not accept the application key: check application_key_id and application_key"
    if refusal.message:
        words = f"{words} ({refusal.message})"
    return Unauthenticated(words, provider=PROVIDER, status=refusal.status, code=refusal.code)


def not_as_expected(key: str) -> PreconditionFailed:
    """Return the error for an object that is not as expected."""
    return PreconditionFailed(f"{key!r}: it is not in the expected state", provider=PROVIDER, key=key)


def _of_refusal(refusal: Refusal, doing: str, key: str | None, why: str) -> AdapterError:
    kind, words = _kind_of(refusal, why), refusal.message.rstrip(".")
    if kind is NotFound and (key is None or refusal.code == "bad_bucket_id"):
        key, words = None, "the bucket does not exist"
    elif kind is NotFound:
        words = "there is no such object"
    elif refusal.code in _CAPS:
        words = _CAPS[refusal.code]
    elif kind is PermissionDenied:
        words = why or f"the application key does not allow it ({words or 'no reason was told'})"
    elif kind is Throttled and not words:
        words = "the server asks for fewer requests"
    named = f"{key!r}: {doing}" if key is not None else doing
    shown = f" ({refusal.code})" if refusal.code and refusal.code not in words else ""
    if refusal.worn and not why:
        words = "the token ended again right after it was renewed"
    words = words or f"the server answered {refusal.status} {http.client.responses.get(refusal.status, '')}".rstrip()
    return kind(
        f"{named}: {words}{shown}",
        provider=PROVIDER,
        key=key,
        status=refusal.status,
        retry_after=refusal.retry_after if kind is Throttled else None,
        code=refusal.code,
    )


def _kind_of(refusal: Refusal, why: str) -> type[AdapterError]:
    status, message = refusal.status, refusal.message.lower()
    if refusal.worn:
        return PermissionDenied if why else Transient
    if (
        status == 400
        and refusal.code == "bad_request"
        and ("sha1" in message or "checksum" in message or "md5" in message)
    ):
        return IntegrityError
    if status == 400 and "file names" in message:
        return InvalidKey
    kind = _BY_CODE.get(refusal.code) or _BY_STATUS.get(status)
    return kind or (Transient if 500 <= status < 600 else AdapterError)


def _of_urllib3(error: Exception) -> bool:
    return type(error).__module__.startswith("urllib3.")


def _wait(headers: Any) -> float | None:
    told = (headers.get("Retry-After") or "").strip()
    if not told:
        return None
    if told.isdecimal():
        return float(told)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except ValueError:
        return None
