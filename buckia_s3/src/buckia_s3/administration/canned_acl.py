"""Canned access control lists, written out as the grants that they stand for."""

from __future__ import annotations

from typing import Any

_GROUPS = "http://acs.amazonaws.com/groups/"

_CANNED: dict[str, tuple[tuple[str, str], ...]] = {
    "private": (),
    "public-read": (("global/AllUsers", "READ"),),
    "public-read-write": (("global/AllUsers", "READ"), ("global/AllUsers", "WRITE")),
    "authenticated-read": (("global/AuthenticatedUsers", "READ"),),
    "log-delivery-write": (("s3/LogDelivery", "WRITE"), ("s3/LogDelivery", "READ_ACP")),
}

CANNED = tuple(_CANNED)
"""The names of the lists that a bucket can have."""


def canned(name: str, present: dict[str, Any]) -> dict[str, Any]:
    """Return the list that a name stands for, for the owner that the present list names.

    Raises:
        ValueError: There is no list of that name.
    """
    if name not in _CANNED:
        raise ValueError(f"there is no canned access control list {name!r}: there are {', '.join(CANNED)}")
    owner = present["Owner"]
    grants = [{"Grantee": {**owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]
    for group, permission in _CANNED[name]:
        grants.append({"Grantee": {"URI": f"{_GROUPS}{group}", "Type": "Group"}, "Permission": permission})
    return {"Owner": owner, "Grants": grants}
