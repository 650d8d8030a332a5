"""Endpoints: host, path and region of a bucket."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit

from buckia_core.adapters.contract.identity import endpoint_identity
from buckia_core.http.origin import Origin
from buckia_s3.config.fields import AddressingStyle
from buckia_s3.config.settings import S3Settings, express_zone

DEFAULT_REGION = "us-east-1"

_UNQUOTED_KEY = re.compile(r"[A-Za-z0-9/_.~-]+")

# AWS has no certificate for host names with a dot in the bucket.
_HOST_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Endpoint: the address of a bucket.

    Attributes:
        scheme: `http` or `https`.
        host: Host name or IP address; an IPv6 one without brackets.
        port: TCP port.
        base: Path before all keys: empty, or with a slash at its start and none at its end.
        region: Region for signatures.
        aws: The service is AWS itself.
        virtual: The host name begins with the bucket.
        origin: Scheme, host and port.
    """

    scheme: str
    host: str
    port: int
    base: str
    region: str
    aws: bool
    virtual: bool
    origin: Origin = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "origin", Origin(self.scheme, self.host, self.port))

    @property
    def authority(self) -> str:
        """Value of the `Host` header: the host, and the port unless it is the default of the scheme."""
        return self.origin.authority

    @property
    def root(self) -> str:
        """The URL of the bucket, without a slash at its end."""
        return f"{self.scheme}://{self.authority}{self.base}"

    def path(self, key: str | None) -> str:
        """Return the percent-encoded path of a key, or of the bucket."""
        if key is None:
            return self.base or "/"
        # Most keys need no quoting, and to find that out takes a fifth of the time.
        return f"{self.base}/{key if _UNQUOTED_KEY.fullmatch(key) else quote(key, safe='/-_.~')}"

    def in_region(self, region: str) -> Endpoint:
        """Return the endpoint of the same bucket in another region; AWS has a host for each region."""
        changed = replace(self, region=region)
        if self.aws:
            changed = replace(changed, host=self.host.replace(f".{self.region}.", f".{region}."))
        return changed


def resolve_endpoint(settings: S3Settings, region: str) -> Endpoint:
    """Return the endpoint of the bucket in the settings."""
    aws = is_aws(settings)
    bucket = settings.bucket_name
    if not settings.endpoint_url:
        url = urlsplit(f"https://{_aws_host(settings, region)}")
    else:
        url = urlsplit(settings.endpoint_url)
    host = url.hostname or ""
    base = quote(url.path.rstrip("/"), safe="/-_.~%")
    match settings.addressing_style:
        case AddressingStyle.VIRTUAL:
            virtual = True
        case AddressingStyle.PATH:
            virtual = False
        case AddressingStyle.AUTO:
            virtual = aws and (settings.use_accelerate_endpoint or _HOST_LABEL.fullmatch(bucket) is not None)
    if settings.s3_express and aws and not settings.endpoint_url:
        host, virtual = f"s3express-{express_zone(bucket)}.{region}.amazonaws.com", True
    if virtual:
        named = settings.virtual_hosted_style_request and host.startswith(f"{bucket}.")
        host = host if named else f"{bucket}.{host}"
    else:
        base = f"{base}/{quote(bucket, safe='-_.~')}"
    port = url.port or (443 if url.scheme == "https" else 80)
    return Endpoint(url.scheme, host, port, base, region, aws, virtual)


def service_url(endpoint: Endpoint, bucket: str) -> str:
    """Return the URL of the service that a bucket's endpoint belongs to."""
    if endpoint.virtual:
        return replace(endpoint, host=endpoint.host.removeprefix(f"{bucket}.")).root
    return endpoint.root.removesuffix(f"/{quote(bucket, safe='-_.~')}")


def _aws_host(settings: S3Settings, region: str) -> str:
    china = ".cn" if region.startswith("cn-") else ""
    stack = ".dualstack" if settings.use_dualstack_endpoint else ""
    if settings.use_accelerate_endpoint:
        return f"s3-accelerate{stack}.amazonaws.com"
    fips = "-fips" if settings.use_fips_endpoint else ""
    return f"s3{fips}{stack}.{region}.amazonaws.com{china}"


def is_aws(settings: S3Settings) -> bool:
    """Tell whether the service is AWS itself."""
    if not settings.endpoint_url:
        return True
    host = urlsplit(settings.endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def service_identity(settings: S3Settings) -> str:
    """Return a unique id of the service: all buckets that it can copy between have the same."""
    if is_aws(settings):
        region = settings.region or settings.default_region or ""
        return "aws-cn" if region.startswith("cn-") else "aws"
    return endpoint_identity(settings.endpoint_url or "")


def identity(settings: S3Settings, prefix: str) -> str:
    """Return a unique id of the bucket that does not depend on region and credentials."""
    return f"{service_identity(settings)}/{settings.bucket_name}/{prefix}"


class EndpointResolver:
    """EndpointResolver: the current endpoint. It changes once if the bucket is in another region."""

    def __init__(self, settings: S3Settings, default_region: Callable[[], str | None]) -> None:
        self._settings = settings
        self._default_region = default_region
        self._lock = threading.Lock()
        self._endpoint: Endpoint | None = None

    @property
    def endpoint(self) -> Endpoint:
        """The current endpoint."""
        if self._endpoint is None:
            with self._lock:
                if self._endpoint is None:
                    configured = self._settings.region or self._settings.default_region
                    region = configured or self._default_region() or DEFAULT_REGION
                    self._endpoint = resolve_endpoint(self._settings, region)
        return self._endpoint

    def set_region(self, region: str) -> bool:
        """Set the region of the bucket; return false if it is the current one."""
        current = self.endpoint
        with self._lock:
            if current.region == region:
                return False
            self._endpoint = current.in_region(region)
        return True
