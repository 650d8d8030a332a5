"""What B2's own API does beside objects: a bucket's configuration, application keys, unfinished large files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

from buckia_b2.bucket import Bucket
from buckia_b2.repeating import repeated
from buckia_b2.rules import Change, Kind, Rules, merged, without
from buckia_core.config.secrets import Secret
from buckia_core.errors import AdapterError

LONGEST_KEY = 86_400_000
"""Seconds for which a key can be good at most: a thousand days."""

_PAGE = 100
_KEYS_PAGE = 1000
_MILLISECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """What B2 tells of a bucket. What the key may not see is `None`.

    Attributes:
        id, name: Of the bucket.
        access: `allPrivate` or `allPublic`.
        info: What it was given.
        encryption: The default one: `none` or `SSE-B2`.
        lock: Whether files can be locked.
        retention: The default one in words, such as `governance for 7 days`; `none` if there is none.
        lifecycle, cors: Its rules.
    """

    id: str
    name: str
    access: str
    info: dict[str, str]
    encryption: str | None
    lock: bool | None
    retention: str | None
    lifecycle: Rules
    cors: Rules


@dataclass(frozen=True, slots=True)
class ApplicationKey:
    """An application key.

    Attributes:
        id, name: Of the key.
        capabilities: What it may do.
        buckets: Ids of the only buckets that it may touch; none if all.
        name_prefix: What names begin with that it may touch; `None` if all.
        expires_ns: When it ends, in nanoseconds since 1970; `None` if never.
        secret: The key itself; only of one that was just made.
    """

    id: str
    name: str
    capabilities: tuple[str, ...]
    buckets: tuple[str, ...]
    name_prefix: str | None
    expires_ns: int | None
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A large file that was begun and is not finished.

    Attributes:
        key: Its key.
        file_id: Its id.
        begun_ns: When it was begun, in nanoseconds since 1970.
    """

    key: str
    file_id: str
    begun_ns: int


@runtime_checkable
class HasNative(Protocol):
    """An adapter of a bucket of B2, whichever API reaches its objects."""

    @property
    def native(self) -> Native:
        """What B2's own API does beside objects."""


