"""What B2's own API does beside objects: a bucket's configuration, application keys, unfinished large files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

from buckia_b2.admin.bucket_rules import BucketRules, RuleChange, RuleKind, merged, without
from buckia_b2.api.bucket import Bucket
from buckia_b2.api.retry import repeated
from buckia_b2.errors import understanding
from buckia_core.adapters.service import json_fields as fields
from buckia_core.config.secrets.references import Secret
from buckia_core.errors import AdapterError

LONGEST_KEY = 86_400_000
"""Seconds for which a key can be good at most: a thousand days."""

_PAGE = 100
_KEYS_PAGE = 1000
_MILLISECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class BucketInfo:
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
    lifecycle: BucketRules
    cors: BucketRules


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
class UnfinishedLargeFile:
    """A large file that was begun and is not finished.

    Attributes:
        key: Its key.
        file_id: Its id.
        started_ns: When it was begun, in nanoseconds since 1970.
    """

    key: str
    file_id: str
    started_ns: int


@runtime_checkable
class HasBucketAdmin(Protocol):
    """An adapter of a bucket of B2, whichever API reaches its objects."""

    @property
    def native(self) -> BucketAdmin:
        """What B2's own API does beside objects."""


class BucketAdmin:
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

    def facts(self) -> BucketInfo:
        """Return what B2 tells of the bucket.

        Raises:
            AdapterError: It could not be asked for.
        """
        told = repeated(self._bucket.told)
        with understanding("looking for the bucket"):
            encryption = fields.mapping(told, "defaultServerSideEncryption").get("value")
            lock = fields.mapping(told, "fileLockConfiguration").get("value")
            return BucketInfo(
                id=told["bucketId"],
                name=fields.string(told, "bucketName"),
                access=fields.string(told, "bucketType"),
                info={name: str(value) for name, value in fields.mapping(told, "bucketInfo").items()},
                encryption=(fields.string_or_none(encryption, "mode") or "none") if encryption else None,
                lock=fields.boolean(lock, "isFileLockEnabled") if lock else None,
                retention=_in_words(fields.mapping(lock, "defaultRetention")) if lock else None,
                lifecycle=_rules(told, RuleKind.LIFECYCLE),
                cors=_rules(told, RuleKind.CORS),
            )

    def rules(self, kind: RuleKind) -> BucketRules:
        """Return the rules of a kind. Errors are those of `facts`."""
        return self._configured(kind)[0]

    def plan(self, kind: RuleKind, new: BucketRules, *, replace: bool = False) -> RuleChange:
        """Return the change that sets rules; those of other names stay, unless they are to be replaced.

        Raises:
            ConfigError: That would be too many.
            AdapterError: As `facts`.
        """
        before, revision = self._configured(kind)
        return RuleChange(kind, before, merged(kind, [] if replace else before, new), revision)

    def plan_removal(self, kind: RuleKind, names: Sequence[str] = ()) -> RuleChange:
        """Return the change that removes the named rules; without names, all.

        Raises:
            ConfigError: One of them is not there.
            AdapterError: As `facts`.
        """
        before, revision = self._configured(kind)
        return RuleChange(kind, before, without(kind, before, names), revision)

    def _configured(self, kind: RuleKind) -> tuple[BucketRules, int]:
        """Return the rules of a kind, and the revision of the bucket that they are of."""
        told = repeated(self._bucket.told)
        with understanding("looking for the bucket"):
            return _rules(told, kind), fields.number(told, "revision")

    def apply(self, change: RuleChange) -> BucketRules:
        """Make a change, and return the rules as they are then.

        Raises:
            PreconditionFailed: The bucket was changed since the change was planned.
            AdapterError: It failed.
        """
        rules = [dict(rule) for rule in change.after]
        given: dict[str, Any] = {
            "lifecycle_rules" if change.kind is RuleKind.LIFECYCLE else "cors_rules": rules,
            "if_revision_is": change.revision,
        }
        account_id = self._account.authorization().account_id
        told = self._account.call("update_bucket", account_id, self._bucket.id, doing="changing the bucket", **given)
        with understanding("changing the bucket"):
            return _rules(told, change.kind)

    def application_keys(self) -> Iterator[ApplicationKey]:
        """Yield the application keys of the account. Raises AdapterError where they can't be had."""
        account_id, start = self._account.authorization().account_id, None
        seen: frozenset[str] = frozenset()
        while True:
            answer = repeated(
                partial(self._account.call, "list_keys", account_id, _KEYS_PAGE, start, doing="listing keys")
            )
            with understanding("listing keys"):
                found = [_key_of(each) for each in fields.entries(answer, "keys")]
                start = fields.next_page(answer, "nextApplicationKeyId")
                seen = _advanced(seen, start)
            yield from found
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
        with understanding("making a key"):
            return _key_of(told, new=True)

    def delete_key(self, key_id: str) -> None:
        """Revoke a key. Raises AdapterError where that fails."""
        repeated(partial(self._account.call, "delete_key", key_id, doing="revoking a key"))

    def unfinished(self, prefix: str = "") -> Iterator[UnfinishedLargeFile]:
        """Yield the large files that are not finished, of keys that begin with `prefix`.

        Raises:
            AdapterError: They can't be had.
        """
        root, start = self._bucket.prefix, None
        seen: frozenset[str] = frozenset()
        while True:
            answer = repeated(partial(
                self._account.call, "list_unfinished_large_files", self._bucket.id, start, _PAGE, root + prefix,
                doing="listing unfinished large files",
            ))  # fmt: skip
            with understanding("listing unfinished large files"):
                found = [_unfinished_of(each, root) for each in fields.entries(answer, "files")]
                start = fields.next_page(answer, "nextFileId")
                seen = _advanced(seen, start)
            yield from found
            if start is None:
                return

    def abort(self, file: UnfinishedLargeFile) -> None:
        """Throw away what is there of a large file. That there is nothing any more is no error."""
        try:
            repeated(partial(
                self._account.call, "cancel_large_file", file.file_id, doing="throwing it away", key=file.key
            ))  # fmt: skip
        except AdapterError as error:
            if error.status not in (400, 404):
                raise


