"""Vendor `b2`: buckets of a Backblaze account, and application keys that are limited to one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buckia_b2.admin.bucket_admin import READ, WRITE
from buckia_b2.api.session import B2Session
from buckia_b2.api.transport import retry_request
from buckia_b2.errors import PROVIDER, parsing_response
from buckia_b2.settings import B2Settings, Deletion
from buckia_b2.sync import B2Sync
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
from buckia_core.adapters.service import json_fields as fields
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting
from buckia_core.config.urls import check_url
from buckia_core.errors import AdapterError, AlreadyExists, NotSupported, PreconditionFailed

_API_URL = "https://api.backblazeb2.com"
_PUBLIC = "allPublic"


@dataclass(frozen=True, slots=True, kw_only=True)
class B2AccountSettings:
    """Settings of a Backblaze account: its master key, or a key that may manage buckets and keys."""

    application_key_id: Secret = setting(
        help="Id of a key with `writeBuckets`, `deleteBuckets`, `writeKeys`, `listKeys`, `deleteKeys`.",
        required=True,
        env=("B2_MASTER_KEY_ID",),
        aliases=("key_id",),
        public=True,
    )
    application_key: Secret = setting(help="The key.", required=True, env=("B2_MASTER_KEY",), aliases=("key",))
    api_url: str = setting(help="URL of the native API.", default=_API_URL)
    ca_bundle: Path | None = setting(help="PEM file with additional certificate authorities.")

    def __post_init__(self) -> None:
        check_url("api_url", self.api_url)


class B2Provisioner:
    """Buckets and application keys of an account."""

    prefix_keys = True
    propagation_seconds = 0.0
    key_setting = "application_key_id"
    custom_domains = False

    def __init__(self, settings: B2AccountSettings) -> None:
        self._settings = settings
        self._session = B2Session(self._bucket_settings("account"))

    def find_bucket(self, name: str) -> BucketRecord | None:
        """See `BucketProvisioner`."""
        found = self._find(name)
        return None if found is None else self._record(found)

    def create_bucket(self, name: str, options: BucketOptions) -> BucketRecord:
        """See `BucketProvisioner`."""
        if options.region:
            raise NotSupported("the region of a Backblaze account is that of all its buckets", provider=PROVIDER)
        action = f"creating the bucket {name!r}"
        try:
            created = self._session.call("create_bucket", self._account_id, name, "allPrivate", action=action)
        except AdapterError as error:
            if error.code != "duplicate_bucket_name":
                raise
            raise AlreadyExists(f"{action}: somebody has a bucket of this name", provider=PROVIDER) from error
        with parsing_response(action):
            return self._record(created)

    def is_empty(self, bucket: BucketRecord) -> bool:
        """See `BucketProvisioner`."""
        with self._open(bucket) as adapter:
            found = next(iter(adapter.list_versions()), None) or next(adapter.native.unfinished(), None)
        return found is None

    def empty_bucket(self, bucket: BucketRecord) -> None:
        """See `BucketProvisioner`."""
        with self._open(bucket) as adapter:
            for upload in adapter.native.unfinished():
                adapter.native.abort(upload)
            for each in adapter.list_versions():
                adapter.delete_version(each.key, each.version)

    def delete_bucket(self, bucket: BucketRecord) -> None:
        """See `BucketProvisioner`."""
        action = f"deleting the bucket {bucket.name!r}"
        try:
            retry_request(lambda: self._session.call("delete_bucket", self._account_id, bucket.id, action=action))
        except AdapterError as error:
            if error.code == "cannot_delete_non_empty_bucket":
                raise PreconditionFailed(f"{action}: it is not empty", provider=PROVIDER) from error
            if error.code not in ("bad_bucket_id", "not_found"):
                raise

    def list_keys(self, bucket: BucketRecord, label: str) -> Sequence[KeyRecord]:
        """See `IssuesKeys`."""
        with self._open(bucket) as adapter:
            keys = [(each.id, label_of(each.name, bucket.name)) for each in adapter.native.application_keys()]
        return [KeyRecord(key_id, own, key_id) for key_id, own in keys if own is not None and own.startswith(label)]

    def create_key(self, bucket: BucketRecord, label: str, scope: KeyScope) -> IssuedKey:
        """See `IssuesKeys`."""
        capabilities = READ if scope.access is Access.READ_ONLY else WRITE
        with self._open(bucket) as adapter:
            created = adapter.native.create_key(dashed_label(label), capabilities, name_prefix=scope.prefix or None)
        assert created.secret is not None
        key = KeyRecord(created.id, label, created.id)
        return IssuedKey(key, {"application_key_id": created.id}, {"application_key": created.secret})

    def delete_key(self, bucket: BucketRecord, key: KeyRecord) -> None:
        """See `IssuesKeys`."""
        if any(each.id == key.id for each in self.list_keys(bucket, key.label)):
            with self._open(bucket) as adapter:
                adapter.native.delete_key(key.id)

    def publish(self, bucket: BucketRecord, domain: str | None) -> str:
        """See `PublishesBuckets`."""
        if domain:
            raise NotSupported("Backblaze has no host names of users; put a CDN in front", provider=PROVIDER)
        self._set_type(bucket, _PUBLIC)
        return f"{retry_request(self._session.authorization).download_url}/file/{bucket.name}"

    def public_access(self, bucket: BucketRecord) -> Sequence[str]:
        """See `PublishesBuckets`. The type of the bucket, if it is the public one."""
        found = self._find(bucket.name)
        return [_PUBLIC] if found is not None and found.get("bucketType") == _PUBLIC else []

    def unpublish(self, bucket: BucketRecord, keep: Collection[str] = ()) -> None:
        """See `PublishesBuckets`."""
        if _PUBLIC not in keep and self.find_bucket(bucket.name) is not None:
            self._set_type(bucket, "allPrivate")

    def close(self) -> None:
        """See `BucketProvisioner`."""
        self._session.close()

    @property
    def _account_id(self) -> str:
        return retry_request(self._session.authorization).account_id

    def _find(self, name: str) -> Any:
        """Return the vendor's record of a bucket; `None` if there is none."""
        action = "looking for the bucket"
        response = retry_request(
            lambda: self._session.call("list_buckets", self._account_id, None, name, action=action)
        )
        with parsing_response(action):
            for each in fields.entries(response, "buckets"):
                if fields.string(each, "bucketName").lower() == name.lower():
                    return each
        return None

    def _set_type(self, bucket: BucketRecord, kind: str) -> None:
        action = "changing the type of the bucket"
        retry_request(
            lambda: self._session.call("update_bucket", self._account_id, bucket.id, bucket_type=kind, action=action)
        )

    def _record(self, bucket: Any) -> BucketRecord:
        name = fields.string(bucket, "bucketName")
        own = {} if self._settings.api_url == _API_URL else {"api_url": self._settings.api_url}
        if self._settings.ca_bundle is not None:
            own["ca_bundle"] = str(self._settings.ca_bundle)
        return BucketRecord(name, fields.string(bucket, "bucketId"), {"bucket_name": name, **own})

    def _bucket_settings(self, name: str) -> B2Settings:
        return B2Settings(
            bucket_name=name,
            application_key_id=self._settings.application_key_id,
            application_key=self._settings.application_key,
            api_url=self._settings.api_url,
            ca_bundle=self._settings.ca_bundle,
            deletion=Deletion.VERSION,
        )

    @contextmanager
    def _open(self, bucket: BucketRecord) -> Iterator[B2Sync]:
        adapter = B2Sync(self._bucket_settings(bucket.name))
        try:
            yield adapter
        finally:
            adapter.close()
