"""Settings converted to options of obstore.

obstore also reads the environment, and `AWS_ENDPOINT_URL_S3` and others would override its arguments. So every option
that has an environment variable is passed explicitly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from buckia_s3.auth.sigv4 import CredentialProvider
from buckia_s3.certificates import given_certificates
from buckia_s3.config.parsers import CopyIfNotExists
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.endpoint import Endpoint
from buckia_s3.http.request_headers import store_encryption

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential

Options = TypeVar("Options", bound=Mapping[str, Any])

_NO_TIMEOUT = timedelta(days=30)
_ANY_CREDENTIALS_LAST = timedelta(minutes=10)
_NEVER = datetime.max.replace(tzinfo=UTC)

_SECRETS = frozenset({"sse_customer_key_base64", "default_headers", "proxy_url"})
"""Options that are secrets, or may contain them."""


def without_secrets(options: Options) -> Options:
    """Return the options that can be shown."""
    return cast("Options", {name: value for name, value in options.items() if name not in _SECRETS})


def client_config(settings: S3Settings, endpoint: Endpoint) -> ClientConfig:
    """Return the connection options."""
    options = settings.client_options
    config: dict[str, Any] = {
        "allow_http": endpoint.scheme == "http",
        "allow_invalid_certificates": not settings.verifies_certificates,
        "connect_timeout": timedelta(seconds=settings.connect_timeout),
        "read_timeout": timedelta(seconds=settings.read_timeout),
        # The limit for a whole request, however large; obstore has a default if it is left out.
        "timeout": _NO_TIMEOUT if options.timeout is None else timedelta(seconds=options.timeout),
        # Servers close idle connections, and a request on a connection that is being closed fails.
        "pool_idle_timeout": timedelta(seconds=options.pool_idle_timeout),
        "pool_max_idle_per_host": str(options.pool_max_idle_per_host),
        "http1_only": True,
    }
    if options.default_headers:
        config["default_headers"] = {name: value.reveal() for name, value in options.default_headers.items()}
    if options.user_agent is not None:
        config["user_agent"] = options.user_agent
    if options.default_content_type is not None:
        config["default_content_type"] = options.default_content_type
    if options.proxy_url is not None:
        config["proxy_url"] = options.proxy_url.reveal()
        config["proxy_excludes"] = ",".join(options.no_proxy_hosts())
        if options.bypasses_proxy(endpoint.host, endpoint.port):
            # obstore matches patterns differently; both clients must use the same route.
            config["proxy_excludes"] = endpoint.host
    trusted = given_certificates(settings) if endpoint.scheme == "https" else []
    if options.disable_system_certificates:
        config["disable_system_certificates"] = True
    if trusted:
        config["root_certificate"] = b"\n".join(trusted)
    made: ClientConfig = config  # type: ignore[assignment]  # a dictionary whose keys are those of the type
    return made


def retry_config(settings: S3Settings) -> RetryConfig:
    """Return the retry options."""
    wanted = settings.retry_config
    return {
        "max_retries": wanted.max_retries,
        "retry_timeout": timedelta(seconds=wanted.retry_timeout),
        "backoff": {
            # A wait of zero, to the microsecond, makes obstore panic.
            "init_backoff": max(timedelta(seconds=wanted.init_backoff), timedelta.resolution),
            "max_backoff": timedelta(seconds=wanted.max_backoff),
            "base": wanted.base,
        },
    }


def _copy_if_not_exists(wanted: CopyIfNotExists) -> str:
    if wanted.header is None:
        return "multipart"
    return f"header-with-status:{':'.join(wanted.header)}:{wanted.status}"


def store_config(settings: S3Settings, endpoint: Endpoint, *, signed: bool) -> S3Config:
    """Return bucket, endpoint and request options; without credentials."""
    address = endpoint.root if endpoint.virtual else endpoint.root.rpartition("/")[0]
    config: S3Config = {
        "bucket": settings.bucket_name,
        "region": endpoint.region,
        "endpoint": address,
        "aws_endpoint_url_s3": address,
        "virtual_hosted_style_request": endpoint.virtual,
        "skip_signature": not signed,
        "request_payer": settings.request_payer,
        "unsigned_payload": settings.unsigned_payload,
        "disable_tagging": settings.disable_tagging,
        "disable_bulk_delete": settings.disable_bulk_delete,
        "s3_express": bool(settings.s3_express),
        "conditional_put": "disabled" if settings.conditional_writes == "off" else "etag",
    }
    if settings.copy_if_not_exists is not None:
        config["copy_if_not_exists"] = _copy_if_not_exists(settings.copy_if_not_exists)
    if settings.checksum_algorithm in ("SHA256", "CRC64NVME"):
        config["checksum_algorithm"] = str(settings.checksum_algorithm)
    config.update(store_encryption(settings))
    return config


def credential_provider(source: CredentialProvider) -> Callable[[], S3Credential]:
    """Return a credential provider for obstore, which calls it again before the credentials expire."""

    def provide() -> S3Credential:
        credentials = source.get()
        assert credentials is not None
        expires = None
        if not source.never_expires:
            expires = min(datetime.now(UTC) + _ANY_CREDENTIALS_LAST, credentials.expires_at or _NEVER)
        return {
            "access_key_id": credentials.access_key_id,
            "secret_access_key": credentials.secret_access_key,
            "token": credentials.session_token,
            "expires_at": expires,
        }

    return provide
