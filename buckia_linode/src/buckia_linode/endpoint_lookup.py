"""Where the bucket is: region, endpoint and its type, found through the API where the settings do not say."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from buckia_core.adapters.service.redirects import check_service_address
from buckia_core.errors import AdapterError, ConfigError, MissingCredentials, NotFound
from buckia_linode.endpoint_types import EndpointType
from buckia_linode.settings import LinodeSettings
from buckia_s3.http import endpoint

if TYPE_CHECKING:
    from buckia_linode.account import LinodeAccount
    from buckia_linode.models import LinodeEndpoint

log = logging.getLogger(__name__)

_DOMAINS = ("linodeobjects.com", "linode.com")
_PROVIDER = "linode"


@dataclass(frozen=True, slots=True)
class BucketLocation:
    """Where a bucket is.

    Attributes:
        region: Id of its region, as the API names it.
        url: Address of its endpoint.
        type: Type of the endpoint; `None` if it is not known.
    """

    region: str
    url: str
    type: EndpointType | None


class EndpointLookup:
    """Finds the bucket's place once, and remembers it. From any thread."""

    def __init__(self, settings: LinodeSettings, account: Callable[[], LinodeAccount]) -> None:
        self._settings = settings
        self._account = account
        self._lock = threading.Lock()
        self._listed: list[LinodeEndpoint] | None = None
        self._found: BucketLocation | None = None
        self._unknown = False

    @property
    def type(self) -> EndpointType | None:
        """The type of the endpoint as far as it is known now."""
        return self._settings.endpoint_type or (self._found.type if self._found else None)

    def find(self) -> BucketLocation:
        """Return the place; asks the API the first time.

        Raises:
            MissingCredentials: There is no token.
            ConfigError: The region has no endpoint, or several.
            AdapterError: The API could not be asked.
        """
        with self._lock:
            if self._found is None:
                self._found = self._find()
            return self._found

    def region(self) -> str:
        """Return the id of the region. The bucket need not be there for it, nor an endpoint be the only one.

        Raises:
            MissingCredentials, ConfigError, AdapterError: As `find`.
        """
        if self._settings.searched:
            with self._lock:
                if any(each.region == self._settings.region for each in self._endpoints()):
                    return self._settings.region or ""
        return self.find().region

    def learn_type(self) -> None:
        """Find out the type, if it is not known and a token is there; a bucket can be worked on without."""
        if self.type is not None or self._settings.token is None or self._unknown:
            return
        try:
            self.find()
        except (AdapterError, ConfigError) as error:
            if self._settings.searched:
                raise
            log.warning("the type of the endpoint is not known, and so the lowest limits are kept to: %s", error)
            self._unknown = True

    def _endpoints(self) -> list[LinodeEndpoint]:
        if self._listed is None:
            self._listed = self._account().endpoints()
        return self._listed

    def _find(self) -> BucketLocation:
        wanted = self._settings
        known = [each for each in self._endpoints() if each.host]
        if wanted.searched:
            # An id may be that of a cluster and of another region too: what the API calls a region goes first.
            in_region = [each for each in known if each.region == wanted.region]
            fitting = in_region or [each for each in known if each.host == f"{wanted.region}.{wanted.domain}"]
            fitting = [each for each in fitting if wanted.endpoint_type in (None, each.type)]
        else:
            fitting = [each for each in known if each.host == urlsplit(wanted.address).netloc]
        single = fitting[0] if len(set(fitting)) == 1 else None
        place = BucketLocation(single.region, single.url or "", single.type) if single else self._of_the_bucket(fitting)
        return replace(place, url=self._checked(place.url) if wanted.searched else wanted.address)

    def _checked(self, address: str) -> str:
        """Return the address of an endpoint that the API told, if it is one of the service's."""
        wanted = self._settings
        try:
            return check_service_address(address, configured=wanted.api_url, domains=(wanted.domain.lower(), *_DOMAINS))
        except ValueError as error:
            words = f"the API tells an endpoint that is none of the service's: {error}"
            raise AdapterError(f"{words}; give endpoint_url if it is right", provider=_PROVIDER) from error

    def _of_the_bucket(self, fitting: list[LinodeEndpoint]) -> BucketLocation:
        """Tell several endpoints of a region apart by the one that has the bucket."""
        wanted = self._settings
        for region in sorted({each.region for each in fitting}):
            try:
                bucket = self._account().bucket(region, wanted.bucket_name)
            except NotFound:
                continue
            url = f"https://{bucket.endpoint}" if bucket.endpoint else wanted.address
            return BucketLocation(region, url, bucket.type)
        if not wanted.searched:
            region = fitting[0].region if fitting else wanted.region or wanted.cluster or ""
            return BucketLocation(region, wanted.address, wanted.endpoint_type)
        if not fitting:
            kind = f"endpoint of type {wanted.endpoint_type}" if wanted.endpoint_type else "endpoint"
            raise ConfigError(
                f"region {wanted.region!r} has no {kind} that the token's account can use: "
                "`buckia linode endpoints` lists those that there are"
            )
        choices = ", ".join(sorted(f"{each.host} ({each.type})" for each in set(fitting)))
        raise ConfigError(
            f"region {wanted.region!r} has several endpoints, and none of them has a bucket {wanted.bucket_name!r}: "
            f"give endpoint_url or endpoint_type ({choices})"
        )


class LinodeSite(endpoint.EndpointResolver):
    """The address of a bucket whose endpoint the API has to tell."""

    def __init__(self, settings: LinodeSettings, places: EndpointLookup) -> None:
        self._wanted = settings.s3()
        self._places = places
        super().__init__(self._wanted, lambda: None)

    @property
    def endpoint(self) -> endpoint.Endpoint:
        """The address to use now; the first time, at the cost of a request or two."""
        if self._endpoint is None:
            found = replace(self._wanted, endpoint_url=self._places.find().url)
            self._endpoint = endpoint.resolve_endpoint(found, self._wanted.region or endpoint.DEFAULT_REGION)
        return self._endpoint


def no_token() -> MissingCredentials:
    """Return the error for what can't be done without a token."""
    return MissingCredentials(
        "this needs a token of the account: set `token`, or the environment variable LINODE_TOKEN, to a personal "
        "access token with the scope object_storage:read_write"
    )
