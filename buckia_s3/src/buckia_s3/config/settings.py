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
        help="Address of the bucket, such as `s3://my-bucket/photos`, in place of `bucket_name`, `prefix`, `region`, "
        "`endpoint_url` and `addressing_style`, as far as these are not given."
    )
    bucket_name: str = setting(
        help="The bucket's name.", required=True, aliases=("bucket",), env=("AWS_BUCKET", "AWS_BUCKET_NAME")
    )
    prefix: str = setting(help="Part of the bucket that counts as its root.", default="")
    region: str | None = setting(
        help="Region of the bucket. AWS buckets are found without it, at the cost of one request.",
        env=("AWS_REGION",),
        aliases=("region_name",),
    )
    default_region: str | None = setting(
        help="Region of a bucket for which `region` is not given.", env=("AWS_DEFAULT_REGION",)
    )
    endpoint_url: str | None = setting(
        help="Address of a service other than AWS, such as `https://objects.example.com`; `http://` is not encrypted. "
        "An empty one is AWS.",
        env=("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
        aliases=("endpoint", "aws_endpoint_url_s3"),
    )
    access_key_id: Secret | None = setting(
        help="Access key. Not a secret by itself, but it may come from where secrets come from.",
        aliases=("aws_access_key_id",),
        public=True,
    )
    secret_access_key: Secret | None = setting(
        help="Secret that belongs to the access key.", aliases=("aws_secret_access_key",)
    )
    session_token: Secret | None = setting(
        help="Token that belongs to a temporary access key.", aliases=("aws_session_token",)
    )
    profile: str | None = setting(
        help="Profile of the AWS configuration files that has the credentials.", aliases=("profile_name", "aws_profile")
    )
    skip_signature: bool = setting(
        help="Send no credentials, as public buckets allow.", default=False, env=("AWS_SKIP_SIGNATURE",)
    )
    credential_provider: Any = setting(
        help="Where credentials come from, instead of the first place that has any: `static`, `environment`, "
        "`profile`, `boto3`, `sts`, `anonymous`, or a function of yours as `module:function`.",
        parse=parse_credential_provider,
        schema={"type": "string"},
        runs_code=names_function,
    )
    role_arn: str | None = setting(
        help="Role to assume, with `credential_provider: sts` or with `web_identity_token_file`.", env=("AWS_ROLE_ARN",)
    )
    role_session_name: str | None = setting(
        help="Name of the session in which the role is assumed.", env=("AWS_ROLE_SESSION_NAME",)
    )
    role_duration: int | None = setting(
        help="Seconds for which `sts` assumes the role; an hour, unless the role says otherwise.", minimum=900
    )
    external_id: str | None = setting(help="External id that the owner of the role requires, for `sts`.")
    sts_endpoint: str | None = setting(
        help="Address of the service that gives roles.", env=("AWS_STS_ENDPOINT", "AWS_ENDPOINT_URL_STS")
    )
    web_identity_token_file: Path | None = setting(
        help="File with the token that a role is assumed with.", env=("AWS_WEB_IDENTITY_TOKEN_FILE",)
    )
    container_credentials_relative_uri: str | None = setting(
        help="Path at which a container of ECS is given its credentials.",
        env=("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
    )
    container_credentials_full_uri: str | None = setting(
        help="Address at which a container is given its credentials, where a path is not enough.",
        env=("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
    )
    container_authorization_token_file: Path | None = setting(
        help="File with what is to be shown at that address.", env=("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",)
    )
    metadata_endpoint: str | None = setting(
        help="Address at which an instance of EC2 is given its credentials.",
        env=("AWS_METADATA_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT"),
    )
    imdsv1_fallback: bool = setting(
        help="Ask that address without a token too, where it gives none; others on the instance may then ask as well.",
        default=False,
        env=("AWS_IMDSV1_FALLBACK",),
    )
    addressing_style: AddressingStyle = setting(
        help="Bucket in the `path` or in the host name (`virtual`); `auto` is virtual for AWS and path for others.",
        default=AddressingStyle.AUTO,
    )
    virtual_hosted_style_request: bool | None = setting(
        help="`true` is `addressing_style: virtual`, where the endpoint may begin with the bucket already; `false` is "
        "`path`. `addressing_style` goes first.",
        env=("AWS_VIRTUAL_HOSTED_STYLE_REQUEST",),
    )
    s3_express: bool | None = setting(
        help="Whether it is a directory bucket of S3 Express One Zone; by default what its name says.",
        env=("AWS_S3_EXPRESS",),
    )
    disable_bulk_delete: bool = setting(
        help="Delete each object with a request of its own.", default=False, env=("AWS_DISABLE_BULK_DELETE",)
    )
    client_options: ClientOptions = setting(
        help="How connections are made, by the names of obstore's `ClientConfig`.",
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
    verify_tls: bool = setting(help="Check the server's certificate.", default=True)
    ca_bundle: Path | None = setting(
        help="PEM file with certificate authorities that are trusted besides the system's.", env=("AWS_CA_BUNDLE",)
    )
    connect_timeout: float = setting(help="Seconds that a connection may take to be made.", default=10.0, minimum=0.001)
    read_timeout: float = setting(
        help="Seconds without any progress after which a request fails; a slow transfer may take as long as it needs.",
        default=60.0,
        minimum=0.001,
    )
    storage_class: str | None = setting(help="Storage class of what is uploaded, such as `STANDARD_IA`.")
    acl: CannedAcl | None = setting(help="Who may read what is uploaded, such as `public-read`.")
    tags: Mapping[str, str] = setting(
        help="Tags of what is uploaded, up to ten.",
        default=dict,
        parse=parse_tags,
        schema={"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 10},
    )
    disable_tagging: bool = setting(
        help="Send and copy no tags, for services that have none.", default=False, env=("AWS_DISABLE_TAGGING",)
    )
    objects: ObjectRules = setting(
        help="Headers, tags and metadata of objects, by patterns of their keys.",
        default=ObjectRules,
        parse=parse_objects_setting,
        schema=object_rules_schema(ATTRIBUTES),
    )
    server_side_encryption: ServerSideEncryption | None = setting(
        help="Whose keys encrypt on the server: S3's own, those of KMS, or one of yours (`sse-c`).",
        env=("AWS_SERVER_SIDE_ENCRYPTION",),
    )
    sse_kms_key_id: str | None = setting(
        help="Key of KMS to encrypt with; the account's own one without it.", env=("AWS_SSE_KMS_KEY_ID",)
    )
    sse_bucket_key_enabled: bool | None = setting(
        help="Use one data key of KMS for many objects, which costs fewer requests to KMS.",
        env=("AWS_SSE_BUCKET_KEY_ENABLED",),
    )
    sse_customer_key_base64: Secret | None = setting(
        help="Your own key to encrypt with, 256 bits in base64. Whoever loses it has lost the objects.",
        env=("AWS_SSE_CUSTOMER_KEY_BASE64",),
        parse=parse_encryption_key,
    )
    request_payer: bool = setting(
        help="Pay for requests to a bucket whose owner does not.",
        default=False,
        env=("AWS_REQUEST_PAYER", "AWS_REQUESTER_PAYS"),
    )
    checksum_algorithm: ChecksumAlgorithm | None = setting(
        help="Checksum that goes with what is uploaded, is kept by the server, and compared when it is read. In a "
        "`.buckia` file it is `aws_checksum_algorithm`: the other name is a setting of every bucket.",
        env=("AWS_CHECKSUM_ALGORITHM",),
        aliases=("aws_checksum_algorithm",),
        parse=parse_algorithm,
    )
    content_md5: bool = setting(
        help="Send the MD5 of what is uploaded, which AWS wants in buckets that lock objects by themselves.",
        default=False,
    )
    md5chksum: bool = setting(
        help="Store the MD5 of files that go up in parts, as rclone does, so that `rclone check` can verify them. "
        "It takes about one second of processor time more for each gigabyte.",
        default=False,
    )
    object_lock_mode: LockMode | None = setting(
        help="Lock what is uploaded: `GOVERNANCE` can be ended early with a special permission, `COMPLIANCE` can't."
    )
    object_lock_retain: int | None = setting(help="Days for which what is uploaded is locked.", minimum=1)
    object_lock_legal_hold: bool = setting(
        help="Put a legal hold on what is uploaded, which keeps it until it is lifted.", default=False
    )
    unsigned_payload: bool = setting(
        help="Leave what is sent out of the signature, which saves time; AWS allows it over https only.",
        default=False,
        env=("AWS_UNSIGNED_PAYLOAD",),
    )
    copy_if_not_exists: CopyIfNotExists | None = setting(
        help="How the server is asked to copy only where nothing is: `multipart`, `header:NAME:VALUE`, "
        "`header-with-status:NAME:VALUE:STATUS`.",
        env=("AWS_COPY_IF_NOT_EXISTS",),
        parse=parse_copy_if_not_exists,
        schema={"type": "string"},
    )
    use_accelerate_endpoint: bool = setting(help="Reach an AWS bucket through transfer acceleration.", default=False)
    use_dualstack_endpoint: bool = setting(
        help="Reach AWS by IPv6 as well.", default=False, env=("AWS_USE_DUALSTACK_ENDPOINT",)
    )
    use_fips_endpoint: bool = setting(
        help="Reach AWS through its FIPS 140 endpoints.", default=False, env=("AWS_USE_FIPS_ENDPOINT",)
    )
    multipart_threshold: int = setting(
        help="Objects of more bytes than this are uploaded in parts, side by side.", default=16 * MIB, minimum=MIN_PART
    )
    part_size: int = setting(
        help="Bytes of one part; more where an object would otherwise need over 10,000 parts.",
        default=16 * MIB,
        minimum=MIN_PART,
    )
    conditional_writes: ConditionalWrites = setting(
        help="Whether writes go with a condition: `auto` if the server honours it, `on` else not at all, `off` never.",
        default=ConditionalWrites.AUTO,
    )
    conditional_put: str | None = setting(
        help="`etag` is `conditional_writes: on`, `disabled` is `off`. `conditional_writes` goes first.",
        env=("AWS_CONDITIONAL_PUT",),
        parse=parse_conditional_put,
        schema={"enum": ["etag", "disabled"]},
    )
    etag_is_md5: bool = setting(
        help="Whether an ETag that looks like an MD5 is one. Say `false` for buckets that encrypt with KMS keys.",
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
