"""Subresources of a bucket: S3's operations for each, and how changes to it work.

    subresource           set                           delete
    -------------------------------------------------------------------------------------------
    lifecycle, cors       merged by rule `ID`           all rules, or some by `ID`
    tags                  merged by `Key`               all tags, or some by `Key`
    acl                   replaced                      reset to `private`
    object-lock           replaced                      no default retention
    accelerate            replaced                      suspended
    request-payment       replaced                      the owner pays
    versioning            replaced                      not possible
    all others            replaced                      deleted

Where S3 has no delete operation, deletion sets a document with the default configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from buckia_s3.administration.normalize import (
    drop_display_names,
    drop_false,
    move_prefix_into_filter,
    unify_rule_style,
    verbatim,
)

Document: TypeAlias = dict[str, Any]
"""Configuration in JSON types, with S3's own names."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Rule for merging a new document into the present one.

    Attributes:
        entries: Name of the list that is merged.
        key: Field that identifies an entry.
        unify: Converts a merged document to one form of entries, where S3 refuses a mixture.
    """

    entries: str
    key: str
    unify: Callable[[Document], Document] = verbatim


@dataclass(frozen=True, slots=True, kw_only=True)
class Subresource:
    """One subresource of a bucket.

    Attributes:
        name: Name in commands and the API.
        title: Name in error messages.
        get: S3's operation that reads it.
        put: S3's operation that sets it.
        delete: S3's operation that deletes it; empty if there is none.
        not_set_codes: Error codes of a subresource that is not set.
        reset: Builds the document that is set instead of a deletion, if there is no delete operation.
        inherits: Fields that a new document takes from the present one if it lacks them.
        merge: How a new document is merged into the present one; `None` replaces it.
        ordered: Whether the order of entries has a meaning.
        normalize: Converts equivalent documents to one form.
    """

    name: str
    title: str
    get: str
    put: str
    delete: str = ""
    not_set_codes: tuple[str, ...] = ()
    reset: Callable[[Document], Document] | None = None
    inherits: tuple[str, ...] = ()
    merge: Merge | None = None
    ordered: bool = False
    normalize: Callable[[Document], Document] = drop_false

    @property
    def removable(self) -> bool:
        """Whether it can be deleted or reset."""
        return bool(self.delete) or self.reset is not None


def _private_acl(present: Document) -> Document:
    return expand_canned_acl("private", present)


def _no_default_retention(_: Document) -> Document:
    return {"ObjectLockEnabled": "Enabled"}


def _suspended(_: Document) -> Document:
    return {"Status": "Suspended"}


def _owner_pays(_: Document) -> Document:
    return {"Payer": "BucketOwner"}


def _subresource(name: str, title: str, s3_name: str, not_set: str = "", **rest: Any) -> Subresource:
    """Return a subresource; `s3_name` follows `Get`, `Put` and, unless `rest` says otherwise, `Delete`."""
    rest = {"delete": "" if "reset" in rest else f"Delete{s3_name}"} | rest
    codes = tuple(not_set.split())
    return Subresource(name=name, title=title, get=f"Get{s3_name}", put=f"Put{s3_name}", not_set_codes=codes, **rest)


_ALL = (
    _subresource("policy", "the bucket policy", "BucketPolicy", "NoSuchBucketPolicy NoSuchPolicy", normalize=verbatim),
    _subresource(
        "acl",
        "the access control list",
        "BucketAcl",
        reset=_private_acl,
        inherits=("Owner",),
        normalize=drop_display_names,
    ),
    _subresource(
        "lifecycle",
        "the lifecycle rules",
        "BucketLifecycleConfiguration",
        "NoSuchLifecycleConfiguration",
        delete="DeleteBucketLifecycle",
        inherits=("TransitionDefaultMinimumObjectSize",),
        merge=Merge(entries="Rules", key="ID", unify=unify_rule_style),
        normalize=move_prefix_into_filter,
    ),
    _subresource(
        "cors",
        "the CORS rules",
        "BucketCors",
        "NoSuchCORSConfiguration NoSuchCORSConfigurationError",
        merge=Merge(entries="CORSRules", key="ID"),
        ordered=True,
    ),
    _subresource("versioning", "versioning", "BucketVersioning", delete="", inherits=("MFADelete",)),
    _subresource(
        "encryption",
        "the default encryption",
        "BucketEncryption",
        "ServerSideEncryptionConfigurationNotFoundError NoSuchServerSideEncryptionConfiguration",
    ),
    _subresource(
        "public-access-block",
        "the public access block",
        "PublicAccessBlock",
        "NoSuchPublicAccessBlockConfiguration",
    ),
    _subresource(
        "object-lock",
        "the object lock configuration",
        "ObjectLockConfiguration",
        "ObjectLockConfigurationNotFoundError NoSuchObjectLockConfiguration",
        reset=_no_default_retention,
        inherits=("ObjectLockEnabled",),
    ),
    _subresource(
        "tags",
        "the bucket tags",
        "BucketTagging",
        "NoSuchTagSet NoSuchTagSetError",
        merge=Merge(entries="TagSet", key="Key"),
    ),
    _subresource("website", "the website configuration", "BucketWebsite", "NoSuchWebsiteConfiguration", ordered=True),
    _subresource("accelerate", "transfer acceleration", "BucketAccelerateConfiguration", reset=_suspended),
    _subresource("request-payment", "request payment", "BucketRequestPayment", reset=_owner_pays),
    _subresource(
        "ownership-controls",
        "the ownership controls",
        "BucketOwnershipControls",
        "OwnershipControlsNotFoundError NoSuchOwnershipControls",
    ),
)

SUBRESOURCES = {each.name: each for each in _ALL}
"""All subresources by name, in display order."""


def find_subresource(name: str) -> Subresource:
    """Return the subresource of a name.

    Raises:
        ValueError: There is none of that name.
    """
    try:
        return SUBRESOURCES[name]
    except KeyError:
        raise ValueError(f"there is no subresource {name!r}: the subresources are {', '.join(SUBRESOURCES)}") from None


def expand_canned_acl(name: str, present: Document) -> Document:
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
