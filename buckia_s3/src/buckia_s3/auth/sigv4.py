"""AWS Signature Version 4, for requests and for addresses that carry their permission."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from buckia_core import Secret

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
"""Stands for the hash of a body that is not signed."""

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
"""The hash of an empty body."""

MAX_PRESIGN_SECONDS = 7 * 24 * 3600
"""Seconds that a signed address is good for at most."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What requests are signed with. The secret parts do not show in `repr`.

    Attributes:
        access_key_id: The access key.
        secret_access_key: The secret that belongs to it.
        session_token: The token that belongs to a temporary key.
        expires_at: When they stop being good, as far as it is known.
        of_session: They are of a session of S3 Express, which signs in another name.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = field(default=None, compare=False)
    is_session: bool = False
    _secrets: tuple[Secret, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Those of profiles, roles and sessions are in no settings; as long as these live, they stay out of messages.
        secrets = tuple(Secret(text) for text in (self.secret_access_key, self.session_token) if text)
        object.__setattr__(self, "_secrets", secrets)

    @property
    def token_name(self) -> str:
        """The header that the token goes in."""
        return "x-amz-s3session-token" if self.is_session else "x-amz-security-token"


Query = Iterable[tuple[str, str]]


def query_string(query: Query) -> str:
    """Return a query in the order and the encoding that signatures are made over; requests are sent with just this."""
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
    """Return the headers to send: those given, and those that sign the request.

    Args:
        method: HTTP method.
        authority: What `Host` will say.
        path: Percent-encoded path.
        query: As `query_string` makes it.
        headers: The other headers, all of which are signed. Names in any case.
        payload: Hex SHA-256 of the body, or `UNSIGNED_PAYLOAD`.
        credentials: Who signs.
        region: The bucket's region.
        service: `s3`, or `s3express` for directory buckets.
        now: Time of the signature.
    """
    stamp = _stamp(int(now.timestamp() if now else time.time()))
    sent = dict(headers) | {"x-amz-date": stamp, "x-amz-content-sha256": payload}
    if credentials.session_token:
        sent[credentials.token_name] = credentials.session_token
    signed = sorted((name.lower(), " ".join(value.split())) for name, value in (sent | {"host": authority}).items())
    names = ";".join(name for name, _ in signed)
    lines = "".join(f"{name}:{value}\n" for name, value in signed)
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
    now: datetime | None = None,
) -> str:
    """Return the query that makes an address good for `method` during so many seconds (1 to `MAX_PRESIGN_SECONDS`).

    `more` is signed too: it stands for headers that whoever has the address need not send.
    """
    stamp = _stamp(int(now.timestamp() if now else time.time()))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    fields = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", f"{credentials.access_key_id}/{scope}"),
        ("X-Amz-Date", stamp),
        ("X-Amz-Expires", str(seconds)),
        ("X-Amz-SignedHeaders", "host"),
        *extra_query,
    ]
    if credentials.session_token:
        name = "X-Amz-S3session-Token" if credentials.is_session else "X-Amz-Security-Token"
        fields.append((name, credentials.session_token))
    query = query_string(fields)
    canonical = f"{method}\n{path}\n{query}\nhost:{authority}\n\nhost\n{UNSIGNED_PAYLOAD}"
    return f"{query}&X-Amz-Signature={_signature(canonical, stamp, scope, credentials)}"


def _signature(canonical: str, stamp: str, scope: str, credentials: Credentials) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    key = _signing_key(credentials.secret_access_key, scope)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


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
