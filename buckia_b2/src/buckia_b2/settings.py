"""Settings of the provider `b2`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from buckia_b2.files.attributes import ATTRIBUTE_NAMES, parse_objects
from buckia_core.config.object_rules import ObjectRules, object_rules_schema
from buckia_core.config.parsers import parse_encryption_key
from buckia_core.config.secrets.references import Secret
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

    bucket_name: str = setting(help="The bucket's name.", required=True, aliases=("bucket",))
    prefix: str = setting(help="Part of the bucket that counts as its root.", default="")
    application_key_id: Secret = setting(
        help="Id of the application key. Not a secret by itself, but it may come from where secrets come from.",
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
    api: ApiKind = setting(help="B2's own API, or its S3 API, which needs `buckia-s3`.", default=ApiKind.NATIVE)
    api_url: str = setting(
        help="Address of B2's own API, where the application key is shown first.",
        default="https://api.backblazeb2.com",
        aliases=("realm",),
    )
    region: str | None = setting(
        help="Region of the account, such as `us-west-004`. Found without it; if it is given, a key of an account in "
        "another one is refused."
    )
    endpoint_url: str | None = setting(
        help="Address of the S3 API, such as `https://s3.us-west-004.backblazeb2.com`; goes before `region`.",
        aliases=("endpoint",),
    )
    domain: str | None = setting(
        help="Host in front of Backblaze's own, such as one at Cloudflare, for public addresses: "
        "`https://DOMAIN/file/BUCKET/…`."
    )
    public_url_base: str | None = setting(
        help="What public addresses of objects begin with, where it is not what `domain` makes of it."
    )
    objects: ObjectRules = setting(
        help="Headers and metadata of what is uploaded, by patterns of keys.",
        default=ObjectRules,
        parse=parse_objects,
        schema=object_rules_schema(ATTRIBUTE_NAMES),
    )
    deletion: Deletion = setting(
        help="Deletes hide the object and keep its versions, or remove all `version`s for good.", default=Deletion.HIDE
    )
    server_side_encryption: Encryption | None = setting(
        help="Encrypt what is uploaded with Backblaze's keys (`sse-b2`), or with one of yours (`sse-c`); as the bucket "
        "has it without this."
    )
    sse_customer_key_base64: Secret | None = setting(
        help="Your own key to encrypt with, 256 bits in base64. Whoever loses it has lost the objects.",
        env=("B2_DESTINATION_SSE_C_KEY_B64",),
        parse=parse_encryption_key,
    )
    object_lock_mode: LockMode | None = setting(
        help="Lock what is uploaded: `governance` can be ended with a special capability, `compliance` cannot be ended."
    )
    object_lock_retain: int | None = setting(help="Days for which what is uploaded is locked.", minimum=1)
    object_lock_legal_hold: bool = setting(
        help="Put a legal hold on what is uploaded, which keeps it until it is lifted.", default=False
    )
    multipart_threshold: int = setting(
        help="Objects of more bytes than this are uploaded in parts, side by side.", default=16 * MIB, minimum=MIN_PART
    )
    part_size: int = setting(
        help="Bytes of one part; more where an object would otherwise need over 10,000 parts.",
        default=16 * MIB,
        minimum=MIN_PART,
    )
    ca_bundle: Path | None = setting(
        help="PEM file with certificate authorities that are trusted besides the system's."
    )
    connect_timeout: float = setting(help="Seconds that a connection may take to be made.", default=10.0, minimum=0.001)
    read_timeout: float = setting(
        help="Seconds without any progress after which a request fails; a slow transfer may take as long as it needs.",
        default=60.0,
        minimum=0.001,
    )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unsafe about these settings, a line each."""
        return connection_warnings({"api_url": self.api_url, "endpoint_url": self.endpoint_url})

    def __post_init__(self) -> None:
        if not self.bucket_name:
            raise ValueError("bucket_name is empty")
        for name in ("api_url", "endpoint_url", "public_url_base"):
            check_url(name, getattr(self, name))
        if self.domain is not None and ("/" in self.domain or not self.domain):
            raise ValueError("domain is the name of a host, such as cdn.example.com: see public_url_base for more")
        if self.part_size > self.multipart_threshold:
            raise ValueError("part_size is at most multipart_threshold: what is sent in parts has two at least")
        if self.multipart_threshold > MAX_PART:
            raise ValueError(f"multipart_threshold is at most {MAX_PART}, which is what B2 takes whole")
        if (self.sse_customer_key_base64 is not None) != (self.server_side_encryption is Encryption.CUSTOMER):
            raise ValueError(
                "sse_customer_key_base64 and server_side_encryption: sse-c go together: give both, or neither"
            )
        if (self.object_lock_mode is None) != (self.object_lock_retain is None):
            raise ValueError("object_lock_mode and object_lock_retain go together: give both, or neither")
        if self.region is not None and not _REGION.fullmatch(self.region):
            raise ValueError(f"region is like us-west-004, and not {self.region!r}")
        if self.api is ApiKind.NATIVE and self.endpoint_url is not None:
            raise ValueError("endpoint_url is the address of the S3 API: leave it out, or give `api: s3`")
        if self.api is ApiKind.S3 and self.deletion is Deletion.VERSION:
            raise ValueError("deletion: version is for the native API: the S3 API hides what is deleted")
