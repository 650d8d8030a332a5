"""Settings of the provider `bunny`: storage zone, keys, account and pull zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from buckia_bunny.regions import DOMAIN, parse_region, s3_host, storage_host
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import setting
from buckia_core.config.urls import check_url, connection_warnings
from buckia_core.errors import MissingCredentials

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?", re.IGNORECASE)
_ZONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class ApiKind(StrEnum):
    """API that reaches the objects."""

    STORAGE = "storage"
    S3 = "s3"


class ClientKind(StrEnum):
    """Client that sends requests of the account."""

    DIRECT = "direct"
    PACKAGE = "bunnycdnpython"


class Purge(StrEnum):
    """Scope of the purge after a sync."""

    AUTO = "auto"
    ZONE = "zone"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class BunnySettings:
    """Settings of a storage zone."""

    bucket_name: str = setting(help="Name of the storage zone.", default="", aliases=("bucket",), ask=True)
    storage_zone: str | None = setting(help="Name of the storage zone, if it is not `bucket_name`.")
    prefix: str = setting(help="Directory of the zone to use as its root.", default="")
    storage_api_key: Secret | None = setting(
        help="Password of the zone; the read-only one is enough for downloads. Read from the account with `api_key`.",
        env=("BUNNY_STORAGE_API_KEY", "BUNNY_STORAGE_PASSWORD"),
        ask=True,
    )
    password: Secret | None = setting(help="Alternative name of `storage_api_key`, which overrides it.")
    api_key: Secret | None = setting(
        help="The account's API key: finds the zone's host and password, and manages zones and caches.",
        env=("BUNNY_API_KEY", "BUNNYNET_API_KEY"),
    )
    region: str | None = setting(
        help="Main region of the zone: `de`, `uk`, `ny`, `la`, `sg`, `se`, `br`, `jh`, `syd`; default: read "
        "from the account with `api_key`, else `de`.",
        parse=parse_region,
        schema={"type": "string"},
    )
    domain: str = setting(help="Domain of the storage hosts.", default=DOMAIN)
    endpoint_url: str | None = setting(
        help="URL of the storage host; overrides `region` and `domain`.", aliases=("endpoint",)
    )
    api_url: str = setting(help="URL of the account API.", default="https://api.bunny.net")
    api: ApiKind = setting(help="`s3` for a zone that was created for the S3 API.", default=ApiKind.STORAGE)
    client: ClientKind = setting(
        help="`bunnycdnpython` uses that package where it is safe.",
        default=ClientKind.DIRECT,
    )
    pull_zone: str | None = setting(help="Name or number of the pull zone in front of the storage zone.")
    hostname: str | None = setting(help="Host name of public URLs; default: that of the pull zone at `b-cdn.net`.")
    public_url_base: str | None = setting(
        help="Start of public URLs of the objects, such as `https://cdn.example.com`; overrides `hostname`."
    )
    token_key: Secret | None = setting(
        help="Key of the pull zone for signed URLs.", env=("BUNNY_TOKEN_KEY",), aliases=("security_key",)
    )
    purge: Purge = setting(
        help="After a sync: `auto` purges what changed, `zone` the whole pull zone if anything did, `off` nothing.",
        default=Purge.AUTO,
    )
    purge_urls: int = setting(
        help="Up to this many changed objects are purged one by one; more by directory, or all at once.",
        default=100,
        minimum=0,
    )
    escape_names: bool = setting(
        help="Escape characters in names that some storage servers change or refuse.", default=False
    )
    prune_empty_directories: bool = setting(help="Remove directories that a delete leaves empty.", default=False)
    connect_timeout: float = setting(help="Timeout for connecting, in seconds.", default=10.0, minimum=0.001)
    read_timeout: float = setting(
        help="Timeout for a request without progress, in seconds.", default=60.0, minimum=0.001
    )
    ca_bundle: Path | None = setting(help="PEM file with additional certificate authorities.")

    @staticmethod
    def resolve(given: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings in effect: a given `password` precedes a `storage_api_key` of the environment."""
        implied = {"storage_api_key": given["password"]} if "password" in given else {}
        return {**environment, **implied, **given}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about unsafe settings, one per line."""
        return connection_warnings({"endpoint_url": self.endpoint_url, "api_url": self.api_url})

    def __post_init__(self) -> None:
        if not self.zone:
            raise ValueError("the storage zone is missing: give bucket_name or storage_zone")
        if not _ZONE.fullmatch(self.zone):
            raise ValueError(f"{self.zone!r} is not the name of a storage zone: letters, digits and dashes")
        for name in ("domain", "hostname"):
            value = getattr(self, name)
            if value is not None and not _HOST.fullmatch(value):
                raise ValueError(f"{name} is the name of a host, and not {value!r}")
        for name in ("endpoint_url", "api_url", "public_url_base"):
            check_url(name, getattr(self, name))
        if self.zone_key is None and self.api_key is None:
            raise MissingCredentials(
                "no key: give storage_api_key, the password of the storage zone (BUNNY_STORAGE_API_KEY), or api_key, "
                "the API key of the account (BUNNY_API_KEY)"
            )
        if self.token_key is not None and self.public_host is None:
            raise ValueError("token_key signs URLs of a pull zone: give pull_zone or hostname")
        if self.api is ApiKind.S3 and self.zone_key is None:
            raise MissingCredentials("api: s3 needs storage_api_key, the password of the storage zone")
        if self.api is ApiKind.S3 and self.region is None and self.endpoint_url is None:
            raise ValueError("api: s3 needs region or endpoint_url")

    @property
    def zone(self) -> str:
        """Name of the storage zone."""
        return self.storage_zone or self.bucket_name

    @property
    def zone_key(self) -> Secret | None:
        """Password of the zone, if the settings have it."""
        return self.storage_api_key or self.password

    @property
    def address(self) -> str | None:
        """URL of the storage host; `None` if it must be requested from the API."""
        if self.endpoint_url is not None:
            return self.endpoint_url.rstrip("/")
        if self.api is ApiKind.S3 and self.region is not None:
            return f"https://{s3_host(self.region)}"
        if self.region is None and self.api_key is not None:
            return None
        return f"https://{storage_host(self.region or 'de', self.domain)}"

    @property
    def pull_zone_url(self) -> str | None:
        """URL of the pull zone, without a slash at its end; `None` if the settings do not determine it."""
        return None if self.public_host is None else f"https://{self.public_host}"

    @property
    def public_host(self) -> str | None:
        """Host of public URLs; `None` if the settings do not determine it."""
        if self.hostname is not None:
            return self.hostname
        if self.pull_zone is None or self.pull_zone.isdecimal():
            return None
        return f"{self.pull_zone}.b-cdn.net"
