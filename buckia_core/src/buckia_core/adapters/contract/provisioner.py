"""Provisioners: what a vendor's account can do about buckets and their credentials.

Every vendor has a `BucketProvisioner`. A class that also has the methods of an optional protocol offers it:

    IssuesKeys        separate keys, several of which are valid at once
    ResetsPassword    one password for each bucket
    PublishesBuckets  public reads, and possibly a host name of the user
    MakesDirectories  buckets that are directories of this machine

A vendor without credentials, such as a directory, has none of the first two.

All methods block, are called from one thread, and raise an `AdapterError` if they fail. They may be called again after
a process was killed at any point, so removals of what is not there succeed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from buckia_core.config.secrets.secret import Secret


class Access(StrEnum):
    """What a key may do in its bucket."""

    READ_WRITE = "read-write"
    READ_ONLY = "read-only"


@dataclass(frozen=True, slots=True)
class BucketRecord:
    """A bucket of the account.

    Attributes:
        name: Its name at the vendor.
        id: The vendor's id of it, which may be the name.
        settings: Settings of the entry in `.buckia` that leads to it, such as `bucket_name` and `region`. No secrets.
    """

    name: str
    id: str
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BucketOptions:
    """How to create a bucket.

    Attributes:
        region: Region; `None` for the vendor's default.
        settings: Settings of the entry in `.buckia` that the user gave.
    """

    region: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key of the account.

    Attributes:
        id: The vendor's id, which `delete_key` takes.
        label: The label that it was created with; the vendor may store another form of it.
        public_id: The part that a user of the key sends in the clear, as an access key's id.
    """

    id: str
    label: str
    public_id: str


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key that was just created, with its secret, which the vendor may not show again.

    Attributes:
        key: The key.
        public: Settings of the entry in `.buckia` that are no secrets, such as `access_key_id`.
        secret: Settings that are.
    """

    key: KeyRecord
    public: Mapping[str, str]
    secret: Mapping[str, Secret]


@dataclass(frozen=True, slots=True)
class KeyScope:
    """What a new key may do.

    Attributes:
        access: Reads and writes, or reads only.
        prefix: The keys of objects that it reaches begin so; empty for all. Needs `prefix_keys`.
    """

    access: Access = Access.READ_WRITE
    prefix: str = ""


@runtime_checkable
class BucketProvisioner(Protocol):
    """Buckets of an account. Closed by its caller."""

    prefix_keys: bool
    """Whether a key can be limited to a prefix."""

    propagation_seconds: float
    """How long the vendor may refuse new credentials; 0 if they are valid at once."""

    def find_bucket(self, name: str) -> BucketRecord | None:
        """Return a bucket of this account; `None` if it has none of the name."""

    def create_bucket(self, name: str, options: BucketOptions) -> BucketRecord:
        """Create a private bucket.

        Raises:
            AlreadyExists: The name is taken, possibly in another account.
            AdapterError: The request failed. It is then unknown whether the bucket exists.
        """

    def is_empty(self, bucket: BucketRecord) -> bool:
        """Tell whether a bucket has no object, no old version of one, and no unfinished upload."""

    def empty_bucket(self, bucket: BucketRecord) -> None:
        """Delete all objects, old versions and unfinished uploads."""

    def delete_bucket(self, bucket: BucketRecord) -> None:
        """Delete an empty bucket; a missing one is no error.

        Raises:
            PreconditionFailed: It is not empty.
        """

    def close(self) -> None:
        """Close connections."""


@runtime_checkable
class MakesDirectories(Protocol):
    """A vendor whose buckets are directories of this machine, which a sync must not copy into themselves."""

    def directory(self, name: str) -> Path:
        """Return the directory that a new bucket will be. Creates nothing.

        Raises:
            InvalidSetting: It can't be created there.
        """


@runtime_checkable
class IssuesKeys(Protocol):
    """A vendor with keys that are limited to a bucket, several of which are valid at once."""

    key_setting: str
    """Setting of the entry in `.buckia` with a key's `public_id`, such as `access_key_id`."""

    def list_keys(self, bucket: BucketRecord, label: str) -> Sequence[KeyRecord]:
        """Return the keys whose label begins so, in any order."""

    def create_key(self, bucket: BucketRecord, label: str, scope: KeyScope) -> IssuedKey:
        """Create a key for one bucket. Not retried: if the response is lost, so is the secret of a key that exists.

        `label` consists of `buckia`, the name of the bucket and eight hexadecimal digits, with slashes between. A
        vendor that allows fewer characters or a shorter text translates it so that labels stay distinct.
        """

    def delete_key(self, bucket: BucketRecord, key: KeyRecord) -> None:
        """Revoke a key; a missing one is no error."""


@runtime_checkable
class ResetsPassword(Protocol):
    """A vendor with one password for each bucket, which ends the previous one when it changes."""

    def password(self, bucket: BucketRecord, scope: KeyScope) -> IssuedKey:
        """Return the present password."""

    def reset_password(self, bucket: BucketRecord, scope: KeyScope) -> None:
        """Replace the password. Programs with the previous one stop working."""


@runtime_checkable
class PublishesBuckets(Protocol):
    """A vendor that can serve a bucket to everybody."""

    custom_domains: bool
    """Whether the user's own host name can be set."""

    def publish(self, bucket: BucketRecord, domain: str | None) -> str:
        """Let everybody read objects, but list none; return the start of their URLs. Repeating it changes nothing.

        Raises:
            NotSupported: A `domain` is given, and the vendor has no host names of users.
        """

    def public_access(self, bucket: BucketRecord) -> Sequence[str]:
        """Return what makes the bucket public now, each by a name of the vendor's; nothing if it is private."""

    def unpublish(self, bucket: BucketRecord, keep: Collection[str] = ()) -> None:
        """End public reads, and remove what `publish` made; nothing to remove is no error.

        `keep` has names that `public_access` returned before `publish`: what they stand for stays as it is.
        """


def dashed_label(label: str, max_length: int = 100) -> str:
    """Return a label in letters, digits, dots and dashes, for vendors that allow no slashes.

    A long name of the bucket is cut off; the random part at the end stays.
    """
    start, _, suffix = label.rpartition("/")
    return f"{start.replace('/', '-')[: max_length - len(suffix) - 1]}-{suffix}"


def label_of(dashed: str, bucket: str, max_length: int = 100) -> str | None:
    """Return the label of a bucket that `dashed_label` made this of; `None` for another text."""
    label = f"buckia/{bucket}/{dashed[-8:]}"
    is_own = set(dashed[-8:]) <= set("0123456789abcdef") and dashed_label(label, max_length) == dashed
    return label if is_own else None
