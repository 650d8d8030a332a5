"""The types of Linode's endpoints, and the limits that each has.

                                     E0       E1       E2       E3
    ---------------------------------------------------------------
    requests a second and bucket     750      750     2000     2000
    bytes in a bucket               1 TB     1 PB     1 PB     5 PB
    objects of account + endpoint   50 M    100 M    100 M    500 M
    CORS and ACL by the API          yes      yes       no       no

Source: Linode's product limits. Rates are those that an account begins with; Linode raises them when asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from buckia_core.errors import NotSupported

_TB = 10**12
_PB = 10**15


class EndpointType(StrEnum):
    """What kind of service an endpoint gives."""

    E0 = "E0"
    E1 = "E1"
    E2 = "E2"
    E3 = "E3"


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """What one type allows.

    Attributes:
        requests_per_second: Requests to one bucket.
        bucket_bytes: All objects of a bucket together.
        objects: Objects of one account at one endpoint.
        api_access: CORS rules exist, and the API switches CORS and the ACL of single objects.
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
"""Requests a second that every type allows."""


def require_full_api(type: EndpointType | None, what: str, *, provider: str) -> None:
    """Make sure that an endpoint has what only some types have; of an unknown type the server itself decides.

    Raises:
        NotSupported: It has not.
    """
    if type is not None and not LIMITS[type].api_access:
        have = " and ".join(each for each, limits in LIMITS.items() if limits.api_access)
        raise NotSupported(f"{what}: an endpoint of type {type} does not have this, only {have} do", provider=provider)
