"""Declaration of the settings of provider `s3`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from buckia_core.config.object_rules import ATTRIBUTES, ObjectRules, object_rules_schema
from buckia_core.config.parsers import parse_encryption_key
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting
from buckia_s3.config.options import ClientOptions, RetryConfig, parse_client_options, parse_retry_config
from buckia_s3.config.parsers import (
    CopyIfNotExists,
    names_function,
    parse_conditional_put,
    parse_copy_if_not_exists,
    parse_credential_provider,
)
from buckia_s3.objects.attributes import CannedAcl, parse_objects_setting, parse_tags
from buckia_s3.objects.checksums import ChecksumAlgorithm, parse_algorithm
from buckia_s3.objects.encryption import ServerSideEncryption
from buckia_s3.objects.object_lock import LockMode

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
class S3Fields:
    """S3Fields: all settings of the provider `s3`; see `S3Settings`.

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
    public_url_base: str | None = setting(
        help="Start of public URLs of the objects, such as `https://cdn.example.com`: a CDN or a custom domain."
    )
    default_region: str | None = setting(help="Region if `region` is not given.", env=("AWS_DEFAULT_REGION",))
    endpoint_url: str | None = setting(
        help="URL of a service other than AWS, such as `https://objects.example.com`; `http://` is not encrypted. "
        "Empty: AWS.",
        env=("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
        aliases=("endpoint", "aws_endpoint_url_s3"),
        ask=True,
    )
    access_key_id: Secret | None = setting(
        help="Access key ID. It is not secret, but may be a reference to a secret.",
        aliases=("aws_access_key_id",),
        public=True,
        ask=True,
    )
    secret_access_key: Secret | None = setting(
        help="Secret access key.", aliases=("aws_secret_access_key",), ask="access_key_id"
    )
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
    object_lock_until: datetime | None = None
    """End of the lock of uploads in place of `object_lock_retain`. No setting: `S3Sync.with_options` sets it."""
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
