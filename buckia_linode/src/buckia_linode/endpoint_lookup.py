"""Endpoint lookup: asks the API for the bucket's region, endpoint and endpoint type if the settings lack them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from buckia_core.adapters.service.redirects import check_service_address
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import AdapterError, ConfigError, NotFound
from buckia_linode.endpoint_types import PROVIDER, EndpointType
from buckia_linode.settings import LinodeSettings
from buckia_s3.http import endpoint

if TYPE_CHECKING:
    from buckia_linode.account import LinodeAccount
    from buckia_linode.models import LinodeEndpoint

log = redacted_logger(__name__)

_DOMAINS = ("linodeobjects.com", "linode.com")


@dataclass(frozen=True, slots=True)
class BucketLocation:
    """Location of a bucket.

    Attributes:
        region: Region id, as the API names it.
        url: Endpoint URL.
        type: Endpoint type; `None` if it is unknown.
    """

    region: str
    url: str
    type: EndpointType | None


class EndpointLookup:
    """Locates the bucket with the first call of `find` and caches the result. Thread-safe."""

    def __init__(self, settings: LinodeSettings, account: Callable[[], LinodeAccount]) -> None:
        self._settings = settings
        self._account = account
        self._lock = threading.Lock()
        self._cached_endpoints: list[LinodeEndpoint] | None = None
        self._location: BucketLocation | None = None
        self._type_unavailable = False

    @property
    def type(self) -> EndpointType | None:
        """Endpoint type; `None` while it is unknown."""
        return self._settings.endpoint_type or (self._location.type if self._location else None)

    def find(self) -> BucketLocation:
        """Return the location; the first call asks the API.

        Raises:
            MissingCredentials: There is no token.
            ConfigError: The region has no endpoint, or several.
            AdapterError: A request to the API failed.
        """
        with self._lock:
            if self._location is None:
                self._location = self._find()
            return self._location

    def region(self) -> str:
        """Return the region id. Works before the bucket exists, and in regions with several endpoints.

        Raises:
            MissingCredentials, ConfigError, AdapterError: As `find`.
        """
        if self._settings.needs_lookup:
            with self._lock:
                if any(each.region == self._settings.region for each in self._endpoints()):
                    return self._settings.region or ""
        return self.find().region

    def detect_type(self) -> None:
        """Find the endpoint type, if it is unknown and there is a token. If the URL is known, only log a failure."""
        if self.type is not None or self._settings.token is None or self._type_unavailable:
            return
        try:
            self.find()
        except (AdapterError, ConfigError) as error:
            if self._settings.needs_lookup:
                raise
            log.warning("the endpoint type is unknown, so the lowest limits apply: %s", error)
            self._type_unavailable = True

    def _endpoints(self) -> list[LinodeEndpoint]:
        if self._cached_endpoints is None:
            self._cached_endpoints = self._account().endpoints()
        return self._cached_endpoints

    def _find(self) -> BucketLocation:
        settings = self._settings
        known = [each for each in self._endpoints() if each.host]
        if settings.needs_lookup:
            # An id can name a cluster and another region. The region takes precedence.
            in_region = [each for each in known if each.region == settings.region]
            candidates = in_region or [each for each in known if each.host == f"{settings.region}.{settings.domain}"]
            candidates = [each for each in candidates if settings.endpoint_type in (None, each.type)]
        else:
            candidates = [each for each in known if each.host == urlsplit(settings.static_url).netloc]
        only = candidates[0] if len(set(candidates)) == 1 else None
        location = (
            BucketLocation(only.region, only.url or "", only.type) if only else self._locate_by_bucket(candidates)
        )
        return replace(
            location, url=self._check_service_url(location.url) if settings.needs_lookup else settings.static_url
        )

    def _check_service_url(self, address: str) -> str:
        """Return the endpoint URL that the API reported if it belongs to the service."""
        settings = self._settings
        try:
            return check_service_address(
                address, configured=settings.api_url, domains=(settings.domain.lower(), *_DOMAINS)
            )
        except ValueError as error:
            message = f"the API reports an endpoint of another service: {error}"
            raise AdapterError(f"{message}; set endpoint_url if it is right", provider=PROVIDER) from error

    def _locate_by_bucket(self, candidates: list[LinodeEndpoint]) -> BucketLocation:
        """Return the location of the bucket itself, where its region has no single endpoint."""
        settings = self._settings
        for region in sorted({each.region for each in candidates}):
            try:
                bucket = self._account().bucket(region, settings.bucket_name)
            except NotFound:
                continue
            url = f"https://{bucket.endpoint}" if bucket.endpoint else settings.static_url
            return BucketLocation(region, url, bucket.type)
        if not settings.needs_lookup:
            region = candidates[0].region if candidates else settings.region or settings.cluster or ""
            return BucketLocation(region, settings.static_url, settings.endpoint_type)
        if not candidates:
            kind = f"endpoint of type {settings.endpoint_type}" if settings.endpoint_type else "endpoint"
            raise ConfigError(
                f"region {settings.region!r} has no {kind} that the token's account can use: "
                "`buckia linode endpoints` lists the available ones"
            )
        choices = ", ".join(sorted(f"{each.host} ({each.type})" for each in set(candidates)))
        raise ConfigError(
            f"region {settings.region!r} has several endpoints, and none of them has a bucket "
            f"{settings.bucket_name!r}: set endpoint_url or endpoint_type ({choices})"
        )


class LinodeEndpointResolver(endpoint.EndpointResolver):
    """Endpoint resolver that gets the URL from `EndpointLookup`."""

    def __init__(self, settings: LinodeSettings, lookup: EndpointLookup) -> None:
        self._s3_settings = settings.s3()
        self._lookup = lookup
        super().__init__(self._s3_settings, lambda: None)

    @property
    def endpoint(self) -> endpoint.Endpoint:
        """The endpoint; the first access costs one or two requests."""
        if self._endpoint is None:
            located = replace(self._s3_settings, endpoint_url=self._lookup.find().url)
            self._endpoint = endpoint.resolve_endpoint(located, self._s3_settings.region or endpoint.DEFAULT_REGION)
        return self._endpoint
