"""`S3Sync.store`: an obstore `S3Store` with the settings and credentials of the adapter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn, SupportsIndex

from obstore.store import S3Store

from buckia_s3.auth.credentials import CredentialProvider
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.endpoint import Endpoint
from buckia_s3.obstore.options import client_config, retry_config, store_config

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Credential

_ANY_CREDENTIALS_LAST = timedelta(minutes=10)
_NEVER = datetime.max.replace(tzinfo=UTC)


def open_obstore(
    settings: S3Settings, endpoint: Endpoint, credentials: CredentialProvider, prefix: str
) -> RedactedS3Store:
    """Return a store with all settings, for keys below `prefix`.

    Raises:
        MissingCredentials, Unauthenticated: There are no credentials.
    """
    signed = credentials.get() is not None
    return RedactedS3Store(
        prefix=prefix.removesuffix("/") or None,
        config=store_config(settings, endpoint, signed=signed),
        client_options=client_config(settings, endpoint),
        retry_config=retry_config(settings),
        credential_provider=_provider(credentials) if signed else None,
    )


def _provider(source: CredentialProvider) -> Callable[[], S3Credential]:
    """Return a credential provider for obstore, which calls it again before the credentials expire."""

    def provide() -> S3Credential:
        credentials = source.get()
        assert credentials is not None
        expires = None
        if not source.never_expires:
            expires = min(datetime.now(UTC) + _ANY_CREDENTIALS_LAST, credentials.expires_at or _NEVER)
        return {
            "access_key_id": credentials.access_key_id,
            "secret_access_key": credentials.secret_access_key,
            "token": credentials.session_token,
            "expires_at": expires,
        }

    return provide


class RedactedS3Store(S3Store):
    """RedactedS3Store: an `S3Store` without secrets in `config` and `client_options`; it can't be pickled."""

    @property
    def config(self) -> S3Config:
        """The configuration, without the SSE-C key."""
        config = dict(super().config)
        config.pop("sse_customer_key_base64", None)
        shown: S3Config = config  # type: ignore[assignment]  # the same keys as before
        return shown

    @property
    def client_options(self) -> ClientConfig | None:
        """The connection options, without headers and proxy, which may contain secrets."""
        options = dict(super().client_options or {})
        for name in ("default_headers", "proxy_url"):
            options.pop(name, None)
        shown: ClientConfig = options  # type: ignore[assignment]  # the same keys as before
        return shown

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a store has credentials, which can't be pickled; make one where it is used")
