"""Vendor `r2`: buckets of a Cloudflare account, and tokens that are limited to one.

R2's access key is the id of a token, and its secret the SHA-256 of the token in hexadecimal digits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting
from buckia_core.config.urls import check_url
from buckia_core.errors import AdapterError, ConfigError, NotFound
from buckia_s3.provisioning.cloudflare_api import CloudflareApi
from buckia_s3.provisioning.s3_account import PROVIDER, Boto3Account, S3Buckets, parsing_response

_REGION = "auto"
_MANAGED = "r2.dev"
_GROUPS = {
    Access.READ_WRITE: "Workers R2 Storage Bucket Item Write",
    Access.READ_ONLY: "Workers R2 Storage Bucket Item Read",
}


class Jurisdiction(StrEnum):
    """Where Cloudflare guarantees to keep the objects."""

    DEFAULT = "default"
    EU = "eu"
    FEDRAMP = "fedramp"


@dataclass(frozen=True, slots=True, kw_only=True)
class R2AccountSettings:
    """Settings of a Cloudflare account."""

    account_id: str = setting(help="Id of the account.", required=True, env=("CLOUDFLARE_ACCOUNT_ID",))
    api_token: Secret = setting(
        help="Token of the account that may edit R2 storage and account API tokens; for `--domain` also read zones.",
        required=True,
        env=("CLOUDFLARE_API_TOKEN",),
        aliases=("token",),
    )
    jurisdiction: Jurisdiction = setting(help="Jurisdiction of the buckets.", default=Jurisdiction.DEFAULT)
    api_url: str = setting(help="URL of Cloudflare's API.", default="https://api.cloudflare.com/client/v4")
    endpoint_url: str | None = setting(help="URL of the S3 API; default: that of the account and jurisdiction.")
    ca_bundle: Path | None = setting(help="PEM file with additional certificate authorities.")

    def __post_init__(self) -> None:
        if not self.account_id.isalnum():
            raise ValueError("account_id has letters and digits only")
        for name in ("api_url", "endpoint_url"):
            check_url(name, getattr(self, name))

    @property
    def s3_url(self) -> str:
        """URL of the S3 API."""
        part = "" if self.jurisdiction is Jurisdiction.DEFAULT else f".{self.jurisdiction}"
        return self.endpoint_url or f"https://{self.account_id}{part}.r2.cloudflarestorage.com"


class R2Provisioner:
    """Buckets and tokens of a Cloudflare account."""

    prefix_keys = False
    propagation_seconds = 60.0
    key_setting = "access_key_id"
    custom_domains = True

    def __init__(self, settings: R2AccountSettings) -> None:
        self._settings = settings
        headers = {"cf-r2-jurisdiction": str(settings.jurisdiction)}
        self._api = CloudflareApi(settings.api_url, settings.api_token, headers, settings.ca_bundle)

    def find_bucket(self, name: str) -> BucketRecord | None:
        """See `BucketProvisioner`."""
        try:
            self._call("GET", "r2", "buckets", name, action="looking for the bucket")
        except NotFound:
            return None
        return self._record(name)

    def create_bucket(self, name: str, options: BucketOptions) -> BucketRecord:
        """See `BucketProvisioner`. The region is Cloudflare's location hint, such as `weur`."""
        body = {"name": name, **({"locationHint": options.region} if options.region else {})}
        self._call("POST", "r2", "buckets", action=f"creating the bucket {name!r}", body=body, once=True)
        return self._record(name)

    def is_empty(self, bucket: BucketRecord) -> bool:
        """See `BucketProvisioner`."""
        account = self._s3()
        try:
            return S3Buckets(account, versions=False).is_empty(bucket.name)
        finally:
            account.close()

    def empty_bucket(self, bucket: BucketRecord) -> None:
        """See `BucketProvisioner`."""
        account = self._s3()
        try:
            S3Buckets(account, versions=False).empty(bucket.name)
        finally:
            account.close()

    def delete_bucket(self, bucket: BucketRecord) -> None:
        """See `BucketProvisioner`."""
        self._ignore("DELETE", "r2", "buckets", bucket.name, action=f"deleting the bucket {bucket.name!r}")

    def list_keys(self, bucket: BucketRecord, label: str) -> Sequence[KeyRecord]:
        """See `IssuesKeys`."""
        found = []
        action = "listing the tokens"
        for token in self._api.entries("accounts", self._settings.account_id, "tokens", action=action):
            with self._parsing(action):
                own = label_of(str(token["name"]), bucket.name)
                if own is not None and own.startswith(label) and self._is_for(token, bucket):
                    found.append(KeyRecord(str(token["id"]), own, str(token["id"])))
        return found

    def create_key(self, bucket: BucketRecord, label: str, scope: KeyScope) -> IssuedKey:
        """See `IssuesKeys`."""
        policy = {
            "effect": "allow",
            "resources": {self._resource(bucket): "*"},
            "permission_groups": [{"id": self._permission_group(_GROUPS[scope.access])}],
        }
        body = {"name": dashed_label(label), "policies": [policy]}
        created = self._call("POST", "tokens", action="creating a token", body=body, once=True)
        if not isinstance(created, dict) or not created.get("id") or not created.get("value"):
            raise AdapterError("creating a token: Cloudflare returned no token", provider=PROVIDER)
        key = KeyRecord(str(created["id"]), label, str(created["id"]))
        return IssuedKey(key, {"access_key_id": key.id}, {"secret_access_key": _secret(str(created["value"]))})

    def delete_key(self, bucket: BucketRecord, key: KeyRecord) -> None:  # noqa: ARG002  # the id is enough
        """See `IssuesKeys`."""
        self._ignore("DELETE", "tokens", key.id, action="revoking a token")

    def publish(self, bucket: BucketRecord, domain: str | None) -> str:
        """See `PublishesBuckets`. Without a domain, by the development URL at `r2.dev`, which is rate limited."""
        path = ("r2", "buckets", bucket.name, "domains")
        if domain is None:
            found = self._call("PUT", *path, "managed", action="making the bucket public", body={"enabled": True})
            with self._parsing("making the bucket public"):
                return f"https://{found['domain']}"
        if domain not in self._domains(bucket, "reading the domains of the bucket"):
            body = {"domain": domain, "enabled": True, "zoneId": self._zone(domain)}
            self._call("POST", *path, "custom", action=f"adding the domain {domain!r}", body=body)
        return f"https://{domain}"

    def public_access(self, bucket: BucketRecord) -> Sequence[str]:
        """See `PublishesBuckets`. The host names that lead to the bucket, and `r2.dev` for the development URL."""
        path, action = ("r2", "buckets", bucket.name, "domains"), "reading the domains of the bucket"
        managed = self._ignore("GET", *path, "managed", action=action) or {}
        with self._parsing(action):
            is_managed = bool(managed.get("enabled"))
        return [*self._domains(bucket, action), *([_MANAGED] if is_managed else ())]

    def unpublish(self, bucket: BucketRecord, keep: Collection[str] = ()) -> None:
        """See `PublishesBuckets`."""
        path, action = ("r2", "buckets", bucket.name, "domains"), "ending public access"
        for each in self._domains(bucket, action):
            if each not in keep:
                self._ignore("DELETE", *path, "custom", each, action=action)
        if _MANAGED not in keep:
            self._ignore("PUT", *path, "managed", action=action, body={"enabled": False})

    def close(self) -> None:
        """See `BucketProvisioner`."""
        self._api.close()

    def _record(self, name: str) -> BucketRecord:
        settings = {"bucket_name": name, "endpoint_url": self._settings.s3_url, "region": _REGION}
        if self._settings.ca_bundle is not None:
            settings["ca_bundle"] = str(self._settings.ca_bundle)
        return BucketRecord(name, name, settings)

    def _s3(self) -> Boto3Account:
        """Open S3 with the credentials that follow from the account's own token."""
        action = "checking the token"
        found = self._call("GET", "tokens", "verify", action=action)
        with self._parsing(action):
            token_id = Secret(str(found["id"]), is_public=True)
        keys = (token_id, _secret(self._settings.api_token.reveal()), None)
        url, bundle = self._settings.s3_url, self._settings.ca_bundle
        return Boto3Account("s3", endpoint_url=url, region=_REGION, keys=keys, ca_bundle=bundle)

    def _permission_group(self, name: str) -> str:
        action = "listing the permission groups"
        groups = self._call("GET", "tokens", "permission_groups", action=action)
        with self._parsing(action):
            for each in groups:
                if each["name"] == name:
                    return str(each["id"])
        raise AdapterError(f"Cloudflare has no permission group {name!r}", provider=PROVIDER)

    def _resource(self, bucket: BucketRecord) -> str:
        settings = self._settings
        return f"com.cloudflare.edge.r2.bucket.{settings.account_id}_{settings.jurisdiction}_{bucket.name}"

    def _is_for(self, token: Mapping[str, Any], bucket: BucketRecord) -> bool:
        """Tell whether a token with the label of a bucket is for this one, not its namesake in another jurisdiction."""
        policies = token.get("policies")
        return not policies or any(self._resource(bucket) in each.get("resources", ()) for each in policies)

    def _domains(self, bucket: BucketRecord, action: str) -> list[str]:
        found = self._ignore("GET", "r2", "buckets", bucket.name, "domains", "custom", action=action) or {}
        with self._parsing(action):
            return [str(each["domain"]) for each in found.get("domains", ())]

    def _zone(self, domain: str) -> str:
        labels = domain.split(".")
        for start in range(len(labels) - 1):
            name = ".".join(labels[start:])
            action = "looking for the zone of the domain"
            found = self._api.call("GET", "zones", action=action, name=name)
            if found:
                with self._parsing(action):
                    return str(found[0]["id"])
        raise ConfigError(f"the account has no zone for the domain {domain!r}")

    def _parsing(self, action: str) -> AbstractContextManager[None]:
        return parsing_response(action, urlsplit(self._settings.api_url).netloc)

    def _call(self, method: str, *segments: str, action: str, body: Any = None, once: bool = False) -> Any:
        path = ("accounts", self._settings.account_id, *segments)
        return self._api.call(method, *path, action=action, body=body, once=once)

    def _ignore(self, method: str, *segments: str, action: str, body: Any = None) -> Any:
        """Send a request; return `None` if what it is about does not exist."""
        try:
            return self._call(method, *segments, action=action, body=body)
        except NotFound:
            return None


def _secret(token: str) -> Secret:
    return Secret(hashlib.sha256(token.encode()).hexdigest())
