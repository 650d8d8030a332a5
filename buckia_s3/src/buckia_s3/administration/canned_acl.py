"""Canned ACLs and the grants that they stand for."""

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

CANNED_ACLS = tuple(_CANNED)
"""Names of the canned ACLs for buckets."""


def expand_canned_acl(name: str, present: dict[str, Any]) -> dict[str, Any]:
    """Return the ACL document of a canned ACL, with the owner of the `present` document.

    Raises:
        ValueError: There is no canned ACL of that name.
    """
    if name not in _CANNED:
        raise ValueError(f"there is no canned access control list {name!r}: there are {', '.join(CANNED_ACLS)}")
    owner = present["Owner"]
    grants = [{"Grantee": {**owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]
    for group, permission in _CANNED[name]:
        grants.append({"Grantee": {"URI": f"{_GROUPS}{group}", "Type": "Group"}, "Permission": permission})
    return {"Owner": owner, "Grants": grants}
