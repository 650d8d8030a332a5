"""Properties of `S3Sync` with the names and values of obstore's `S3Store`, and the store itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from buckia_s3.auth.sigv4 import CredentialProvider
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.client import S3Client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client as Boto3Client
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential, S3Store


class StoreProperties:
    """StoreProperties: a bucket as obstore and boto3 see it. Only `store` and `boto3_client` import their packages."""

    _settings: S3Settings
    _client: S3Client
    _credentials: CredentialProvider
    _prefix: str

    @cached_property
    def store(self) -> S3Store:
        """An obstore `S3Store` for this bucket, with the same settings and credentials, for keys below `prefix`.

        It stores no modification times and digests, rejects some keys, supports only SHA256 and CRC64NVME checksums,
        retries by `retry_config`, and raises obstore's errors. `close` does not close it. It can't be pickled.

        Raises:
            MissingCredentials, Unauthenticated: There are no credentials.
        """
        from buckia_s3.obstore.store import open_obstore  # noqa: PLC0415  # imports obstore

        return open_obstore(self._settings, self._client.resolver.endpoint, self._credentials, self._prefix)

    def boto3_client(self) -> Boto3Client:
        """Return a new boto3 client with the settings and credentials of the adapter. The caller closes it.

        It asks for the current credentials before each request. `request_count` includes its requests. Its errors are
        those of boto3, except errors of the credentials. It does not know `prefix`.

        Raises:
            InvalidSetting: `ca_bundle` can't be read.
        """
        from buckia_s3.boto3_client import open_boto3_client  # noqa: PLC0415  # imports boto3

        return open_boto3_client(self._settings, self._client, self._credentials)

    @property
    def config(self) -> S3Config:
        """The settings in effect as obstore's `config`, without secrets."""
        from buckia_s3.obstore import options  # noqa: PLC0415  # few applications use it

        is_signed = not self._settings.skip_signature
        config = options.store_config(self._settings, self._client.resolver.endpoint, signed=is_signed)
        return options.without_secrets(config)

    @property
    def client_options(self) -> ClientConfig:
        """The connection options as obstore's, without headers and proxy, which may contain secrets."""
        from buckia_s3.obstore import options  # noqa: PLC0415  # as above

        return options.without_secrets(options.client_config(self._settings, self._client.resolver.endpoint))

    @property
    def retry_config(self) -> RetryConfig:
        """The retries of requests, as obstore's `retry_config`."""
        from buckia_s3.obstore import options  # noqa: PLC0415  # as above

        return options.retry_config(self._settings)

    @property
    def credential_provider(self) -> Callable[[], S3Credential] | None:
        """The source of credentials, as a provider for stores of obstore; `None` if requests are not signed."""
        from buckia_s3.obstore import options  # noqa: PLC0415  # as above

        return None if self._settings.skip_signature else options.credential_provider(self._credentials)

    @property
    def prefix(self) -> str | None:
        """The prefix of all keys, without a slash at its end; `None` without one."""
        return self._prefix.removesuffix("/") or None
