"""Vendor `linode`: buckets of an account, and access keys that are limited to one."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from buckia_core.adapters.contract.provisioner import (
    Access,
    BucketOptions,
    BucketRecord,
    IssuedKey,
    KeyRecord,
    KeyScope,
    dashed_label,
    label_of,
)
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting
from buckia_core.config.urls import check_url
from buckia_core.errors import AdapterError, AlreadyExists, ConfigError, NotFound, NotSupported, PreconditionFailed
from buckia_linode.account import LinodeAccount
from buckia_linode.api import LinodeApi
from buckia_linode.endpoint_types import PROVIDER
from buckia_linode.models import Grant, LinodeBucket
from buckia_linode.settings import LinodeSettings
from buckia_s3.http.endpoint import DEFAULT_REGION
from buckia_s3.provisioning.policies import PUBLIC_SID, public_statement
from buckia_s3.provisioning.s3_account import Boto3Account, S3Buckets

_LABEL_LENGTH = 50
_API_URL = "https://api.linode.com/v4"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinodeAccountSettings:
    """Settings of a Linode account."""

    token: Secret = setting(
        help="Personal access token with the scope `object_storage:read_write`.", required=True, env=("LINODE_TOKEN",)
    )
    region: str | None = setting(help="Region of new buckets, such as `us-ord`.")
    api_url: str = setting(help="URL of Linode's API.", default=_API_URL)
    ca_bundle: Path | None = setting(help="PEM file with additional certificate authorities.")

    def __post_init__(self) -> None:
        check_url("api_url", self.api_url)


class LinodeProvisioner:
    """Buckets and access keys of a Linode account."""

    prefix_keys = False
    propagation_seconds = 30.0
    key_setting = "access_key_id"
    custom_domains = False

    def __init__(self, settings: LinodeAccountSettings) -> None:
        self._settings = settings
        api = LinodeSettings(
            bucket_name="account",
            endpoint_url=f"https://{PROVIDER}.invalid",
            token=settings.token,
            api_url=settings.api_url,
            ca_bundle=settings.ca_bundle,
        )
        self._account = LinodeAccount(LinodeApi(api, settings.token.reveal(), RequestCounter()))

    def find_bucket(self, name: str) -> BucketRecord | None:
        """See `BucketProvisioner`. Names are unique within a region, so a region in the settings counts.

        Raises:
            ConfigError: Several regions have a bucket of that name.
        """
        found = [each for each in self._account.buckets(self._settings.region) if each.name == name]
        if len(found) > 1:
            regions = ", ".join(each.region for each in found)
            raise ConfigError(f"there is a bucket {name!r} in each of {regions}; name the region", source="--account")
        return self._record(found[0]) if found else None

    def create_bucket(self, name: str, options: BucketOptions) -> BucketRecord:
        """See `BucketProvisioner`."""
        region = options.region or self._settings.region
        if region is None:
            raise ConfigError("where to create the bucket is not known; give --region, such as us-ord")
        try:
            created = self._account.create_bucket(region, name)
        except AdapterError as error:
            if "already" not in error.message and "taken" not in error.message:
                raise
            message = f"creating bucket {name!r}: somebody has a bucket of this name in {region}"
            raise AlreadyExists(message, provider=PROVIDER, status=error.status) from error
        return self._record(created)

    def is_empty(self, bucket: BucketRecord) -> bool:
        """See `BucketProvisioner`. Uses a key that lives as long as the call: the API counts with a delay."""
        with self._buckets(bucket) as buckets:
            return buckets is None or buckets.is_empty(bucket.name)

    def empty_bucket(self, bucket: BucketRecord) -> None:
        """See `BucketProvisioner`. Uses a key that lives as long as the call."""
        with self._buckets(bucket) as buckets:
            if buckets is not None:
                buckets.empty(bucket.name)

    def delete_bucket(self, bucket: BucketRecord) -> None:
        """See `BucketProvisioner`."""
        try:
            self._account.delete_bucket(_region(bucket), bucket.name)
        except NotFound:
            return
        except AdapterError as error:
            if "empty" not in error.message:
                raise
            raise PreconditionFailed(f"the bucket {bucket.name!r} is not empty", provider=PROVIDER) from error

    def list_keys(self, bucket: BucketRecord, label: str) -> Sequence[KeyRecord]:
        """See `IssuesKeys`."""
        found = []
        for key in self._account.access_keys():
            own = label_of(key.label, bucket.name, _LABEL_LENGTH)
            # The grants tell apart the buckets of one name in several regions, and long names that begin alike. They
            # end with their bucket.
            granted = {(grant.region, grant.bucket) for grant in key.grants}
            is_other = granted and (_region(bucket), bucket.name) not in granted
            if own is not None and own.startswith(label) and not is_other:
                found.append(KeyRecord(str(key.id), own, key.access_key))
        return found

    def create_key(self, bucket: BucketRecord, label: str, scope: KeyScope) -> IssuedKey:
        """See `IssuesKeys`."""
        grant = Grant(bucket.name, _region(bucket), write=scope.access is Access.READ_WRITE)
        created = self._account.create_key(dashed_label(label, _LABEL_LENGTH), grants=[grant])
        assert created.secret is not None
        key = KeyRecord(str(created.id), label, created.access_key)
        return IssuedKey(key, {"access_key_id": created.access_key}, {"secret_access_key": created.secret})

    def delete_key(self, bucket: BucketRecord, key: KeyRecord) -> None:  # noqa: ARG002  # the id is enough
        """See `IssuesKeys`."""
        try:
            self._account.delete_key(int(key.id))
        except NotFound:
            return

    def publish(self, bucket: BucketRecord, domain: str | None) -> str:
        """See `PublishesBuckets`. By a policy: the ACL of a bucket would let everybody list it."""
        if domain:
            raise NotSupported("Linode has no host names of users; put a CDN in front", provider=PROVIDER)
        with self._buckets(bucket) as buckets:
            if buckets is None:
                raise NotFound(f"there is no bucket {bucket.name!r}", provider=PROVIDER)
            buckets.add_statements(bucket.name, PUBLIC_SID, [public_statement(bucket.name)])
        return f"{bucket.settings['endpoint_url']}/{bucket.name}"

    def public_access(self, bucket: BucketRecord) -> Sequence[str]:
        """See `PublishesBuckets`."""
        with self._buckets(bucket) as buckets:
            return [] if buckets is None else buckets.public_access(bucket.name)

    def unpublish(self, bucket: BucketRecord, keep: Collection[str] = ()) -> None:
        """See `PublishesBuckets`."""
        if PUBLIC_SID in keep:
            return
        with self._buckets(bucket) as buckets:
            if buckets is not None:
                buckets.remove_statements(bucket.name, PUBLIC_SID)

    def close(self) -> None:
        """See `BucketProvisioner`."""
        self._account.close()

    def _record(self, bucket: LinodeBucket) -> BucketRecord:
        settings = {"bucket_name": bucket.name, "endpoint_url": f"https://{bucket.endpoint}"}
        if self._settings.ca_bundle is not None:
            settings["ca_bundle"] = str(self._settings.ca_bundle)
        return BucketRecord(bucket.name, f"{bucket.region}/{bucket.name}", settings)

    @contextmanager
    def _buckets(self, bucket: BucketRecord) -> Iterator[S3Buckets | None]:
        """Open S3 with a key for the bucket, which is revoked at the end; `None` if there is no such bucket."""
        try:
            self._account.bucket(_region(bucket), bucket.name)
        except NotFound:
            yield None
            return
        # With such a label, a key that a killed process leaves is revoked with the others of the bucket.
        issued = self.create_key(bucket, f"buckia/{bucket.name}/{secrets.token_hex(4)}", KeyScope())
        keys = (Secret(issued.key.public_id, is_public=True), issued.secret["secret_access_key"], None)
        account = Boto3Account(
            "s3",
            endpoint_url=bucket.settings["endpoint_url"],
            region=DEFAULT_REGION,
            keys=keys,
            ca_bundle=self._settings.ca_bundle,
        )
        try:
            yield S3Buckets(account)
        finally:
            account.close()
            self.delete_key(bucket, issued.key)


def _region(bucket: BucketRecord) -> str:
    return bucket.id.partition("/")[0]
