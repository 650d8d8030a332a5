"""The parts of a bucket's configuration, as a table: which operations of S3 each has, and what it means to change it.

    topic                 set                           delete
    -------------------------------------------------------------------------------------------
    lifecycle, cors       merged by rule `ID`           all rules, or some by `ID`
    tags                  merged by `Key`               all tags, or some by `Key`
    acl                   replaced                      `private`: the owner alone
    object-lock           replaced                      no default retention
    accelerate            replaced                      suspended
    request-payment       replaced                      the owner pays
    versioning            replaced                      can't be
    all others            replaced                      gone

Where S3 has no operation that deletes, a document is written that means the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from buckia_s3.administration.canned_acl import canned
from buckia_s3.administration.normalize import drop_false, grants_by_id, rules_by_filter, unify_rule_style, verbatim

Document: TypeAlias = dict[str, Any]
"""A configuration as JSON has it, with S3's own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """How a new document joins the one that is there.

    Attributes:
        entries: Name of the list that is merged.
        by: The field that tells its entries apart.
        together: Brings a merged document into a form in which its entries can stand together.
    """

    entries: str
    by: str
    together: Callable[[Document], Document] = verbatim


@dataclass(frozen=True, slots=True, kw_only=True)
class Subresource:
    """One part of a bucket's configuration.

    Attributes:
        name: What the command and the API call it.
        title: What errors call it.
        get: S3's operation that reads it.
        put: S3's operation that writes it.
        delete: S3's operation that removes it; empty if there is none.
        unset: Codes of the errors that mean that there is none.
        cleared: The document that is written to remove it where there is no operation that does.
        inherits: Fields that a new document takes from the present one if it lacks them.
        merge: How a new document joins the present one; `None` replaces it.
        ordered: The order of the entries means something.
        meaning: Brings documents that mean the same into one form.
    """

    name: str
    title: str
    get: str
    put: str
    delete: str = ""
    unset: tuple[str, ...] = ()
    cleared: Callable[[Document], Document] | None = None
    inherits: tuple[str, ...] = ()
    merge: Merge | None = None
    ordered: bool = False
    meaning: Callable[[Document], Document] = drop_false

    @property
    def removable(self) -> bool:
        """Whether it can be removed at all."""
        return bool(self.delete) or self.cleared is not None


def _owner_alone(present: Document) -> Document:
    return canned("private", present)


def _no_default_retention(_: Document) -> Document:
    return {"ObjectLockEnabled": "Enabled"}


def _suspended(_: Document) -> Document:
    return {"Status": "Suspended"}


def _owner_pays(_: Document) -> Document:
    return {"Payer": "BucketOwner"}


def _topic(name: str, title: str, subject: str, **rest: Any) -> Subresource:
    return Subresource(name=name, title=title, get=f"Get{subject}", put=f"Put{subject}", **rest)


_ALL = (
    _topic(
        "policy",
        "the bucket policy",
        "BucketPolicy",
        delete="DeleteBucketPolicy",
        unset=("NoSuchBucketPolicy", "NoSuchPolicy"),
        meaning=verbatim,
    ),
    _topic(
        "acl",
        "the access control list",
        "BucketAcl",
        cleared=_owner_alone,
        inherits=("Owner",),
        meaning=grants_by_id,
    ),
    _topic(
        "lifecycle",
        "the lifecycle rules",
        "BucketLifecycleConfiguration",
        delete="DeleteBucketLifecycle",
        unset=("NoSuchLifecycleConfiguration",),
        inherits=("TransitionDefaultMinimumObjectSize",),
        merge=Merge(entries="Rules", by="ID", together=unify_rule_style),
        meaning=rules_by_filter,
    ),
    _topic(
        "cors",
        "the CORS rules",
        "BucketCors",
        delete="DeleteBucketCors",
        unset=("NoSuchCORSConfiguration", "NoSuchCORSConfigurationError"),
        merge=Merge(entries="CORSRules", by="ID"),
        ordered=True,
    ),
    _topic("versioning", "versioning", "BucketVersioning", inherits=("MFADelete",)),
    _topic(
        "encryption",
        "the default encryption",
        "BucketEncryption",
        delete="DeleteBucketEncryption",
        unset=("ServerSideEncryptionConfigurationNotFoundError", "NoSuchServerSideEncryptionConfiguration"),
    ),
    _topic(
        "public-access-block",
        "the public access block",
        "PublicAccessBlock",
        delete="DeletePublicAccessBlock",
        unset=("NoSuchPublicAccessBlockConfiguration",),
    ),
    _topic(
        "object-lock",
        "the object lock configuration",
        "ObjectLockConfiguration",
        unset=("ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"),
        cleared=_no_default_retention,
        inherits=("ObjectLockEnabled",),
    ),
    _topic(
        "tags",
        "the bucket tags",
        "BucketTagging",
        delete="DeleteBucketTagging",
        unset=("NoSuchTagSet", "NoSuchTagSetError"),
        merge=Merge(entries="TagSet", by="Key"),
    ),
    _topic(
        "website",
        "the website configuration",
        "BucketWebsite",
        delete="DeleteBucketWebsite",
        unset=("NoSuchWebsiteConfiguration",),
        ordered=True,
    ),
    _topic(
        "accelerate",
        "transfer acceleration",
        "BucketAccelerateConfiguration",
        cleared=_suspended,
    ),
    _topic(
        "request-payment",
        "request payment",
        "BucketRequestPayment",
        cleared=_owner_pays,
    ),
    _topic(
        "ownership-controls",
        "the ownership controls",
        "BucketOwnershipControls",
        delete="DeleteBucketOwnershipControls",
        unset=("OwnershipControlsNotFoundError", "NoSuchOwnershipControls"),
    ),
)

TOPICS = {topic.name: topic for topic in _ALL}
"""All topics by name, in the order in which they are shown."""


def topic_of(name: str) -> Subresource:
    """Return the topic of a name.

    Raises:
        ValueError: There is none.
    """
    try:
        return TOPICS[name]
    except KeyError:
        raise ValueError(f"there is no topic {name!r}: the topics are {', '.join(TOPICS)}") from None
