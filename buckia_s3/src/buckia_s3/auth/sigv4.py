"""AWS Signature Version 4: signed requests and presigned URLs."""

from __future__ import annotations

import hashlib
import hmac
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import quote

from buckia_core import Secret

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
"""In place of the SHA-256 of a body that is not signed."""

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
"""SHA-256 of an empty body."""

_INNER_PAD = bytes(number ^ 0x36 for number in range(256))
_OUTER_PAD = bytes(number ^ 0x5C for number in range(256))

MAX_PRESIGN_SECONDS = 7 * 24 * 3600
"""The longest lifetime of a presigned URL, in seconds."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials: access key, secret and token. `repr` does not show the secrets.

    Attributes:
        access_key_id: Access key.
        secret_access_key: Its secret.
        session_token: Token of a temporary access key.
        expires_at: Expiration, if known.
        is_session: They belong to an S3 Express session, whose token has another header.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = field(default=None, compare=False)
    is_session: bool = False
    _secrets: tuple[Secret, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Credentials of profiles, roles and sessions are in no settings, so they are registered here for redaction.
        secrets = tuple(Secret(text) for text in (self.secret_access_key, self.session_token) if text)
        object.__setattr__(self, "_secrets", secrets)

    @property
    def token_name(self) -> str:
        """Name of the header with the token."""
        return "x-amz-s3session-token" if self.is_session else "x-amz-security-token"


class CredentialProvider(ABC):
    """CredentialProvider: returns the credentials to sign with. Called for each request, from any thread."""

    never_expires = False
    """Whether the credentials stay the same for the whole run."""

    @abstractmethod
    def get(self) -> Credentials | None:
        """Return the credentials; `None` means unsigned requests.

        Raises:
            MissingCredentials: There are none.
            Unauthenticated, Transient: They could not be renewed.
        """

    def region(self) -> str | None:
        """Return the region configured with the credentials, if any."""
        return None

    def endpoint_url(self) -> str | None:
        """Return the endpoint URL configured with the credentials, if any.

        Raises:
            MissingCredentials: The profile does not exist.
            InvalidSetting: The profile refers to a `services` section that does not exist.
        """
        return None


Query = Iterable[tuple[str, str]]


def query_string(query: Query) -> str:
    """Return the canonical query string, sorted and percent-encoded; requests are sent with it too."""
    if not query:
        return ""
    pairs = sorted((_quote(name), _quote(value)) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in pairs)


def sign_request(
    method: str,
    authority: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    payload: str,
    *,
    credentials: Credentials,
    region: str,
    service: str = "s3",
    now: datetime | None = None,
) -> dict[str, str]:
    """Return the headers to send: those given, and those of the signature.

    Args:
        method: HTTP method.
        authority: Value of the `Host` header.
        path: Percent-encoded path.
        query: Result of `query_string`.
        headers: The other headers; all are signed. Names in any case.
        payload: Hex SHA-256 of the body, or `UNSIGNED_PAYLOAD`.
        credentials: Credentials to sign with.
        region: Region of the bucket.
        service: `s3`, or `s3express` for directory buckets.
        now: Time of the signature.
    """
    scope = _scope(int(now.timestamp() if now else time.time()), credentials, region, service)
    sent = {**headers, "x-amz-date": scope.stamp, "x-amz-content-sha256": payload}
    if credentials.session_token:
        sent[credentials.token_name] = credentials.session_token
    form = _canonical_form(tuple(sent))
    lines = form.lines % form.pick((authority, *sent.values()))
    if "  " in lines or ": " in lines or " \n" in lines or "\t" in lines:
        lines = form.lines % form.pick((authority, *[" ".join(value.split()) for value in sent.values()]))
    signature = scope.sign(f"{method}\n{path}\n{query}\n{lines}\n{form.names}\n{payload}")
    sent["Authorization"] = f"{scope.credential}, SignedHeaders={form.names}, Signature={signature}"
    return sent


def presign(
    method: str,
    authority: str,
    path: str,
    *,
    seconds: int,
    credentials: Credentials,
    region: str,
    service: str = "s3",
    extra_query: Query = (),
    headers: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> str:
    """Return the query string of a presigned URL for `method`, valid for 1 to `MAX_PRESIGN_SECONDS` seconds.

    `extra_query` is signed too; it replaces headers that the user of the URL does not send. `headers` must be sent.
    """
    scope = _scope(int(now.timestamp() if now else time.time()), credentials, region, service)
    signed = {name.lower(): " ".join(value.split()) for name, value in (headers or {}).items()} | {"host": authority}
    names = ";".join(sorted(signed))
    fields = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", f"{credentials.access_key_id}/{scope.name}"),
        ("X-Amz-Date", scope.stamp),
        ("X-Amz-Expires", str(seconds)),
        ("X-Amz-SignedHeaders", names),
        *extra_query,
    ]
    if credentials.session_token:
        name = "X-Amz-S3session-Token" if credentials.is_session else "X-Amz-Security-Token"
        fields.append((name, credentials.session_token))
    query = query_string(fields)
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(signed.items()))
    canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{UNSIGNED_PAYLOAD}"
    return f"{query}&X-Amz-Signature={scope.sign(canonical)}"


class _CanonicalForm(NamedTuple):
    """How the headers of a request are written in its canonical form.

    Attributes:
        lines: Format string of the lines, in their order.
        pick: Returns the values for `lines`, from those of `Host` and of the headers in their order.
        names: The names, as in `SignedHeaders`.
    """

    lines: str
    pick: Callable[[tuple[str, ...]], tuple[str, ...]]
    names: str


@lru_cache(maxsize=64)
def _canonical_form(headers: tuple[str, ...]) -> _CanonicalForm:
    """Return the form of requests with these headers, besides `Host`. All requests of a kind have the same."""
    names = ["host", *[name.lower() for name in headers]]
    order = sorted(range(len(names)), key=names.__getitem__)
    lines = "".join([f"{names[index].replace('%', '%%')}:%s\n" for index in order])
    return _CanonicalForm(lines, itemgetter(*order), ";".join([names[index] for index in order]))


class _Scope:
    """What all signatures of one second have in common.

    Attributes:
        stamp: The time.
        name: The credential scope.
        credential: The begin of the header `Authorization`.
    """

    def __init__(self, stamp: str, region: str, service: str, credentials: Credentials) -> None:
        self.stamp = stamp
        self.name = f"{stamp[:8]}/{region}/{service}/aws4_request"
        self.credential = f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{self.name}"
        self._begin = f"AWS4-HMAC-SHA256\n{stamp}\n{self.name}\n"
        key = _signing_key(credentials.secret_access_key, self.name).ljust(64, b"\0")
        # The two hashes of an HMAC, after their keys: two copies take half the time of a new HMAC.
        self._inner = hashlib.sha256(key.translate(_INNER_PAD))
        self._outer = hashlib.sha256(key.translate(_OUTER_PAD))

    def sign(self, canonical: str) -> str:
        """Return the signature of a canonical request."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(f"{self._begin}{hashlib.sha256(canonical.encode()).hexdigest()}".encode())
        outer.update(inner.digest())
        return outer.hexdigest()


@lru_cache(maxsize=16)
def _scope(second: int, credentials: Credentials, region: str, service: str) -> _Scope:
    return _Scope(datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ"), region, service, credentials)


@lru_cache(maxsize=16)
def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _quote(text: str) -> str:
    return quote(text, safe="-_.~")
