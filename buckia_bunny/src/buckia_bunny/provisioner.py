"""Vendor `bunny`: storage zones of an account, each with one password to write and one to read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from buckia_bunny.account.account import BunnyAccount
from buckia_bunny.account.api import AccountApi
from buckia_bunny.account.models import PullZone, StorageZone
from buckia_bunny.errors import PROVIDER
from buckia_bunny.http import HttpClient
from buckia_bunny.regions import DOMAIN
from buckia_bunny.settings import BunnySettings
from buckia_bunny.sync import BunnySync
from buckia_core.adapters.contract.provisioner import (
    Access,
    BucketOptions,
    BucketRecord,
    IssuedKey,
    KeyRecord,
    KeyScope,
)
from buckia_core.adapters.service.redirects import check_service_address
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting
from buckia_core.config.urls import check_url
from buckia_core.errors import AdapterError, AlreadyExists, MissingCredentials, PreconditionFailed

_API_URL = "https://api.bunny.net"
_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BunnyAccountSettings:
    """Settings of an account at bunny.net."""

    api_key: Secret = setting(help="API key of the account.", required=True, env=("BUNNY_API_KEY",))
    api_url: str = setting(help="URL of the account API.", default=_API_URL)
    region: str = setting(help="Main region of new zones: `de`, `uk`, `ny` and so on.", default="de")
    ca_bundle: Path | None = setting(help="PEM file with additional certificate authorities.")

    def __post_init__(self) -> None:
        check_url("api_url", self.api_url)


class BunnyProvisioner:
    """Storage zones and pull zones of an account."""

    prefix_keys = False
    propagation_seconds = 20.0
    custom_domains = True

    def __init__(self, settings: BunnyAccountSettings) -> None:
        self._settings = settings
        self._http = HttpClient(connect_timeout=10.0, read_timeout=60.0, ca_bundle=settings.ca_bundle)
        self._account = BunnyAccount(AccountApi(self._http, settings.api_url, settings.api_key))

    def find_bucket(self, name: str) -> BucketRecord | None:
        """See `BucketProvisioner`."""
        zone = self._find(name)
        return None if zone is None else self._record(zone)

    def create_bucket(self, name: str, options: BucketOptions) -> BucketRecord:
        """See `BucketProvisioner`."""
        try:
            zone = self._account.create_storage_zone(name, options.region or self._settings.region)
        except AdapterError as error:
            if error.status not in (400, 409) or "taken" not in error.message:
                raise
            message = f"creating storage zone {name!r}: somebody has a zone of this name"
            raise AlreadyExists(message, provider=PROVIDER, status=error.status) from error
        return self._record(zone)

    def is_empty(self, bucket: BucketRecord) -> bool:
        """See `BucketProvisioner`."""
        with self._open(bucket) as adapter:
            return adapter is None or next(iter(adapter.list_files()), None) is None

    def empty_bucket(self, bucket: BucketRecord) -> None:
        """See `BucketProvisioner`."""
        with self._open(bucket) as adapter:
            keys = [] if adapter is None else [each.key for each in adapter.list_files()]
            for start in range(0, len(keys), _BATCH):
                assert adapter is not None
                for outcome in adapter.delete_files(keys[start : start + _BATCH]):
                    if outcome.error is not None:
                        raise outcome.error

    def delete_bucket(self, bucket: BucketRecord) -> None:
        """See `BucketProvisioner`. Looks first, since bunny.net deletes a zone with its content."""
        if not self.is_empty(bucket):
            raise PreconditionFailed(f"the storage zone {bucket.name!r} is not empty", provider=PROVIDER)
        self._account.delete_storage_zone(int(bucket.id))

    def password(self, bucket: BucketRecord, scope: KeyScope) -> IssuedKey:
        """See `ResetsPassword`."""
        zone = self._account.storage_zone(bucket.name)
        found = zone.read_only_password if scope.access is Access.READ_ONLY else zone.password
        if found is None:
            raise MissingCredentials(f"the API key may not see the password of the zone {bucket.name!r}")
        return IssuedKey(KeyRecord(bucket.id, bucket.name, bucket.name), {}, {"storage_api_key": found})

    def reset_password(self, bucket: BucketRecord, scope: KeyScope) -> None:
        """See `ResetsPassword`."""
        self._account.reset_password(int(bucket.id), read_only=scope.access is Access.READ_ONLY)

    def publish(self, bucket: BucketRecord, domain: str | None) -> str:
        """See `PublishesBuckets`. Puts a pull zone of the same name in front of the storage zone."""
        found = self._pull_zones(bucket)
        zone = found[0] if found else self._account.create_pull_zone(bucket.name, int(bucket.id))
        if domain and domain not in zone.hosts:
            self._account.add_hostname(zone.id, domain)
        return f"https://{domain or zone.hosts[-1]}"

    def public_access(self, bucket: BucketRecord) -> Sequence[str]:
        """See `PublishesBuckets`. The id of the pull zone of the same name, and its host names."""
        return [each for zone in self._pull_zones(bucket) for each in (str(zone.id), *zone.hosts)]

    def unpublish(self, bucket: BucketRecord, keep: Collection[str] = ()) -> None:
        """See `PublishesBuckets`. Pull zones with another name stay."""
        for zone in self._pull_zones(bucket):
            if str(zone.id) not in keep:
                self._account.delete_pull_zone(zone.id)
                continue
            for host in zone.hosts:
                if host not in keep:
                    self._account.remove_hostname(zone.id, host)

    def close(self) -> None:
        """See `BucketProvisioner`."""
        self._http.close()

    def _find(self, name: str) -> StorageZone | None:
        return next((zone for zone in self._account.storage_zones() if zone.name == name), None)

    def _pull_zones(self, bucket: BucketRecord) -> list[PullZone]:
        zones = self._account.pull_zones()
        return [each for each in zones if each.storage_zone == int(bucket.id) and each.name == bucket.name]

    def _record(self, zone: StorageZone) -> BucketRecord:
        scheme = self._settings.api_url.partition(":")[0]
        domains = (DOMAIN, "bunny.net")
        url = check_service_address(f"{scheme}://{zone.host}", configured=self._settings.api_url, domains=domains)
        settings = {"bucket_name": zone.name, "endpoint_url": url}
        if self._settings.ca_bundle is not None:
            settings["ca_bundle"] = str(self._settings.ca_bundle)
        return BucketRecord(zone.name, str(zone.id), settings)

    @contextmanager
    def _open(self, bucket: BucketRecord) -> Iterator[BunnySync | None]:
        """Open the adapter of a zone; `None` if there is no such zone."""
        zone = self._find(bucket.name)
        if zone is None:
            yield None
            return
        settings = BunnySettings(
            bucket_name=zone.name,
            storage_api_key=zone.password,
            endpoint_url=self._record(zone).settings["endpoint_url"],
            ca_bundle=self._settings.ca_bundle,
        )
        with closing(BunnySync(settings)) as adapter:
            yield adapter
