"""`LinodeSync`: a bucket of Linode Object Storage."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.identity import normalize_prefix
from buckia_core.errors import MissingCredentials
from buckia_linode.endpoint_lookup import EndpointLookup, LinodeEndpointResolver
from buckia_linode.endpoint_types import LIMITS, LOWEST_RATE, PROVIDER, require_full_api
from buckia_linode.settings import LinodeSettings
from buckia_s3.auth.sigv4 import CredentialProvider, Credentials
from buckia_s3.sync import S3Sync

if TYPE_CHECKING:
    from buckia_linode.account import LinodeAccount
    from buckia_linode.bucket_api import ManagedBucket
    from buckia_s3.administration import Administration


class LinodeSync(S3Sync):
    """A bucket of Linode Object Storage: S3, and Linode's API beside it.

    - With a token and without an endpoint, the first request asks the API for the bucket's endpoint.
    - Limits follow from the endpoint type, which comes from the settings, or with a token from `probe`. While it is
      unknown, the lowest request rate applies, and no limit of the bucket's size.
    - `account` and `managed` require a token.
    """

    provider_id = PROVIDER

    def __init__(self, settings: LinodeSettings) -> None:
        self._linode_settings = settings
        self._lookup = EndpointLookup(settings, lambda: self.account)
        has_credentials = settings.skip_signature or settings.access_key_id is not None or settings.profile is not None
        super().__init__(
            settings.s3(),
            credentials=None if has_credentials else MissingKeys(),  # never those of AWS in the environment
            resolver=LinodeEndpointResolver(settings, self._lookup) if settings.needs_lookup else None,
        )

    @classmethod
    def from_url(cls, url: str, **settings: object) -> Self:
        """Return the adapter for a bucket URL of Linode. The caller closes it.

            LinodeSync.from_url("https://my-bucket.us-ord-1.linodeobjects.com/photos")

        Raises:
            ConfigError: The URL or a setting is invalid.
        """
        return cls(LinodeSettings.from_url(url, **settings))

    @property
    def capabilities(self) -> Capabilities:
        """See `BaseSync`."""
        known = super().capabilities
        if self._lookup.type is None:
            return replace(known, requests_per_second=LOWEST_RATE)
        limits = LIMITS[self._lookup.type]
        largest = min(known.max_object_bytes or limits.bucket_bytes, limits.bucket_bytes)
        return replace(known, requests_per_second=limits.requests_per_second, max_object_bytes=largest)

    def probe(self) -> Capabilities:
        """See `S3Sync`; with a token, finds the endpoint type too."""
        self._lookup.detect_type()
        return super().probe()

    @property
    def bucket_name(self) -> str:
        """Name of the bucket."""
        return self._linode_settings.bucket_name

    @property
    def region(self) -> str:
        """Region id of the bucket, as the API names it. Costs a request if the settings have a cluster or a URL.

        Raises:
            MissingCredentials: There is no token.
            AdapterError: The request to the API failed.
        """
        return self._lookup.region()

    @cached_property
    def account(self) -> LinodeAccount:
        """The account of the token.

        Raises:
            MissingCredentials: There is no token.
        """
        if self._linode_settings.token is None:
            raise MissingCredentials(
                "this needs a token of the account: set `token`, or the environment variable LINODE_TOKEN, to a "
                "personal access token with the scope object_storage:read_write"
            )
        # linode_api4 takes a fifth of a second to import, and most runs do not need it.
        from buckia_linode.account import LinodeAccount  # noqa: PLC0415
        from buckia_linode.api import LinodeApi  # noqa: PLC0415

        api = LinodeApi(self._linode_settings, self._linode_settings.token.reveal(), self._counter)
        return LinodeAccount(api)

    @cached_property
    def administration(self) -> Administration:
        """See `S3Sync`. Refuses CORS without a request if the endpoint type does not support it."""
        from buckia_s3.administration import Administration  # noqa: PLC0415  # imports boto3

        return Administration(self._settings, self._client, self._credentials, self._require_supported)

    @cached_property
    def managed(self) -> ManagedBucket:
        """The bucket in Linode's API: ACL, CORS, ACLs of objects, signed URLs.

        Raises:
            MissingCredentials: There is no token.
        """
        from buckia_linode.bucket_api import ManagedBucket  # noqa: PLC0415  # imports linode_api4

        prefix = normalize_prefix(self._linode_settings.prefix)
        name = self._linode_settings.bucket_name
        return ManagedBucket(name, self.account, self._lookup, lambda key: f"{prefix}{key}")

    def close(self) -> None:
        """Close all connections, and stop the threads."""
        account = self.__dict__.get("account")
        if account is not None:
            account.close()
        super().close()

    def _require_supported(self, subresource: str) -> None:
        if subresource == "cors":
            self._lookup.detect_type()
            require_full_api(self._lookup.type, "CORS")


class MissingKeys(CredentialProvider):
    """Credential provider that raises `MissingCredentials` when a request to the bucket needs an access key."""

    never_expires = True

    def get(self) -> Credentials | None:
        """Raise.

        Raises:
            MissingCredentials: Always.
        """
        raise MissingCredentials(
            "no access key for Linode Object Storage: set access_key_id and secret_access_key, or the environment "
            "variables LINODE_OBJ_ACCESS_KEY and LINODE_OBJ_SECRET_KEY; `buckia linode keys create` creates one"
        )
