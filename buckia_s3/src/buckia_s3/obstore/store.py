"""`S3Sync.store`: an obstore `S3Store` with the settings and credentials of the adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, SupportsIndex

from obstore.store import S3Store

from buckia_s3.auth.sigv4 import CredentialProvider
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.endpoint import Endpoint
from buckia_s3.obstore.options import client_config, credential_provider, retry_config, store_config, without_secrets

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config


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
        credential_provider=credential_provider(credentials) if signed else None,
    )


class RedactedS3Store(S3Store):
    """RedactedS3Store: an `S3Store` without secrets in `config` and `client_options`; it can't be pickled."""

    @property
    def config(self) -> S3Config:
        """The configuration, without the SSE-C key."""
        return without_secrets(super().config)

    @property
    def client_options(self) -> ClientConfig | None:
        """The connection options, without headers and proxy, which may contain secrets."""
        return without_secrets(super().client_options or {})

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a store has credentials, which can't be pickled; make one where it is used")