class Native:
    """What B2's own API does with one bucket and with keys of its account."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._account = bucket.account

    @property
    def capabilities(self) -> frozenset[str]:
        """What the application key may do. Raises AdapterError where it could not be asked."""
        return self._account.authorization().capabilities

    @property
    def prefix(self) -> str:
        """The part of the bucket that counts as its root."""
        return self._bucket.prefix

    def facts(self) -> BucketFacts:
        """Return what B2 tells of the bucket.

        Raises:
            AdapterError: It could not be asked for.
        """
        told = repeated(self._bucket.told)
        encryption = told["defaultServerSideEncryption"].get("value")
        lock = told["fileLockConfiguration"].get("value")
        return BucketFacts(
            id=told["bucketId"],
            name=told["bucketName"],
            access=told["bucketType"],
            info=dict(told["bucketInfo"]),
            encryption=(encryption.get("mode") or "none") if encryption else None,
            lock=bool(lock["isFileLockEnabled"]) if lock else None,
            retention=_in_words(lock["defaultRetention"]) if lock else None,
            lifecycle=told["lifecycleRules"],
            cors=told["corsRules"],
        )

    def rules(self, kind: Kind) -> Rules:
        """Return the rules of a kind. Errors are those of `facts`."""
        found: Rules = repeated(self._bucket.told)[kind.field]
        return found

    def plan(self, kind: Kind, new: Rules, *, replace: bool = False) -> Change:
        """Return the change that sets rules; those of other names stay, unless they are to be replaced.

        Raises:
            ConfigError: That would be too many.
            AdapterError: As `facts`.
        """
        told = repeated(self._bucket.told)
        before: Rules = told[kind.field]
        return Change(kind, before, merged(kind, [] if replace else before, new), told["revision"])

    def plan_removal(self, kind: Kind, names: Sequence[str] = ()) -> Change:
        """Return the change that removes the named rules; without names, all.

        Raises:
            ConfigError: One of them is not there.
            AdapterError: As `facts`.
        """
        told = repeated(self._bucket.told)
        before: Rules = told[kind.field]
        return Change(kind, before, without(kind, before, names), told["revision"])

    def apply(self, change: Change) -> Rules:
        """Make a change, and return the rules as they are then.

        Raises:
            PreconditionFailed: The bucket was changed since the change was planned.
            AdapterError: It failed.
        """
        rules = [dict(rule) for rule in change.after]
        given: dict[str, Any] = {
            "lifecycle_rules" if change.kind is Kind.LIFECYCLE else "cors_rules": rules,
            "if_revision_is": change.revision,
        }
        account_id = self._account.authorization().account_id
        told = self._account.call("update_bucket", account_id, self._bucket.id, doing="changing the bucket", **given)
        found: Rules = told[change.kind.field]
        return found

    def application_keys(self) -> Iterator[ApplicationKey]:
        """Yield the application keys of the account. Raises AdapterError where they can't be had."""
        account_id, start = self._account.authorization().account_id, None
        while True:
            answer = repeated(
                partial(self._account.call, "list_keys", account_id, _KEYS_PAGE, start, doing="listing keys")
            )
            for told in answer["keys"]:
                yield _key_of(told)
            start = answer["nextApplicationKeyId"]
            if start is None:
                return

    def create_key(
        self,
        name: str,
        capabilities: Sequence[str],
        *,
        name_prefix: str | None = None,
        seconds: int | None = None,
        all_buckets: bool = False,
    ) -> ApplicationKey:
        """Make an application key, for this bucket alone unless it is for all. Sent once, whatever comes of it.

        Raises:
            AdapterError: It failed.
        """
        account_id = self._account.authorization().account_id
        buckets = None if all_buckets else [self._bucket.id]
        told = self._account.call(
            "create_key", account_id, list(capabilities), name, seconds, buckets, name_prefix, doing="making a key"
        )
        return _key_of(told)

    def delete_key(self, key_id: str) -> None:
        """Revoke a key. Raises AdapterError where that fails."""
        repeated(partial(self._account.call, "delete_key", key_id, doing="revoking a key"))

    def unfinished(self, prefix: str = "") -> Iterator[Unfinished]:
        """Yield the large files that are not finished, of keys that begin with `prefix`.

        Raises:
            AdapterError: They can't be had.
        """
        root, start = self._bucket.prefix, None
        while True:
            answer = repeated(partial(
                self._account.call, "list_unfinished_large_files", self._bucket.id, start, _PAGE, root + prefix,
                doing="listing unfinished large files",
            ))  # fmt: skip
            for told in answer["files"]:
                begun_ns = int(told["uploadTimestamp"]) * _MILLISECOND
                yield Unfinished(told["fileName"][len(root) :], told["fileId"], begun_ns)
            start = answer["nextFileId"]
            if start is None:
                return

    def abort(self, file: Unfinished) -> None:
        """Throw away what is there of a large file. That there is nothing any more is no error."""
        try:
            repeated(partial(
                self._account.call, "cancel_large_file", file.file_id, doing="throwing it away", key=file.key
            ))  # fmt: skip
        except AdapterError as error:
            if error.status not in (400, 404):
                raise


def _key_of(told: dict[str, Any]) -> ApplicationKey:
    secret, expires = told.get("applicationKey"), told.get("expirationTimestamp")
    return ApplicationKey(
        id=told["applicationKeyId"],
        name=told["keyName"],
        capabilities=tuple(told["capabilities"]),
        buckets=tuple(told.get("bucketIds") or ()),
        name_prefix=told.get("namePrefix") or None,
        expires_ns=int(expires) * _MILLISECOND if expires else None,
        secret=Secret(secret) if secret else None,
    )


def _in_words(retention: dict[str, Any]) -> str:
    period = retention.get("period")
    if not retention.get("mode") or not period:
        return "none"
    return f"{retention['mode']} for {period['duration']} {period['unit']}"
