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
    400 bucket_missing_file_lock                          NotSupported         no
    an untrusted certificate, a redirect, anything else   AdapterError         no

A cap does not pass by itself within a run: it is raised by hand, or ends at midnight UTC.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

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

_WORDS = {
    "bucket_missing_file_lock": "the bucket has no object lock: enable it for the bucket, or leave out "
    "object_lock_mode, object_lock_retain and object_lock_legal_hold",
    "retain_until_timestamp_must_be_in_future": "the retention would have ended already: check this machine's clock",
}

ABSENT = frozenset({"file_not_present", "no_such_file", "not_found"})
"""Codes that say that a version is not there."""

LOCKED = "the version is locked by a retention or a legal hold, which has to end before it can be removed"

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_LONGEST_WAIT = 86_400.0

_SHORTEST_SECRET = 8
"""Characters of a token that is looked for in messages. Shorter ones are in words that mean something else."""

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


class B2ResponseError(Exception):
    """An answer that is no success.

    Attributes:
        status: Of HTTP.
        code, message: What B2 says; empty of an answer without a body, as to HEAD.
        retry_after: Seconds that it asks to wait.
        leads_to: The host that a redirect names.
    """

    def __init__(
        self, status: int, code: str, message: str, retry_after: float | None = None, leads_to: str = ""
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.leads_to = leads_to

    @property
    def worn(self) -> bool:
        """Whether it may be the token alone that is no good any more. To HEAD, B2 does not say what is the matter."""
        return self.status == 401 and self.code in _WORN

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes, secrets: Iterable[str] = ()) -> B2ResponseError:
        """Read an answer. What it repeats of `secrets` is left out."""
        try:
            told = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            told = {}
        if not isinstance(told, dict):
            told = {}
        code, message = told.get("code"), told.get("message")
        code = code if isinstance(code, str) and _CODE.fullmatch(code) else ""
        message = " ".join(message.split()) if isinstance(message, str) else ""
        if code in _TELLTALES:
            message = "two uploads went to one address at once"
        for secret in secrets:
            if len(secret) >= _SHORTEST_SECRET:
                message = message.replace(secret, "***")
        return cls(status, code, message[:300], _wait(headers), _host_in(headers) if 300 <= status < 400 else "")


class TooLong(Exception):
    """An answer is longer than any that is expected."""


class AnswerTooLong(AdapterError):
    """The same of a call. A page of a listing can be asked for in smaller ones."""


def unexpected_response(doing: str, key: str | None = None) -> AdapterError:
    """Return the error for an answer that is none of B2's."""
    named = f"{key!r}: {doing}" if key is not None else doing
    return AdapterError(f"{named}: the server answered in a form that is not known", provider=PROVIDER, key=key)


@contextmanager
def understanding(doing: str, key: str | None = None) -> Iterator[None]:
    """Turn what reading an answer of another form raises into an error of its request.

    Raises:
        AdapterError: The answer can't be read.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise unexpected_response(doing, key) from error


def translate_error(
    error: Exception, *, doing: str, key: str | None = None, host: str = "", why: str = ""
) -> AdapterError:
    """Return the error for an exception that came while a request was made.

    Args:
        error: A `B2ResponseError`, or what `requests` and urllib3 raise.
        doing: What the request was for.
        key: The object that it was about.
        host: Where it went.
        why: What of the application key does not allow it, where that is known.
    """
    named = f"{key!r}: {doing}" if key is not None else doing
    if isinstance(error, AdapterError):
        return error
    if isinstance(error, B2ResponseError):
        return _of_refusal(error, doing, key, why)
    if isinstance(error, TooLong):
        return AnswerTooLong(f"{named}: {error}", provider=PROVIDER, key=key)
    if not isinstance(error, (OSError, http.client.HTTPException)) and not _of_urllib3(error):
        words = f"{host} answered in a form that is not known"
        return AdapterError(f"{named}: {words}", provider=PROVIDER, key=key)
    if failure := failure_of_system(error):
        # Not the network: this machine.
        return Transient(f"{named} at {host} failed: {failure_words(failure)}", provider=PROVIDER, key=key)
    kind = type(error).__name__
    if kind == "SSLError":
        words = "is not trusted. If its authority is your own, name it in the setting `ca_bundle`."
        return AdapterError(f"{named}: the certificate of {host} {words}", provider=PROVIDER, key=key)
    if kind == "ProxyError":
        return Transient(f"{named} at {host} failed: {unreached_proxy(host)}", provider=PROVIDER, key=key)
    late = "Timeout" in kind or "timed out" in str(error)
    words = "no progress in time" if late else "no connection, or no whole answer"
    return Transient(f"{named} at {host} failed: {words}", provider=PROVIDER, key=key)


def unauthenticated(refusal: B2ResponseError) -> AdapterError:
    """Return the error for a refusal to the application key itself."""
    if refusal.status != 401:
        return translate_error(refusal, doing="signing in")
    words = "Backblaze does not accept the application key: check application_key_id and application_key"
    if refusal.message:
        words = f"{words} ({refusal.message})"
    return Unauthenticated(words, provider=PROVIDER, status=refusal.status, code=refusal.code)


def precondition_failed(key: str) -> PreconditionFailed:
    """Return the error for an object that is not as expected."""
    return PreconditionFailed(f"{key!r}: it is not in the expected state", provider=PROVIDER, key=key)


def _of_refusal(refusal: B2ResponseError, doing: str, key: str | None, why: str) -> AdapterError:
    kind, words = _kind_of(refusal, why), refusal.message.rstrip(".")
    if kind is NotFound and (key is None or refusal.code == "bad_bucket_id"):
        key, words = None, "the bucket does not exist"
    elif kind is NotFound:
        words = "there is no such object"
    elif refusal.code in _CAPS:
        words = _CAPS[refusal.code]
    elif refusal.code in _WORDS:
        words = _WORDS[refusal.code]
    elif 300 <= refusal.status < 400:
        words = f"the server answered with a redirect to {refusal.leads_to or 'nowhere'}, which is not followed"
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


def _kind_of(refusal: B2ResponseError, why: str) -> type[AdapterError]:
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


def _wait(headers: Mapping[str, str]) -> float | None:
    told = (headers.get("Retry-After") or "").strip()[:100]
    if not told:
        return None
    try:
        if told.isdecimal():
            return min(float(told), _LONGEST_WAIT)
        return min(max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time()), _LONGEST_WAIT)
    except (OverflowError, TypeError, ValueError):
        return None


def _host_in(headers: Mapping[str, str]) -> str:
    try:
        return urlsplit(headers.get("Location") or "").hostname or "another address of its own"
    except ValueError:
        return ""
