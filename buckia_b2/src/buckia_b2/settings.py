"""Settings of the provider `b2`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from buckia_b2.files.attributes import ATTRIBUTE_NAMES, parse_objects_setting
from buckia_core.config.object_rules import ObjectRules, object_rules_schema
from buckia_core.config.parsers import parse_encryption_key
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting
from buckia_core.config.urls import check_url, connection_warnings

MIB = 1 << 20

_REGION = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")

MIN_PART = 5_000_000
"""Smallest part in bytes, except for the last one of a large file."""

MAX_PART = 5_000_000_000
"""Largest part, largest upload in one request and largest copy in one request, in bytes."""


class ApiKind(StrEnum):
    """API of B2 that reaches the objects."""

    NATIVE = "native"
    S3 = "s3"


class Deletion(StrEnum):
    """Effect of a delete: hide the object, or remove all of its versions."""

    HIDE = "hide"
    VERSION = "version"


class Encryption(StrEnum):
    """Owner of the encryption key: Backblaze or the customer."""

    B2 = "sse-b2"
    CUSTOMER = "sse-c"


class LockMode(StrEnum):
    """Whether a retention can be ended with a special capability, or not at all."""

    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


@dataclass(frozen=True, slots=True, kw_only=True)
class B2Settings:
    """Settings of a B2 bucket."""

    bucket_name: str = setting(help="Name of the bucket.", required=True, aliases=("bucket",))
    prefix: str = setting(help="Directory of the bucket to use as its root.", default="")
    application_key_id: Secret = setting(
        help="Id of the application key. It is not secret, but may be a reference to a secret.",
        required=True,
        env=("B2_APPLICATION_KEY_ID", "B2_KEY_ID"),
        aliases=("key_id",),
        public=True,
    )
    application_key: Secret = setting(
        help="The application key. It may be restricted to the bucket, and to a prefix.",
        required=True,
        env=("B2_APPLICATION_KEY", "B2_APP_KEY"),
        aliases=("api_key", "key"),
    )
    api: ApiKind = setting(help="API to use; `s3` needs `buckia-s3`.", default=ApiKind.NATIVE)
    api_url: str = setting(
        help="URL of the native API.",
        default="https://api.backblazeb2.com",
        aliases=("realm",),
    )
    region: str | None = setting(
        help="Region of the account, such as `us-west-004`. Keys of accounts in other regions are rejected."
    )
    endpoint_url: str | None = setting(
        help="URL of the S3 API, such as `https://s3.us-west-004.backblazeb2.com`; overrides `region`.",
        aliases=("endpoint",),
    )
    domain: str | None = setting(
        help="Host in front of Backblaze, such as one at Cloudflare, for public URLs: `https://DOMAIN/file/BUCKET/…`."
    )
    public_url_base: str | None = setting(help="Start of public URLs; overrides `domain`.")
    objects: ObjectRules = setting(
        help="Headers and metadata of uploads, by key patterns.",
        default=ObjectRules,
        parse=parse_objects_setting,
        schema=object_rules_schema(ATTRIBUTE_NAMES),
    )
    deletion: Deletion = setting(
        help="`hide` keeps the versions of a deleted object, `version` removes all of them.", default=Deletion.HIDE
    )
    server_side_encryption: Encryption | None = setting(
        help="Encrypt uploads with Backblaze's keys (`sse-b2`) or your own (`sse-c`). Default: that of the bucket."
    )
    sse_customer_key_base64: Secret | None = setting(
        help="Your own encryption key, 256 bits in base64. Without it the objects are lost.",
        env=("B2_DESTINATION_SSE_C_KEY_B64",),
        parse=parse_encryption_key,
    )
    object_lock_mode: LockMode | None = setting(
        help="Lock uploads: `governance` can be ended with a special capability, `compliance` cannot be ended."
    )
    object_lock_retain: int | None = setting(help="Days for which uploads are locked.", minimum=1)
    object_lock_until: datetime | None = None
    """End of the lock of uploads in place of `object_lock_retain`. No setting: `B2Sync.with_options` sets it."""
    object_lock_legal_hold: bool = setting(help="Put a legal hold on uploads.", default=False)
    multipart_threshold: int = setting(
        help="Objects of more bytes than this are uploaded in parallel parts.", default=16 * MIB, minimum=MIN_PART
    )
    part_size: int = setting(
        help="Bytes of a part; larger if an object would otherwise need over 10,000 parts.",
        default=16 * MIB,
        minimum=MIN_PART,
    )
    ca_bundle: Path | None = setting(help="PEM file with additional certificate authorities.")
    connect_timeout: float = setting(help="Timeout for connecting, in seconds.", default=10.0, minimum=0.001)
    read_timeout: float = setting(
        help="Timeout for a request without progress, in seconds. Slow transfers do not time out.",
        default=60.0,
        minimum=0.001,
    )

    @property
    def public_base(self) -> str | None:
        """Start of public URLs, without a slash at its end; `None` if the settings do not determine it."""
        if self.public_url_base is not None:
            return self.public_url_base.rstrip("/")
        return None if self.domain is None else f"https://{self.domain}/file/{self.bucket_name}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about unsafe settings, one per line."""
        return connection_warnings({"api_url": self.api_url, "endpoint_url": self.endpoint_url})

    def __post_init__(self) -> None:
        if not self.bucket_name:
            raise ValueError("bucket_name is empty")
        for name in ("api_url", "endpoint_url", "public_url_base"):
            check_url(name, getattr(self, name))
        if self.domain is not None and ("/" in self.domain or not self.domain):
            raise ValueError("domain is the name of a host, such as cdn.example.com: see public_url_base for more")
        if self.part_size > self.multipart_threshold:
            raise ValueError("part_size is at most multipart_threshold: a multipart upload has at least two parts")
        if self.multipart_threshold > MAX_PART:
            raise ValueError(f"multipart_threshold is at most {MAX_PART}, which is the largest upload in one request")
        if (self.sse_customer_key_base64 is not None) != (self.server_side_encryption is Encryption.CUSTOMER):
            raise ValueError(
                "sse_customer_key_base64 and server_side_encryption: sse-c go together: give both, or neither"
            )
        if (self.object_lock_mode is None) != (self.object_lock_retain is None and self.object_lock_until is None):
            raise ValueError("object_lock_mode and object_lock_retain go together: give both, or neither")
        if self.region is not None and not _REGION.fullmatch(self.region):
            raise ValueError(f"region is like us-west-004, and not {self.region!r}")
        if self.api is ApiKind.NATIVE and self.endpoint_url is not None:
            raise ValueError("endpoint_url is the URL of the S3 API: leave it out, or give `api: s3`")
        if self.api is ApiKind.S3 and self.deletion is Deletion.VERSION:
            raise ValueError("deletion: version is for the native API: the S3 API hides deleted objects")
