"""Linode's endpoint types and their limits.

                                     E0       E1       E2       E3
    ---------------------------------------------------------------
    requests a second per bucket     750      750     2000     2000
    bytes in a bucket               1 TB     1 PB     1 PB     5 PB
    objects per account, endpoint   50 M    100 M    100 M    500 M
    CORS and ACL through the API     yes      yes       no       no

Source: Linode's product limits. Rates are the initial ones of an account; Linode raises them on request.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from buckia_core.errors import NotSupported

PROVIDER = "linode"
"""Provider id in settings and errors."""

_TB = 10**12
_PB = 10**15


class EndpointType(StrEnum):
    """Endpoint type."""

    E0 = "E0"
    E1 = "E1"
    E2 = "E2"
    E3 = "E3"


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """Limits of one endpoint type.

    Attributes:
        requests_per_second: Requests per bucket.
        bucket_bytes: Total size of a bucket.
        objects: Objects of one account at one endpoint.
        api_access: The endpoint supports CORS, and the API can change CORS and the ACL of single objects.
    """

    requests_per_second: int
    bucket_bytes: int
    objects: int
    api_access: bool


LIMITS = {
    EndpointType.E0: EndpointLimits(750, 1 * _TB, 50_000_000, api_access=True),
    EndpointType.E1: EndpointLimits(750, 1 * _PB, 100_000_000, api_access=True),
    EndpointType.E2: EndpointLimits(2000, 1 * _PB, 100_000_000, api_access=False),
    EndpointType.E3: EndpointLimits(2000, 5 * _PB, 500_000_000, api_access=False),
}

LOWEST_RATE = min(limits.requests_per_second for limits in LIMITS.values())
"""Requests per second that every type allows."""


def require_full_api(type: EndpointType | None, feature: str) -> None:
    """Check that an endpoint supports a feature of types E0 and E1. An unknown type passes: the server decides.

    Raises:
        NotSupported: The endpoint does not support it.
    """
    if type is not None and not LIMITS[type].api_access:
        have = " and ".join(each for each, limits in LIMITS.items() if limits.api_access)
        raise NotSupported(
            f"{feature}: an endpoint of type {type} does not have this, only {have} do", provider=PROVIDER
        )
