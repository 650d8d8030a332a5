"""Settings of the provider `s3`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from buckia_core.config.object_rules import ATTRIBUTES, ObjectRules, object_rules_schema
from buckia_core.config.parsers import parse_encryption_key
from buckia_core.config.secrets.references import Secret
from buckia_core.config.settings import read_settings, setting
from buckia_core.config.urls import check_url, connection_warnings
from buckia_s3.config.client_options import ClientOptions, parse_client_options
from buckia_s3.config.copy_if_not_exists import CopyIfNotExists, parse_copy_if_not_exists
from buckia_s3.config.derived import (
    check_directory_bucket,
    check_provider,
    implied_after_env,
    implied_before_env,
    names_function,
    parse_conditional_put,
    parse_credential_provider,
)
from buckia_s3.config.retry_config import RetryConfig, parse_retry_config
from buckia_s3.objects.attributes import CannedAcl, parse_objects_setting, parse_tags
from buckia_s3.objects.checksums import ChecksumAlgorithm, parse_algorithm
from buckia_s3.objects.encryption import ServerSideEncryption, check_encryption
from buckia_s3.objects.object_lock import LockMode, check_object_lock

MIB = 1 << 20
GIB = 1 << 30

MIN_PART = 5 * MIB
"""The smallest part in bytes, except for the last one of an upload."""

MAX_PART = 5 * GIB
"""The largest part, and the largest object of one PUT, in bytes."""


class AddressingStyle(StrEnum):
    """Whether the bucket name is in the path or in the host name."""

    AUTO = "auto"
    PATH = "path"
    VIRTUAL = "virtual"


class ConditionalWrites(StrEnum):
    """Whether writes are conditional."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """S3Settings: all settings of the provider `s3`.

    `buckia_s3.auth.credentials` reads the environment variables of credentials (`AWS_ACCESS_KEY_ID`,
    `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, …) as one set, since a token belongs to the keys it was issued with.
    """

    url: str | None = setting(
        help="URL of the bucket, such as `s3://my-bucket/photos`. Sets `bucket_name`, `prefix`, `region`, "
        "`endpoint_url` and `addressing_style`, unless these are given."
    )
    bucket_name: str = setting(
        help="Name of the bucket.", required=True, aliases=("bucket",), env=("AWS_BUCKET", "AWS_BUCKET_NAME")
    )
    prefix: str = setting(help="Directory of the bucket to use as its root.", default="")
    region: str | None = setting(
        help="Region of the bucket. Buckia finds the region of an AWS bucket with one more request.",
        env=("AWS_REGION",),
        aliases=("region_name",),
    )
    default_region: str | None = setting(help="Region if `region` is not given.", env=("AWS_DEFAULT_REGION",))
    endpoint_url: str | None = setting(
        help="URL of a service other than AWS, such as `https://objects.example.com`; `http://` is not encrypted. "
        "Empty: AWS.",
        env=("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
        aliases=("endpoint", "aws_endpoint_url_s3"),
    )
    access_key_id: Secret | None = setting(
        help="Access key ID. It is not secret, but may be a reference to a secret.",
        aliases=("aws_access_key_id",),
        public=True,
    )
    secret_access_key: Secret | None = setting(help="Secret access key.", aliases=("aws_secret_access_key",))
    session_token: Secret | None = setting(
        help="Session token of temporary credentials.", aliases=("aws_session_token",)
    )
    profile: str | None = setting(help="AWS profile to take credentials from.", aliases=("profile_name", "aws_profile"))
    skip_signature: bool = setting(
        help="Send no credentials, for public buckets.", default=False, env=("AWS_SKIP_SIGNATURE",)
    )
    credential_provider: Any = setting(
        help="Use only this source of credentials: `static`, `environment`, `profile`, `boto3`, `sts`, `anonymous`, "
        "or your own function as `module:function`.",
        parse=parse_credential_provider,
        schema={"type": "string"},
        runs_code=names_function,
    )
    role_arn: str | None = setting(
        help="Role to assume, with `credential_provider: sts` or `web_identity_token_file`.", env=("AWS_ROLE_ARN",)
    )
    role_session_name: str | None = setting(help="Session name of the assumed role.", env=("AWS_ROLE_SESSION_NAME",))
    role_duration: int | None = setting(
        help="Seconds until credentials from `sts` expire; by default as the role is configured, usually 3600.",
        minimum=900,
    )
    external_id: str | None = setting(help="External ID that the owner of the role requires, for `sts`.")
    sts_endpoint: str | None = setting(help="URL of the STS service.", env=("AWS_STS_ENDPOINT", "AWS_ENDPOINT_URL_STS"))
    web_identity_token_file: Path | None = setting(
        help="File with the web identity token for assuming a role.", env=("AWS_WEB_IDENTITY_TOKEN_FILE",)
    )
    container_credentials_relative_uri: str | None = setting(
        help="Path of the credentials endpoint of an ECS container.",
        env=("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
    )
    container_credentials_full_uri: str | None = setting(
        help="URL of the credentials endpoint of a container, if a path is not enough.",
        env=("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
    )
    container_authorization_token_file: Path | None = setting(
        help="File with the authorization token for that endpoint.", env=("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",)
    )
    metadata_endpoint: str | None = setting(
        help="URL of the EC2 instance metadata service.",
        env=("AWS_METADATA_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT"),
    )
    imdsv1_fallback: bool = setting(
        help="Fall back to metadata requests without a token (IMDSv1), which are less secure.",
        default=False,
        env=("AWS_IMDSV1_FALLBACK",),
    )
    addressing_style: AddressingStyle = setting(
        help="Bucket name in the `path` or in the host name (`virtual`). `auto`: virtual for AWS, path for others.",
        default=AddressingStyle.AUTO,
    )
    virtual_hosted_style_request: bool | None = setting(
        help="`true`: as `addressing_style: virtual`, and the endpoint may already contain the bucket; `false`: as "
        "`path`. `addressing_style` overrides it.",
        env=("AWS_VIRTUAL_HOSTED_STYLE_REQUEST",),
    )
    s3_express: bool | None = setting(
        help="Whether this is a directory bucket of S3 Express One Zone; by default told by its name.",
        env=("AWS_S3_EXPRESS",),
    )
    disable_bulk_delete: bool = setting(
        help="Delete each object with its own request.", default=False, env=("AWS_DISABLE_BULK_DELETE",)
    )
    client_options: ClientOptions = setting(
        help="Connection options, named as in obstore's `ClientConfig`.",
        default=ClientOptions,
        parse=parse_client_options,
        schema={"type": "object"},
    )
    retry_config: RetryConfig = setting(
        help="Retries of single requests, such as parts, ranges, later pages of listings and bucket administration: "
        "`max_retries`, `retry_timeout`, `backoff`.",
        default=RetryConfig,
        parse=parse_retry_config,
        schema={"type": "object"},
    )
    verify_tls: bool = setting(help="Verify the server's certificate.", default=True)
    ca_bundle: Path | None = setting(help="PEM file with additional certificate authorities.", env=("AWS_CA_BUNDLE",))
    connect_timeout: float = setting(help="Timeout for connecting, in seconds.", default=10.0, minimum=0.001)
    read_timeout: float = setting(
        help="Timeout for a request without progress, in seconds. Slow transfers do not time out.",
        default=60.0,
        minimum=0.001,
    )
    storage_class: str | None = setting(help="Storage class of uploads, such as `STANDARD_IA`.")
    acl: CannedAcl | None = setting(help="Canned ACL of uploads, such as `public-read`.")
    tags: Mapping[str, str] = setting(
        help="Tags of uploads, up to ten.",
        default=dict,
        parse=parse_tags,
        schema={"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 10},
    )
    disable_tagging: bool = setting(
        help="Send and copy no tags, for services without tags.", default=False, env=("AWS_DISABLE_TAGGING",)
    )
    objects: ObjectRules = setting(
        help="Headers, tags and metadata of uploads, by key patterns.",
        default=ObjectRules,
        parse=parse_objects_setting,
        schema=object_rules_schema(ATTRIBUTES),
    )
    server_side_encryption: ServerSideEncryption | None = setting(
        help="Encrypt uploads on the server with keys of S3 (`AES256`), of KMS (`aws:kms`, `aws:kms:dsse`) or of your "
        "own (`sse-c`).",
        env=("AWS_SERVER_SIDE_ENCRYPTION",),
    )
    sse_kms_key_id: str | None = setting(help="KMS key; by default that of the account.", env=("AWS_SSE_KMS_KEY_ID",))
    sse_bucket_key_enabled: bool | None = setting(
        help="Use an S3 Bucket Key, which needs fewer requests to KMS.",
        env=("AWS_SSE_BUCKET_KEY_ENABLED",),
    )
    sse_customer_key_base64: Secret | None = setting(
        help="Your own encryption key, 256 bits in base64. Without it the objects are lost.",
        env=("AWS_SSE_CUSTOMER_KEY_BASE64",),
        parse=parse_encryption_key,
    )
    request_payer: bool = setting(
        help="Pay for requests to a requester-pays bucket.",
        default=False,
        env=("AWS_REQUEST_PAYER", "AWS_REQUESTER_PAYS"),
    )
    checksum_algorithm: ChecksumAlgorithm | None = setting(
        help="Checksum of uploads, verified and kept by the server, and compared at downloads. In a `.buckia` file, "
        "use the name `aws_checksum_algorithm`.",
        env=("AWS_CHECKSUM_ALGORITHM",),
        aliases=("aws_checksum_algorithm",),
        parse=parse_algorithm,
    )
    content_md5: bool = setting(
        help="Send the MD5 of uploads, which AWS requires in buckets with a default retention.",
        default=False,
    )
    md5chksum: bool = setting(
        help="Store the MD5 of multipart uploads for `rclone check`. Costs about 1.3 s of CPU time per GiB.",
        default=False,
    )
    object_lock_mode: LockMode | None = setting(
        help="Lock uploads: `GOVERNANCE` can be shortened with a special permission, `COMPLIANCE` cannot."
    )
    object_lock_retain: int | None = setting(help="Days for which uploads are locked.", minimum=1)
    object_lock_legal_hold: bool = setting(help="Put a legal hold on uploads.", default=False)
    unsigned_payload: bool = setting(
        help="Do not sign the content of uploads, which saves time. AWS allows this over https only.",
        default=False,
        env=("AWS_UNSIGNED_PAYLOAD",),
    )
    copy_if_not_exists: CopyIfNotExists | None = setting(
        help="How to ask the server to copy only if the target does not exist: `multipart`, `header:NAME:VALUE`, "
        "`header-with-status:NAME:VALUE:STATUS`.",
        env=("AWS_COPY_IF_NOT_EXISTS",),
        parse=parse_copy_if_not_exists,
        schema={"type": "string"},
    )
    use_accelerate_endpoint: bool = setting(help="Use S3 Transfer Acceleration.", default=False)
    use_dualstack_endpoint: bool = setting(
        help="Use the dual-stack endpoints of AWS, which support IPv6.",
        default=False,
        env=("AWS_USE_DUALSTACK_ENDPOINT",),
    )
    use_fips_endpoint: bool = setting(
        help="Use the FIPS 140 endpoints of AWS.", default=False, env=("AWS_USE_FIPS_ENDPOINT",)
    )
    multipart_threshold: int = setting(
        help="Objects of more bytes than this are uploaded in parallel parts.", default=16 * MIB, minimum=MIN_PART
    )
    part_size: int = setting(
        help="Bytes of a part; larger if an object would otherwise need over 10,000 parts.",
        default=16 * MIB,
        minimum=MIN_PART,
    )
    conditional_writes: ConditionalWrites = setting(
        help="Conditional writes: `auto` uses them if the server supports them, `on` requires them, `off` never uses "
        "them.",
        default=ConditionalWrites.AUTO,
    )
    conditional_put: str | None = setting(
        help="`etag` is `conditional_writes: on`, `disabled` is `off`. `conditional_writes` overrides it.",
        env=("AWS_CONDITIONAL_PUT",),
        parse=parse_conditional_put,
        schema={"enum": ["etag", "disabled"]},
    )
    etag_is_md5: bool = setting(
        help="Treat an ETag that looks like an MD5 as one. Set to `false` for buckets that encrypt with KMS keys.",
        default=True,
    )

    @classmethod
    def from_url(cls, url: str, **settings: object) -> Self:
        """Return the settings for a bucket URL, in one of the forms of `buckia_s3.config.bucket_url`.

        Keyword arguments take precedence over the URL, and the URL over the environment.

        Raises:
            ConfigError: The URL or a setting is invalid.
        """
        return read_settings(cls, {"url": url, **settings}, provider="s3", base_dir=Path.cwd())

    @staticmethod
    def implied(values: Mapping[str, object]) -> dict[str, object]:
        """Return the settings that `values` imply; called before the environment is read. See `read_settings`."""
        return implied_before_env(values)

    def __post_init__(self) -> None:
        for name, value in implied_after_env({each.name: getattr(self, each.name) for each in fields(self)}).items():
            kind = _ENUM_SETTINGS.get(name)
            object.__setattr__(self, name, value if kind is None else kind(str(value)))
        if not self.bucket_name:
            raise ValueError("bucket_name is empty")
        if "/" in self.bucket_name:
            raise ValueError(
                f"bucket_name is a name without slashes, and not {self.bucket_name!r}: what follows it is the prefix, "
                "and an address is what the setting url takes"
            )
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together: give both, or neither")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token belongs to an access key: give access_key_id and secret_access_key too")
        if self.skip_signature and (self.access_key_id is not None or self.profile is not None):
            raise ValueError("skip_signature sends no credentials: leave out access_key_id and profile, or it")
        if self.s3_express and not self.endpoint_url:
            check_directory_bucket(self.bucket_name, {name: getattr(self, name) for name in _AWS_ENDPOINTS})
        check_provider(self.credential_provider, self.access_key_id, self.profile, self.role_arn)
        if self.part_size > MAX_PART or self.multipart_threshold > MAX_PART:
            raise ValueError(f"part_size and multipart_threshold are at most 5 GiB ({MAX_PART})")
        _check_endpoint(self.endpoint_url, self.client_options.allow_http)
        check_encryption(
            self.server_side_encryption, self.sse_kms_key_id, self.sse_bucket_key_enabled, self.sse_customer_key_base64
        )
        check_object_lock(self.object_lock_mode, self.object_lock_retain)
        if self.sse_customer_key_base64 is not None and (self.endpoint_url or "").startswith("http:"):
            raise ValueError("sse_customer_key_base64 travels with each request: endpoint_url must be https://…")
        _check_aws_endpoints(self)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about unsafe settings, one line each."""
        addresses = (
            {} if self.skip_signature else {"endpoint_url": self.endpoint_url, "sts_endpoint": self.sts_endpoint}
        )
        unverified = {
            "verify_tls: false": not self.verify_tls,
            "client_options: allow_invalid_certificates": self.client_options.allow_invalid_certificates,
        }
        return connection_warnings(addresses, [name for name, is_set in unverified.items() if is_set])

    @property
    def etag_is_md5_effective(self) -> bool:
        """Whether an ETag that looks like an MD5 is one, by `etag_is_md5` and by how objects are encrypted."""
        hidden = self.server_side_encryption is not None and self.server_side_encryption.hides_md5
        return self.etag_is_md5 and not hidden and not self.s3_express


_ENUM_SETTINGS: Mapping[str, type[StrEnum]] = {
    "addressing_style": AddressingStyle,
    "conditional_writes": ConditionalWrites,
}

_AWS_ENDPOINTS = ("use_accelerate_endpoint", "use_dualstack_endpoint", "use_fips_endpoint")


def _check_aws_endpoints(settings: S3Settings) -> None:
    """Check that AWS has the configured combination of endpoints."""
    asked = [name for name in _AWS_ENDPOINTS if getattr(settings, name)]
    if asked and settings.endpoint_url:
        raise ValueError(f"{asked[0]} chooses among the endpoints of AWS: leave out endpoint_url, or it")
    if not settings.use_accelerate_endpoint:
        return
    if "." in settings.bucket_name:
        raise ValueError("use_accelerate_endpoint takes no bucket with a dot in its name")
    if settings.addressing_style is AddressingStyle.PATH:
        raise ValueError("use_accelerate_endpoint has the bucket in the host name: leave out addressing_style")
    if settings.use_fips_endpoint:
        raise ValueError("use_accelerate_endpoint and use_fips_endpoint exclude each other")


def _check_endpoint(endpoint_url: str | None, allow_http: bool | None) -> None:
    if not endpoint_url:
        return
    check_url("endpoint_url", endpoint_url)
    if urlsplit(endpoint_url).scheme == "http" and allow_http is False:
        raise ValueError("endpoint_url is not encrypted, and client_options say allow_http: false")
