"""Vendor `aws`: buckets of an AWS account, whose keys belong to IAM users of their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buckia_core.adapters.contract.provisioner import (
    BucketOptions,
    BucketRecord,
    IssuedKey,
    KeyRecord,
    KeyScope,
    dashed_label,
)
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting
from buckia_core.config.urls import check_url
from buckia_core.errors import AdapterError, NotFound, NotSupported
from buckia_s3.http.endpoint import DEFAULT_REGION
from buckia_s3.provisioning.policies import PUBLIC_SID, policy_document, public_statement, scope_statements
from buckia_s3.provisioning.s3_account import PROVIDER, Boto3Account, S3Buckets

_USER_LENGTH = 64
_POLICY = "buckia"
_ACL_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls")
_POLICY_BLOCKS = ("BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsAccountSettings:
    """Settings of an AWS account. Without keys and profile, the credentials that boto3 finds are used."""

    access_key_id: Secret | None = setting(help="Access key.", env=("AWS_ACCESS_KEY_ID",), public=True)
    secret_access_key: Secret | None = setting(help="Its secret.", env=("AWS_SECRET_ACCESS_KEY",))
    session_token: Secret | None = setting(help="Token of temporary credentials.", env=("AWS_SESSION_TOKEN",))
    profile: str | None = setting(help="Profile of the AWS configuration.", env=("AWS_PROFILE",))
    region: str | None = setting(help="Region of new buckets.", env=("AWS_REGION", "AWS_DEFAULT_REGION"))
    endpoint_url: str | None = setting(help="URL of another service with the same API, for tests.")
    ca_bundle: Path | None = setting(help="PEM file with additional certificate authorities.")

    def __post_init__(self) -> None:
        check_url("endpoint_url", self.endpoint_url)
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together: give both, or neither")


class AwsProvisioner:
    """Buckets and IAM users of an AWS account."""

    prefix_keys = True
    propagation_seconds = 60.0
    """IAM is eventually consistent."""
    key_setting = "access_key_id"
    custom_domains = False

    def __init__(self, settings: AwsAccountSettings) -> None:
        self._settings = settings
        self._region = settings.region or DEFAULT_REGION
        self._s3 = self._open("s3", self._region)
        self._iam = self._open("iam", DEFAULT_REGION)
        self._buckets = S3Buckets(self._s3)

    def find_bucket(self, name: str) -> BucketRecord | None:
        """See `BucketProvisioner`."""
        if not self._buckets.exists(name):
            return None
        location = self._s3.call("get_bucket_location", action="finding the region of the bucket", Bucket=name)
        return self._record(name, location.get("LocationConstraint") or DEFAULT_REGION)

    def create_bucket(self, name: str, options: BucketOptions) -> BucketRecord:
        """See `BucketProvisioner`. Blocks public access, which is AWS's default, in any case."""
        region = options.region or self._region
        if region != self._region:
            self._region = region
            self._s3.close()
            self._s3 = self._open("s3", region)
            self._buckets = S3Buckets(self._s3)
        self._buckets.create(name, location=region)
        self._put_blocks(name, dict.fromkeys((*_ACL_BLOCKS, *_POLICY_BLOCKS), True))
        return self._record(name, region)

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
        path, action = _path(bucket.name), "listing the users"
        found = []
        for user in self._iam.pages("list_users", "Users", action=action, PathPrefix=path):
            with self._iam.parsing(action):
                name, is_below = str(user["UserName"]), user["Path"] == path
            own = f"{path.strip('/')}/{name[-8:]}"
            # Some servers list the users of all paths.
            if is_below and own.startswith(label):
                keys = self._access_keys(name)
                found.append(KeyRecord(name, own, keys[0] if keys else ""))
        return found

    def create_key(self, bucket: BucketRecord, label: str, scope: KeyScope) -> IssuedKey:
        """See `IssuesKeys`."""
        user = dashed_label(label, _USER_LENGTH)
        action = "creating a user"
        self._iam.call("create_user", action=action, once=True, UserName=user, Path=_path(bucket.name))
        document = policy_document(scope_statements(bucket.name, scope, "Buckia"))
        self._iam.call("put_user_policy", action=action, UserName=user, PolicyName=_POLICY, PolicyDocument=document)
        response = self._iam.call("create_access_key", action="creating a key", once=True, UserName=user)
        with self._iam.parsing("creating a key"):
            created = response["AccessKey"]
            key, secret = KeyRecord(user, label, created["AccessKeyId"]), Secret(created["SecretAccessKey"])
        return IssuedKey(key, {"access_key_id": key.public_id}, {"secret_access_key": secret})

    def delete_key(self, bucket: BucketRecord, key: KeyRecord) -> None:  # noqa: ARG002  # the user is enough
        """See `IssuesKeys`."""
        action = "removing a user"
        for each in self._access_keys(key.id):
            self._ignore("delete_access_key", action, UserName=key.id, AccessKeyId=each)
        self._ignore("delete_user_policy", action, UserName=key.id, PolicyName=_POLICY)
        self._ignore("delete_user", action, UserName=key.id)

    def publish(self, bucket: BucketRecord, domain: str | None) -> str:
        """See `PublishesBuckets`. Ends the block of public policies; that of access control lists stays as it is."""
        if domain:
            raise NotSupported("S3 has no host names of users; put CloudFront in front", provider=PROVIDER)
        self._block_policies(bucket.name, dict.fromkeys(_POLICY_BLOCKS, False))
        self._buckets.add_statements(bucket.name, PUBLIC_SID, [public_statement(bucket.name)])
        if self._settings.endpoint_url:
            return f"{self._settings.endpoint_url.rstrip('/')}/{bucket.name}"
        return f"https://{bucket.name}.s3.{bucket.settings.get('region', self._region)}.amazonaws.com"

    def public_access(self, bucket: BucketRecord) -> Sequence[str]:
        """See `PublishesBuckets`. Buckia's statement in the policy, and blocks of public policies that are off."""
        blocks = self._blocks(bucket.name)
        return [*self._buckets.public_access(bucket.name), *(_off(each) for each in _POLICY_BLOCKS if not blocks[each])]

    def unpublish(self, bucket: BucketRecord, keep: Collection[str] = ()) -> None:
        """See `PublishesBuckets`."""
        if not self._buckets.exists(bucket.name):
            return
        if PUBLIC_SID not in keep:
            self._buckets.remove_statements(bucket.name, PUBLIC_SID)
        self._block_policies(bucket.name, {each: True for each in _POLICY_BLOCKS if _off(each) not in keep})

    def close(self) -> None:
        """See `BucketProvisioner`."""
        self._s3.close()
        self._iam.close()

    def _open(self, service: str, region: str) -> Boto3Account:
        settings = self._settings
        keys = None
        if settings.access_key_id is not None and settings.secret_access_key is not None:
            keys = (settings.access_key_id, settings.secret_access_key, settings.session_token)
        return Boto3Account(
            service,
            endpoint_url=settings.endpoint_url,
            region=region,
            keys=keys,
            profile=settings.profile,
            ca_bundle=settings.ca_bundle,
        )

    def _record(self, name: str, region: str) -> BucketRecord:
        own = {"endpoint_url": self._settings.endpoint_url} if self._settings.endpoint_url else {}
        return BucketRecord(name, name, {"bucket_name": name, "region": region, **own})

    def _blocks(self, name: str) -> dict[str, bool]:
        """Return which kinds of public access are blocked; a bucket without such a configuration blocks none."""
        found: dict[str, Any] = {}
        try:
            found = self._s3.call("get_public_access_block", action="reading what the bucket blocks", Bucket=name)
        except AdapterError as error:
            if error.code != "NoSuchPublicAccessBlockConfiguration":
                raise
        present = found.get("PublicAccessBlockConfiguration", {})
        return {each: bool(present.get(each)) for each in (*_ACL_BLOCKS, *_POLICY_BLOCKS)}

    def _block_policies(self, name: str, changes: dict[str, bool]) -> None:
        before = self._blocks(name)
        if before | changes != before:
            self._put_blocks(name, before | changes)

    def _put_blocks(self, name: str, blocks: dict[str, bool]) -> None:
        params: dict[str, Any] = {"PublicAccessBlockConfiguration": blocks}
        self._s3.call("put_public_access_block", action="blocking public access", Bucket=name, **params)

    def _access_keys(self, user: str) -> list[str]:
        action = "listing the keys of a user"
        try:
            found = self._iam.call("list_access_keys", action=action, UserName=user)
        except AdapterError as error:
            if not _is_missing(error):
                raise
            return []
        with self._iam.parsing(action):
            return [str(each["AccessKeyId"]) for each in found["AccessKeyMetadata"]]

    def _ignore(self, operation: str, action: str, **params: Any) -> None:
        """Call an operation of IAM; what it is about may be missing."""
        try:
            self._iam.call(operation, action=action, **params)
        except AdapterError as error:
            if not _is_missing(error):
                raise


def _off(block: str) -> str:
    return f"{block} is off"


def _path(bucket: str) -> str:
    return f"/buckia/{bucket}/"


def _is_missing(error: AdapterError) -> bool:
    return isinstance(error, NotFound) or error.code == "NoSuchEntity"
