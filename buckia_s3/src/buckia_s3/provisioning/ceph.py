"""Vendor `ceph`: buckets at a Ceph gateway, whose keys belong to users of their own, limited by the bucket's policy.

The account owns the buckets. Each key is a user who may create no buckets, and whom the policy of one bucket names.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from buckia_core.adapters.contract.provisioner import (
    BucketOptions,
    BucketRecord,
    IssuedKey,
    KeyRecord,
    KeyScope,
    dashed_label,
    label_of,
)
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting
from buckia_core.config.urls import check_url
from buckia_core.errors import AdapterError, NotSupported
from buckia_s3.http.endpoint import DEFAULT_REGION
from buckia_s3.provisioning.ceph_admin import CephAdmin
from buckia_s3.provisioning.policies import PUBLIC_SID, public_statement, scope_statements
from buckia_s3.provisioning.s3_account import PROVIDER, Boto3Account, S3Buckets


@dataclass(frozen=True, slots=True, kw_only=True)
class CephAccountSettings:
    """Settings of an account at a Ceph gateway, which has the capability `users=*`."""

    endpoint_url: str = setting(help="URL of the gateway.", required=True, env=("CEPH_ENDPOINT_URL",))
    access_key_id: Secret = setting(help="Access key.", required=True, env=("CEPH_ACCESS_KEY_ID",), public=True)
    secret_access_key: Secret = setting(help="Its secret.", required=True, env=("CEPH_SECRET_ACCESS_KEY",))
    ca_bundle: Path | None = setting(help="PEM file with additional certificate authorities.")

    def __post_init__(self) -> None:
        check_url("endpoint_url", self.endpoint_url)


class CephProvisioner:
    """Buckets and users at a Ceph gateway."""

    prefix_keys = True
    propagation_seconds = 10.0
    key_setting = "access_key_id"
    custom_domains = False

    def __init__(self, settings: CephAccountSettings) -> None:
        self._settings = settings
        keys = (settings.access_key_id, settings.secret_access_key)
        self._account = Boto3Account(
            "s3",
            endpoint_url=settings.endpoint_url,
            region=DEFAULT_REGION,
            keys=(*keys, None),
            ca_bundle=settings.ca_bundle,
        )
        self._buckets = S3Buckets(self._account)
        self._admin = CephAdmin(settings.endpoint_url, *keys, settings.ca_bundle)

    def find_bucket(self, name: str) -> BucketRecord | None:
        """See `BucketProvisioner`."""
        return self._record(name) if self._buckets.exists(name) else None

    def create_bucket(self, name: str, options: BucketOptions) -> BucketRecord:
        """See `BucketProvisioner`."""
        if options.region:
            raise NotSupported("a Ceph gateway has no regions; use its endpoint_url", provider=PROVIDER)
        self._buckets.create(name, location=None)
        return self._record(name)

    def is_empty(self, bucket: BucketRecord) -> bool:
        """See `BucketProvisioner`."""
        return self._buckets.is_empty(bucket.name)

    def empty_bucket(self, bucket: BucketRecord) -> None:
        """See `BucketProvisioner`."""
        self._buckets.empty(bucket.name)

    def delete_bucket(self, bucket: BucketRecord) -> None:
        """See `BucketProvisioner`."""
        self._buckets.delete(bucket.name)

    def list_keys(self, bucket: BucketRecord, label: str) -> Sequence[KeyRecord]:
        """See `IssuesKeys`."""
        found = []
        for uid in self._admin.user_ids():
            own = label_of(uid, bucket.name)
            user = self._admin.user(uid) if own is not None and own.startswith(label) else None
            if own is not None and user is not None:
                with self._account.parsing("reading a user"):
                    public_id = next((str(each["access_key"]) for each in user.get("keys", ())), "")
                found.append(KeyRecord(uid, own, public_id))
        return found

    def create_key(self, bucket: BucketRecord, label: str, scope: KeyScope) -> IssuedKey:
        """See `IssuesKeys`."""
        uid = dashed_label(label)
        user = self._admin.create_user(uid, f"Buckia, bucket {bucket.name}")
        keys = user.get("keys") or ()
        if not keys:
            raise AdapterError("creating a user: the gateway returned no key", provider=PROVIDER)
        with self._account.parsing("creating a user"):
            access_key, secret_key = str(keys[0]["access_key"]), Secret(str(keys[0]["secret_key"]))
        statements = scope_statements(bucket.name, scope, _sid(uid), f"arn:aws:iam:::user/{uid}")
        self._buckets.add_statements(bucket.name, _sid(uid), statements)
        key = KeyRecord(uid, label, access_key)
        return IssuedKey(key, {"access_key_id": access_key}, {"secret_access_key": secret_key})

    def delete_key(self, bucket: BucketRecord, key: KeyRecord) -> None:
        """See `IssuesKeys`."""
        self._buckets.remove_statements(bucket.name, _sid(key.id))
        self._admin.remove_user(key.id)

    def publish(self, bucket: BucketRecord, domain: str | None) -> str:
        """See `PublishesBuckets`."""
        if domain:
            raise NotSupported("a Ceph gateway has no host names of users", provider=PROVIDER)
        self._buckets.add_statements(bucket.name, PUBLIC_SID, [public_statement(bucket.name)])
        return f"{self._settings.endpoint_url.rstrip('/')}/{bucket.name}"

    def public_access(self, bucket: BucketRecord) -> Sequence[str]:
        """See `PublishesBuckets`."""
        return self._buckets.public_access(bucket.name)

    def unpublish(self, bucket: BucketRecord, keep: Collection[str] = ()) -> None:
        """See `PublishesBuckets`."""
        if PUBLIC_SID not in keep:
            self._buckets.remove_statements(bucket.name, PUBLIC_SID)

    def close(self) -> None:
        """See `BucketProvisioner`."""
        self._account.close()
        self._admin.close()

    def _record(self, name: str) -> BucketRecord:
        settings = {"bucket_name": name, "endpoint_url": self._settings.endpoint_url}
        if self._settings.ca_bundle is not None:
            settings["ca_bundle"] = str(self._settings.ca_bundle)
        return BucketRecord(name, name, settings)


def _sid(uid: str) -> str:
    return f"Buckia{uid[-8:]}"
