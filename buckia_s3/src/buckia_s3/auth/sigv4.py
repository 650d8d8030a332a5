"""AWS Signature Version 4: signed requests and presigned URLs."""

from __future__ import annotations

import hashlib
import hmac
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from buckia_core import Secret

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
"""In place of the SHA-256 of a body that is not signed."""

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
"""SHA-256 of an empty body."""

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
    stamp = _stamp(int(now.timestamp() if now else time.time()))
    sent = {**headers, "x-amz-date": stamp, "x-amz-content-sha256": payload}
    if credentials.session_token:
        sent[credentials.token_name] = credentials.session_token
    signed = sorted([("host", authority), *[(name.lower(), " ".join(value.split())) for name, value in sent.items()]])
    names = ";".join([name for name, _ in signed])
    lines = "".join([f"{name}:{value}\n" for name, value in signed])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    signature = _signature(f"{method}\n{path}\n{query}\n{lines}\n{names}\n{payload}", stamp, scope, credentials)
    sent["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
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
    stamp = _stamp(int(now.timestamp() if now else time.time()))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    signed = {name.lower(): " ".join(value.split()) for name, value in (headers or {}).items()} | {"host": authority}
    names = ";".join(sorted(signed))
    fields = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", f"{credentials.access_key_id}/{scope}"),
        ("X-Amz-Date", stamp),
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
    return f"{query}&X-Amz-Signature={_signature(canonical, stamp, scope, credentials)}"


def _signature(canonical: str, stamp: str, scope: str, credentials: Credentials) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    key = _signing_key(credentials.secret_access_key, scope)
    return hmac.digest(key, text.encode(), "sha256").hex()


@lru_cache(maxsize=16)
def _stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=16)
def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _quote(text: str) -> str:
    return quote(text, safe="-_.~")
