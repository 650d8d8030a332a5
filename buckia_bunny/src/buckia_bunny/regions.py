"""Where storage zones are: the regions that one can have as its main one, and the host of each."""

from __future__ import annotations

from collections.abc import Mapping

DOMAIN = "storage.bunnycdn.com"
"""The domain of all storage hosts; the host of Falkenstein has no more to its name."""

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
    """Return a region's code in lower case.

    Raises:
        ValueError: It is none that is known.
    """
    name = str(value).strip().lower()
    code = _OTHER_NAMES.get(name, name)
    if code not in REGIONS:
        raise ValueError(f"a region of bunny.net: {', '.join(REGIONS)}")
    return code


def storage_host(region: str, domain: str) -> str:
    """Return the host that serves the zones of a region."""
    return domain if region == "de" else f"{region}.{domain}"


def s3_host(region: str) -> str:
    """Return the host that serves the S3 zones of a region."""
    return f"{region}-s3.storage.bunnycdn.com"
