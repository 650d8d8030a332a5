"""`LinodeSync`: a bucket of Linode Object Storage."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.identity import normalize_prefix
from buckia_linode.credentials import credential_source
from buckia_linode.endpoint_lookup import EndpointLookup, LinodeSite, no_token
from buckia_linode.endpoint_types import LIMITS, LOWEST_RATE
from buckia_linode.settings import LinodeSettings
from buckia_s3.sync import S3Sync

if TYPE_CHECKING:
    from buckia_linode.account import LinodeAccount
    from buckia_linode.bucket_api import ManagedBucket
    from buckia_s3.administration import Administration


class LinodeSync(S3Sync):
    """A bucket of Linode Object Storage: S3, and what the API of Linode has besides.

    - With a token and without an endpoint, the first request of all asks the API where the bucket is.
    - The limits are those of the endpoint's type. It is known from the settings, or by `probe` with a token; as long
      as it is not known, the lowest request rate is declared, and no limit of the bucket's size.
    - What needs a token says so where there is none.
    """

    provider_id = "linode"

    def __init__(self, settings: LinodeSettings) -> None:
        self._linode = settings
        self._places = EndpointLookup(settings, lambda: self.account)
        super().__init__(
            settings.s3(),
            credentials=credential_source(settings),
            resolver=LinodeSite(settings, self._places) if settings.searched else None,
        )

    @classmethod
    def from_url(cls, url: str, **settings: object) -> Self:
        """Return the adapter of the bucket at an address of Linode. The caller closes it.

            LinodeSync.from_url("https://my-bucket.us-ord-1.linodeobjects.com/photos")

        Raises:
            ConfigError: The address or a setting can't be used.
        """
        return cls(LinodeSettings.from_url(url, **settings))

    @property
    def capabilities(self) -> Capabilities:
        """See `BaseSync`."""
        known = super().capabilities
        if self._places.type is None:
            return replace(known, requests_per_second=LOWEST_RATE)
        limits = LIMITS[self._places.type]
        largest = min(known.max_object_bytes or limits.bucket_bytes, limits.bucket_bytes)
        return replace(known, requests_per_second=limits.requests_per_second, max_object_bytes=largest)

    def probe(self) -> Capabilities:
        """See `S3Sync`; with a token, asks for the endpoint's type as well."""
        self._places.learn_type()
        return super().probe()

    @property
    def bucket_name(self) -> str:
        """The bucket's name."""
        return self._linode.bucket_name

    @property
    def region(self) -> str:
        """Id of the bucket's region as the API names it; asked for where the settings have a cluster or an address.

        Raises:
            MissingCredentials: There is no token.
            AdapterError: The API could not be asked.
        """
        return self._places.region()

    @cached_property
    def account(self) -> LinodeAccount:
        """The account of the token.

        Raises:
            MissingCredentials: There is no token.
        """
        if self._linode.token is None:
            raise no_token()
        # linode_api4 takes a fifth of a second to import, and most runs do without.
        from buckia_linode.account import LinodeAccount  # noqa: PLC0415
        from buckia_linode.api import LinodeApi  # noqa: PLC0415

        api = LinodeApi(self._linode, self._linode.token.reveal(), self.provider_id, self._counter)
        return LinodeAccount(api, self.provider_id)

    @cached_property
    def administration(self) -> Administration:
        """See `S3Sync`; what an endpoint's type does not have is refused without asking the server."""
        from buckia_linode.administration import LinodeAdministration  # noqa: PLC0415  # imports botocore

        return LinodeAdministration(self._client, self._settings, self._places)

    @cached_property
    def managed(self) -> ManagedBucket:
        """The bucket as the API sees it: access, ACL of objects, addresses.

        Raises:
            MissingCredentials: There is no token.
        """
        from buckia_linode.bucket_api import ManagedBucket  # noqa: PLC0415  # as above

        prefix = normalize_prefix(self._linode.prefix)
        name = self._linode.bucket_name
        return ManagedBucket(name, self.account, self._places, lambda key: f"{prefix}{key}", self.provider_id)

    def close(self) -> None:
        """Give back connections and end the threads."""
        made = self.__dict__.get("account")
        if made is not None:
            made.close()
        super().close()
