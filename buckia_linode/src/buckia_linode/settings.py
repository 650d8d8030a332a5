"""Settings of provider `linode`: location of the bucket, token of the account, and the S3 settings that apply."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from buckia_core.config.object_rules import ObjectRules
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import read_settings, setting, setting_fields
from buckia_core.config.urls import check_url, connection_warnings
from buckia_core.errors import InvalidSetting
from buckia_linode.endpoint_types import PROVIDER, EndpointType
from buckia_s3.config.bucket_url import parse_bucket_url
from buckia_s3.config.fields import AddressingStyle, ConditionalWrites
from buckia_s3.config.options import ClientOptions, RetryConfig
from buckia_s3.config.settings import S3Settings
from buckia_s3.objects.attributes import CannedAcl
from buckia_s3.objects.encryption import ServerSideEncryption

_CLUSTER_ID = re.compile(r"[a-z]{2}-[a-z]+-[0-9]+")
_ID = re.compile(r"[a-z0-9][a-z0-9-]*")
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]", re.IGNORECASE)

_LINODE_ONLY = ("region", "cluster", "endpoint_url", "domain", "token", "api_url", "endpoint_type")
"""Settings that S3 does not have, or that mean something else there."""


def inherit_s3_setting(name: str, *, env: tuple[str, ...] = (), aliases: tuple[str, ...] | None = None) -> Any:
    """Declare a setting like that of `S3Settings`, without its environment variables, which are for AWS.

    Args:
        name: Name of the setting.
        env: Environment variables.
        aliases: Aliases instead of those in `S3Settings`.
    """
    declared = setting_fields(S3Settings)[name]._asdict()
    del declared["name"], declared["kind"]
    return setting(**declared | {"env": env, "aliases": declared["aliases"] if aliases is None else aliases})


@dataclass(frozen=True, slots=True, kw_only=True)
class LinodeSettings:
    """Bucket, endpoint, access key, and token of the account."""

    bucket_name: str = inherit_s3_setting("bucket_name")
    prefix: str = inherit_s3_setting("prefix")
    region: str | None = setting(
        help="Cluster of the bucket, such as `us-ord-1`; with a token also a region, such as `us-ord`.",
        aliases=("region_name",),
    )
    cluster: str | None = setting(help="Cluster of the bucket, the first part of its endpoint, such as `es-mad-1`.")
    endpoint_url: str | None = setting(
        help="URL of the endpoint, such as `https://us-ord-1.linodeobjects.com`; overrides `cluster` and `region`.",
        aliases=("endpoint",),
    )
    public_url_base: str | None = inherit_s3_setting("public_url_base")
    domain: str = setting(help="Domain of the clusters.", default="linodeobjects.com")
    access_key_id: Secret | None = inherit_s3_setting(
        "access_key_id",
        env=("LINODE_OBJ_ACCESS_KEY", "LINODE_CLI_OBJ_ACCESS_KEY"),
        aliases=("access_key", "aws_access_key_id"),
    )
    secret_access_key: Secret | None = inherit_s3_setting(
        "secret_access_key",
        env=("LINODE_OBJ_SECRET_KEY", "LINODE_CLI_OBJ_SECRET_KEY"),
        aliases=("secret_key", "aws_secret_access_key"),
    )
    profile: str | None = inherit_s3_setting("profile")
    skip_signature: bool = inherit_s3_setting("skip_signature")
    token: Secret | None = setting(
        help="Personal access token with the scope `object_storage`: finds the endpoint, and manages the account.",
        env=("LINODE_TOKEN", "LINODE_CLI_TOKEN"),
        aliases=("api_key", "api_token"),
    )
    api_url: str = setting(help="URL of Linode's API.", default="https://api.linode.com/v4")
    endpoint_type: EndpointType | None = setting(help="Endpoint type, which determines the limits; found with a token.")
    addressing_style: AddressingStyle = inherit_s3_setting("addressing_style")
    client_options: ClientOptions = inherit_s3_setting("client_options")
    retry_config: RetryConfig = inherit_s3_setting("retry_config")
    verify_tls: bool = inherit_s3_setting("verify_tls")
    ca_bundle: Path | None = inherit_s3_setting("ca_bundle", env=("LINODE_CA",))
    connect_timeout: float = inherit_s3_setting("connect_timeout")
    read_timeout: float = inherit_s3_setting("read_timeout")
    acl: CannedAcl | None = inherit_s3_setting("acl")
    tags: Mapping[str, str] = inherit_s3_setting("tags")
    objects: ObjectRules = inherit_s3_setting("objects")
    sse_customer_key_base64: Secret | None = inherit_s3_setting("sse_customer_key_base64")
    multipart_threshold: int = inherit_s3_setting("multipart_threshold")
    part_size: int = inherit_s3_setting("part_size")
    conditional_writes: ConditionalWrites = inherit_s3_setting("conditional_writes")

    @classmethod
    def from_url(cls, url: str, **settings: object) -> Self:
        """Return the settings for a bucket URL: `s3://BUCKET/PREFIX`, or an https URL of Linode.

        Precedence: `settings`, then the URL, then the environment.

        Raises:
            ConfigError: The URL or a setting is invalid.
        """
        try:
            url_settings = _settings_from_url(url)
        except ValueError as error:
            raise InvalidSetting(str(error)) from error
        return read_settings(cls, url_settings | settings, provider=PROVIDER, base_dir=Path.cwd())

    def __post_init__(self) -> None:
        check_url("api_url", self.api_url, example="https://api.linode.com/v4")
        if not _DOMAIN.fullmatch(self.domain):
            raise ValueError(f"domain is the name of a host such as linodeobjects.com, and not {self.domain!r}")
        for name in ("region", "cluster"):
            value = getattr(self, name)
            if value is not None and not _ID.fullmatch(value):
                raise ValueError(f"{name} is an id such as us-ord-1, and not {value!r}")
        self._check_location()
        self.s3()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about unsafe settings, one line each."""
        unverified = {
            "verify_tls: false": not self.verify_tls,
            "client_options: allow_invalid_certificates": self.client_options.allow_invalid_certificates,
        }
        addresses = {"endpoint_url": self.endpoint_url, "api_url": self.api_url}
        return connection_warnings(addresses, [name for name, is_set in unverified.items() if is_set])

    @property
    def static_url(self) -> str:
        """Endpoint URL according to the settings alone.

        With `needs_lookup` it has the region instead of the cluster: it identifies the bucket, but may not resolve.
        """
        return self.endpoint_url or f"https://{self.cluster or self.region}.{self.domain}"

    @property
    def needs_lookup(self) -> bool:
        """Whether only the API knows the endpoint."""
        return not self.endpoint_url and self.cluster is None and self.token is not None

    def s3(self) -> S3Settings:
        """Return the settings as those of provider `s3`.

        Raises:
            ValueError: The settings are inconsistent.
        """
        shared = {name: getattr(self, name) for name in setting_fields(type(self)) if name not in _LINODE_ONLY}
        encryption = None if self.sse_customer_key_base64 is None else ServerSideEncryption.CUSTOMER
        return S3Settings(
            region=self.cluster or self.region,
            endpoint_url=self.static_url,
            server_side_encryption=encryption,
            **shared,
        )

    def _check_location(self) -> None:
        if self.endpoint_url or self.cluster is not None:
            return
        if self.region is None:
            raise ValueError("where the bucket is must be known: give region, cluster or endpoint_url")
        if self.token is None and not _CLUSTER_ID.fullmatch(self.region):
            raise ValueError(
                f"region {self.region!r} is not a cluster: give the cluster, such as {self.region}-1, or endpoint_url, "
                "or a token, by which the endpoint of a region is found"
            )


def _settings_from_url(url: str) -> dict[str, object]:
    parsed = parse_bucket_url(url)
    if url.lower().startswith("s3"):
        return parsed
    if not parsed.pop("endpoint_url").endswith(".linodeobjects.com"):
        raise ValueError(f"url: {urlsplit(url).hostname!r} is not an address of Linode: see provider s3 for others")
    parsed["cluster"] = parsed.pop("region")
    return parsed
