"""Parser for bucket URLs.

    URL                                                             bucket        region         service
    -------------------------------------------------------------------------------------------------------------
    s3://BUCKET/PREFIX, s3a://BUCKET/PREFIX                         first part    none           as configured
    https://s3.REGION.amazonaws.com/BUCKET/PREFIX                   in the path   in the host    AWS
    https://BUCKET.s3.REGION.amazonaws.com/PREFIX                   in the host   in the host    AWS
    … s3.dualstack.REGION, s3-fips.REGION, s3-fips.dualstack.REGION as above      in the host    AWS, that endpoint
    https://BUCKET.s3-accelerate.amazonaws.com, … .dualstack.…      in the host   none           AWS, accelerated
    https://BUCKET.s3express-ZONE.REGION.amazonaws.com              in the host   in the host    AWS, directory bucket
    https://ACCOUNT.r2.cloudflarestorage.com/BUCKET (also .eu., …)  in the path   auto           Cloudflare R2
    https://BUCKET.CLUSTER.linodeobjects.com, or /BUCKET            either        the cluster    Linode
    https://BUCKET.s3.REGION.backblazeb2.com, or /BUCKET            either        in the host    Backblaze B2
    https://BUCKET.REGION.digitaloceanspaces.com, or /BUCKET        either        in the host    DigitalOcean Spaces

The rest of the path is the prefix. Hosts of AWS may end in `.amazonaws.com.cn`.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from buckia_s3.config.fields import AddressingStyle


def parse_bucket_url(url: str) -> dict[str, Any]:
    """Return the settings that a bucket URL contains, by name. An empty `endpoint_url` means AWS.

    Raises:
        ValueError: It has none of the forms above. The message contains no user or password.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme.lower() in ("s3", "s3a"):
        # `?` and `#` are valid in keys, so there is no query and no fragment.
        bucket, _, prefix = rest.partition("/")
        if not bucket or "@" in bucket:
            raise ValueError("url must be like s3://BUCKET/PREFIX, without user and password")
        return {"bucket_name": bucket} | ({"prefix": prefix} if prefix else {})
    if scheme.lower() != "https":
        raise ValueError("url must begin with s3://, s3a:// or https://")
    parts = urlsplit(url)
    if parts.username is not None or parts.query or parts.fragment or ":" in parts.netloc:
        raise ValueError("url is an address only: without user, port, query and fragment")
    host = (parts.hostname or "").lower()
    for pattern, service in (*_SERVICES, (_R2, "https://{account}.r2.cloudflarestorage.com")):
        found = pattern.fullmatch(host)
        if found:
            return _parse_match(found, unquote(parts.path).lstrip("/"), service)
    raise ValueError(f"url: {host!r} is not a known service; give endpoint_url and bucket_name instead of it")


# Endpoint URL of the service, with the groups of the pattern; empty for AWS, where the region determines it.
_SERVICES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"(?:(?P<bucket>[a-z0-9_.-]+)\.)?{pattern}"), service)
    for pattern, service in (
        (r"s3express-[a-z0-9-]+\.(?P<region>[a-z0-9-]+)\.amazonaws\.com", ""),
        (r"s3(?P<accelerate>-accelerate)(?P<dualstack>\.dualstack)?\.amazonaws\.com", ""),
        (
            r"s3(?P<fips>-fips)?(?P<dualstack>\.dualstack)?"
            r"(?:[.-](?P<region>[a-z]{2,}-[a-z0-9-]+))?\.amazonaws\.com(?:\.cn)?",
            "",
        ),
        (r"s3\.(?P<region>[a-z0-9-]+)\.backblazeb2\.com", "https://s3.{region}.backblazeb2.com"),
        (r"(?P<region>[a-z0-9-]+)\.linodeobjects\.com", "https://{region}.linodeobjects.com"),
        (r"(?P<region>(?!cdn\.)[a-z0-9-]+)\.digitaloceanspaces\.com", "https://{region}.digitaloceanspaces.com"),
    )
)

_R2 = re.compile(r"(?P<account>[a-z0-9]+(?:\.(?:eu|fedramp))?)\.r2\.cloudflarestorage\.com")


def _parse_match(found: re.Match[str], path: str, service: str) -> dict[str, Any]:
    groups = {name: value or "" for name, value in found.groupdict().items()}
    bucket, prefix = groups.get("bucket", ""), path
    if not bucket:
        bucket, _, prefix = path.partition("/")
        if not bucket:
            raise ValueError("url names no bucket")
    settings: dict[str, Any] = {"bucket_name": bucket, "prefix": prefix, "endpoint_url": service.format(**groups)}
    settings["region"] = "auto" if "account" in groups else groups.get("region")
    if service:
        # Wildcard certificates cover one level only, so a bucket name with a dot needs path style.
        is_virtual = bool(groups.get("bucket")) and "." not in bucket
        settings["addressing_style"] = AddressingStyle.VIRTUAL if is_virtual else AddressingStyle.PATH
    settings |= {f"use_{name}_endpoint": True for name in ("accelerate", "dualstack", "fips") if groups.get(name)}
    return {name: value for name, value in settings.items() if value or name == "endpoint_url"}
