"""Settings of provider `s3`: what they imply, and which of them go together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from buckia_core.config.settings import read_settings, setting_fields
from buckia_core.config.urls import check_url, connection_warnings
from buckia_core.errors import InvalidSetting
from buckia_s3.config.bucket_url import parse_bucket_url
from buckia_s3.config.fields import MAX_PART, AddressingStyle, ConditionalWrites, S3Fields
from buckia_s3.objects.encryption import check_encryption
from buckia_s3.objects.object_lock import check_object_lock

_CREDENTIALS = ("access_key_id", "profile", "credential_provider")
_AWS_ENDPOINTS = ("use_accelerate_endpoint", "use_dualstack_endpoint", "use_fips_endpoint")
_DIRECTORY_BUCKET = re.compile(r".+--(?P<zone>[a-z0-9-]+)--x-s3")


class S3Settings(S3Fields):
    """S3Settings: the settings in effect of one bucket.

    The constructor takes the values as Python objects, and reads no environment variables.
    """

    __slots__ = ()

    def __init__(self, **given: Any) -> None:
        """Create settings from values of the fields of `S3Fields`.

        Raises:
            ValueError: Values conflict, or the URL is invalid.
        """
        super().__init__(**self.resolve(given))
        self._check()

    @classmethod
    def from_config(cls, config: Mapping[str, object] | None = None, **settings: object) -> Self:
        """Return the settings of a bucket from values as in a `.buckia` file and from the environment.

        The names in `config` are those of `settings`, in any case, also with the prefix `aws_`, as in obstore.

        Raises:
            ConfigError: A setting is unknown, invalid, missing, or given twice.
        """
        if not isinstance(config, Mapping | None):
            raise InvalidSetting("config must be a mapping of settings to values")
        known = {name for each in setting_fields(cls).values() for name in (each.name, *each.aliases)}
        given = dict(settings)
        for key, value in (config or {}).items():
            name = str(key).lower()
            short = name.removeprefix("aws_")
            name = short if short in known else name
            if name in given:
                raise InvalidSetting(f"setting {name!r} is given twice; remove one")
            given[name] = value
        return read_settings(cls, given, provider="s3", base_dir=Path.cwd())

    @classmethod
    def from_url(cls, url: str, *, config: Mapping[str, object] | None = None, **settings: object) -> Self:
        """Return the settings for a bucket URL, in one of the forms of `buckia_s3.config.bucket_url`.

        Settings by name take precedence over the URL, and the URL over the environment. See `from_config`.

        Raises:
            ConfigError: The URL or a setting is invalid.
        """
        return cls.from_config(config, url=url, **settings)

    @staticmethod
    def resolve(given: Mapping[str, Any], environment: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the settings in effect: given values, then what the URL contains, then the environment.

        A URL is replaced by the settings that it contains. See `read_settings`.

        Raises:
            ValueError: The URL is invalid.
        """
        given = {name: value for name, value in given.items() if value is not None}
        url = given.pop("url", None)
        implied = {} if url is None else parse_bucket_url(url)
        if not given.keys().isdisjoint(_CREDENTIALS):
            implied["skip_signature"] = False
        values = {**(environment or {}), **implied, **given}
        virtual = values.get("virtual_hosted_style_request")
        if virtual is not None and values.get("addressing_style", AddressingStyle.AUTO) is AddressingStyle.AUTO:
            values["addressing_style"] = AddressingStyle.VIRTUAL if virtual else AddressingStyle.PATH
        put = values.get("conditional_put")
        if put is not None and values.get("conditional_writes", ConditionalWrites.AUTO) is ConditionalWrites.AUTO:
            values["conditional_writes"] = ConditionalWrites.ON if put == "etag" else ConditionalWrites.OFF
        options = values.get("client_options")
        for name in ("connect_timeout", "read_timeout"):
            if options is not None and (seconds := getattr(options, name)) is not None:
                values[name] = seconds
        if values.get("credential_provider") == "anonymous":
            values["skip_signature"] = True
        if values.get("s3_express") is None:
            is_express = express_zone(values.get("bucket_name", "")) is not None
            values["s3_express"] = is_express and not values.get("endpoint_url")
        return values

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
    def verifies_certificates(self) -> bool:
        """Whether the certificate of the server is verified."""
        return self.verify_tls and not self.client_options.allow_invalid_certificates

    @property
    def etag_is_md5_effective(self) -> bool:
        """Whether an ETag that looks like an MD5 is one, by `etag_is_md5` and by how objects are encrypted."""
        hidden = self.server_side_encryption is not None and self.server_side_encryption.hides_md5
        return self.etag_is_md5 and not hidden and not self.s3_express

    def _check(self) -> None:
        if not self.bucket_name:
            raise ValueError("bucket_name is empty")
        if "/" in self.bucket_name:
            raise ValueError(
                f"bucket_name is a name without slashes, and not {self.bucket_name!r}: what follows it is the prefix, "
                "and an address is what the setting url takes"
            )
        self._check_credentials()
        if self.part_size > MAX_PART or self.multipart_threshold > MAX_PART:
            raise ValueError(f"part_size and multipart_threshold are at most 5 GiB ({MAX_PART})")
        check_url("endpoint_url", self.endpoint_url or None)
        check_url("public_url_base", self.public_url_base)
        if urlsplit(self.endpoint_url or "").path.strip("/") == self.bucket_name:
            # The bucket would be in each URL twice, and creating it would write an object of its name.
            raise ValueError(
                f"endpoint_url is the address of the service, and not of the bucket: leave out /{self.bucket_name}"
            )
        if self.client_options.allow_http is False and self._is_unencrypted:
            raise ValueError("endpoint_url is not encrypted, and client_options say allow_http: false")
        trusts_some = self.client_options.root_certificate is not None or self.ca_bundle is not None
        if self.client_options.disable_system_certificates and not trusts_some:
            raise ValueError("client_options: disable_system_certificates needs root_certificate or ca_bundle")
        check_encryption(
            self.server_side_encryption, self.sse_kms_key_id, self.sse_bucket_key_enabled, self.sse_customer_key_base64
        )
        check_object_lock(self.object_lock_mode, self.object_lock_retain or self.object_lock_until)
        if self.sse_customer_key_base64 is not None and self._is_unencrypted:
            raise ValueError("sse_customer_key_base64 travels with each request: endpoint_url must be https://…")
        self._check_aws_endpoints()

    @property
    def _is_unencrypted(self) -> bool:
        return (self.endpoint_url or "").lower().startswith("http:")

    def _check_credentials(self) -> None:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together: give both, or neither")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token belongs to an access key: give access_key_id and secret_access_key too")
        if self.skip_signature and (self.access_key_id is not None or self.profile is not None):
            raise ValueError("skip_signature sends no credentials: leave out access_key_id and profile, or it")
        provider = self.credential_provider
        match provider:
            case "static" if self.access_key_id is None:
                raise ValueError("credential_provider: static needs access_key_id and secret_access_key")
            case "profile" if self.profile is None:
                raise ValueError("credential_provider: profile needs the setting profile")
            case "sts" if self.role_arn is None:
                raise ValueError("credential_provider: sts needs role_arn, the role to assume")
        name = provider if isinstance(provider, str) else getattr(provider, "__qualname__", type(provider).__name__)
        if self.access_key_id is not None and provider not in (None, "static", "sts"):
            raise ValueError(f"credential_provider: {name} does not use access_key_id: leave out one of both")
        if self.profile is not None and provider not in (None, "profile", "boto3", "sts"):
            raise ValueError(f"credential_provider: {name} does not use profile: leave out one of both")

    def _check_aws_endpoints(self) -> None:
        """Check that AWS has the configured combination of endpoints."""
        asked = [name for name in _AWS_ENDPOINTS if getattr(self, name)]
        if asked and self.endpoint_url:
            raise ValueError(f"{asked[0]} chooses among the endpoints of AWS: leave out endpoint_url, or it")
        if self.s3_express and not self.endpoint_url:
            if express_zone(self.bucket_name) is None:
                raise ValueError("s3_express needs the name of a directory bucket, such as my-bucket--use1-az4--x-s3")
            if asked:
                raise ValueError(f"{asked[0]} is not for directory buckets: leave it out")
        if not self.use_accelerate_endpoint:
            return
        if "." in self.bucket_name:
            raise ValueError("use_accelerate_endpoint takes no bucket with a dot in its name")
        if self.addressing_style is AddressingStyle.PATH:
            raise ValueError("use_accelerate_endpoint has the bucket in the host name: leave out addressing_style")
        if self.use_fips_endpoint:
            raise ValueError("use_accelerate_endpoint and use_fips_endpoint exclude each other")


def express_zone(bucket_name: str) -> str | None:
    """Return the zone in the name of a directory bucket; `None` for other buckets."""
    found = _DIRECTORY_BUCKET.fullmatch(bucket_name)
    return None if found is None else found["zone"]
