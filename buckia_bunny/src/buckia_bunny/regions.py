"""Regions: the main regions of storage zones, and their hosts."""

from __future__ import annotations

from collections.abc import Mapping

DOMAIN = "storage.bunnycdn.com"
"""Domain of all storage hosts, and the host of Falkenstein."""

REGIONS: Mapping[str, str] = {
    "de": "Falkenstein",
    "uk": "London",
    "ny": "New York",
    "la": "Los Angeles",
    "sg": "Singapore",
    "se": "Stockholm",
    "br": "Sao Paulo",
    "jh": "Johannesburg",
    "syd": "Sydney",
}

_OTHER_NAMES = {"eu-central": "de", "fsn": "de", "lon": "uk", "ldn": "uk", "sto": "se"}


def parse_region(value: object) -> str:
    """Parse the code of a region.

    Raises:
        ValueError: There is no such region.
    """
    name = str(value).strip().lower()
    code = _OTHER_NAMES.get(name, name)
    if code not in REGIONS:
        raise ValueError(f"a region of bunny.net: {', '.join(REGIONS)}")
    return code


def storage_host(region: str, domain: str) -> str:
    """Return the storage host of a region."""
    return domain if region == "de" else f"{region}.{domain}"


def s3_host(region: str) -> str:
    """Return the S3 host of a region."""
    return f"{region}-s3.storage.bunnycdn.com"
