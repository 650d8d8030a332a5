"""The settings of provider `s3`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from buckia_core.config.secrets import Secret
from buckia_core.config.settings import setting

MIB = 1 << 20
GIB = 1 << 30

MIN_PART = 5 * MIB
"""The smallest part, in bytes, that S3 takes, save for the last one of an upload."""

MAX_PART = 5 * GIB
"""The largest part, and the largest object that one request can write, in bytes."""


class AddressingStyle(StrEnum):
    """Where requests name the bucket."""

    AUTO = "auto"
    PATH = "path"
    VIRTUAL = "virtual"


class ConditionalWrites(StrEnum):
    """Whether the server is asked to refuse a write whose condition does not hold."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """Which bucket, where, and with which credentials.

    The environment variables of credentials (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`) are
    read as one set by `buckia_s3.credentials`: a token belongs to the keys that it was issued with.
    """

    bucket_name: str = setting(help="The bucket's name.", required=True, aliases=("bucket",))
    prefix: str = setting(help="Part of the bucket that counts as its root.", default="")
    region: str | None = setting(
        help="Region of the bucket. AWS buckets are found without it, at the cost of one request.",
        env=("AWS_REGION", "AWS_DEFAULT_REGION"),
        aliases=("region_name",),
    )
    endpoint_url: str | None = setting(
        help="Address of a service other than AWS, such as `https://objects.example.com`; `http://` is not encrypted.",
        env=("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        aliases=("endpoint",),
    )
    access_key_id: Secret | None = setting(
        help="Access key. Not a secret by itself, but it may come from where secrets come from.",
        aliases=("aws_access_key_id",),
        open=True,
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
    skip_signature: bool = setting(help="Send no credentials, as public buckets allow.", default=False)
    addressing_style: AddressingStyle = setting(
        help="Bucket in the `path` or in the host name (`virtual`); `auto` is virtual for AWS and path for others.",
        default=AddressingStyle.AUTO,
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
    etag_is_md5: bool = setting(
        help="Whether an ETag that looks like an MD5 is one. Say `false` for buckets that encrypt with KMS keys.",
        default=True,
    )

    def __post_init__(self) -> None:
        if not self.bucket_name:
            raise ValueError("bucket_name is empty")
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together: give both, or neither")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token belongs to an access key: give access_key_id and secret_access_key too")
        if self.skip_signature and (self.access_key_id is not None or self.profile is not None):
            raise ValueError("skip_signature sends no credentials: leave out access_key_id and profile, or it")
        if self.part_size > MAX_PART or self.multipart_threshold > MAX_PART:
            raise ValueError(f"part_size and multipart_threshold are at most 5 GiB ({MAX_PART})")
        _check_endpoint(self.endpoint_url)


def _check_endpoint(endpoint_url: str | None) -> None:
    if endpoint_url is None:
        return
    try:
        parts = urlsplit(endpoint_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("endpoint_url must be like https://host or http://host:port")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("endpoint_url is an address only: without user, query and fragment")