def _key_of(told: fields.JsonObject, *, new: bool = False) -> ApplicationKey:
    expires = None if told.get("expirationTimestamp") is None else fields.millis(told, "expirationTimestamp")
    return ApplicationKey(
        id=fields.string(told, "applicationKeyId"),
        name=fields.string(told, "keyName"),
        capabilities=tuple(fields.strings(told, "capabilities")),
        buckets=() if told.get("bucketIds") is None else tuple(fields.strings(told, "bucketIds")),
        name_prefix=fields.string_or_none(told, "namePrefix") or None,
        expires_ns=None if expires is None else expires * _MILLISECOND,
        secret=Secret(fields.token(told, "applicationKey")) if new else None,
    )


def _unfinished_of(told: fields.JsonObject, root: str) -> UnfinishedLargeFile:
    name, started_ns = fields.string(told, "fileName"), fields.millis(told, "uploadTimestamp") * _MILLISECOND
    if not name.startswith(root):
        raise ValueError("it is not below the prefix")
    return UnfinishedLargeFile(name[len(root) :], fields.string(told, "fileId"), started_ns)


def _rules(told: fields.JsonObject, kind: RuleKind) -> BucketRules:
    rules = fields.entries(told, kind.field)
    for rule in rules:
        _ = fields.string(rule, kind.by)
    return rules


def _advanced(seen: frozenset[str], start: str | None) -> frozenset[str]:
    """Return where pages begin, with one more. Raises ValueError where a page comes again."""
    if start in seen:
        raise ValueError("a page of the list comes again")
    return seen if start is None else seen | {start}


def _in_words(retention: fields.JsonObject) -> str:
    period = retention.get("period")
    if not retention.get("mode") or not period:
        return "none"
    return f"{fields.string(retention, 'mode')} for {fields.number(period, 'duration')} {fields.string(period, 'unit')}"
