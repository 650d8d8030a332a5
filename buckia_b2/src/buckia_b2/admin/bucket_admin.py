"""Bucket administration: configuration, application keys and unfinished large files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

from buckia_b2.admin.bucket_rules import BucketRules, RuleChange, RuleKind, merge_rules, remove_rules
from buckia_b2.api.bucket import Bucket
from buckia_b2.api.transport import retry_request
from buckia_b2.errors import parsing_response
from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.transfers.upload_session import UnfinishedUpload
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError

READ = ("listBuckets", "listFiles", "readFiles", "readBuckets")
WRITE = (*READ, "writeFiles", "deleteFiles", "shareFiles")
"""Capabilities that a sync and signed URLs need."""

_PAGE = 100
_KEYS_PAGE = 1000
_MILLISECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class BucketInfo:
    """Configuration of a bucket. Fields that the key may not read are `None`.

    Attributes:
        id, name: Id and name of the bucket.
        access: `allPrivate` or `allPublic`.
        info: Bucket info set by the user.
        encryption: Default encryption: `none` or `SSE-B2`.
        lock: Whether object lock is enabled.
        retention: Default retention, such as `governance for 7 days`, or `none`.
        lifecycle, cors: Rules of the bucket.
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
        id, name: Id and name of the key.
        capabilities: Capabilities of the key.
        buckets: Ids of the buckets that it is restricted to; empty if it is not.
        name_prefix: Prefix that it is restricted to; `None` if it is not.
        expires_ns: Expiry in nanoseconds since 1970; `None` for no expiry.
        secret: The key itself; only set when it was just created.
    """

    id: str
    name: str
    capabilities: tuple[str, ...]
    buckets: tuple[str, ...]
    name_prefix: str | None
    expires_ns: int | None
    secret: Secret | None = None


@runtime_checkable
class HasBucketAdmin(Protocol):
    """Adapter of a B2 bucket, by either API."""

    @property
    def native(self) -> BucketAdmin:
        """Administration of the bucket, by B2's native API."""


class BucketAdmin:
    """Configures one bucket and manages the keys of its account."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._session = bucket.session

    @property
    def capabilities(self) -> frozenset[str]:
        """Capabilities of the application key. Raises AdapterError if the request fails."""
        return self._session.authorization().capabilities

    @property
    def prefix(self) -> str:
        """Configured prefix."""
        return self._bucket.prefix

    def info(self) -> BucketInfo:
        """Return the configuration of the bucket.

        Raises:
            AdapterError: The request failed.
        """
        bucket = retry_request(self._bucket.info)
        with parsing_response("reading the bucket"):
            encryption = fields.mapping(bucket, "defaultServerSideEncryption").get("value")
            lock = fields.mapping(bucket, "fileLockConfiguration").get("value")
            return BucketInfo(
                id=bucket["bucketId"],
                name=fields.string(bucket, "bucketName"),
                access=fields.string(bucket, "bucketType"),
                info={name: str(value) for name, value in fields.mapping(bucket, "bucketInfo").items()},
                encryption=(fields.string_or_none(encryption, "mode") or "none") if encryption else None,
                lock=fields.boolean(lock, "isFileLockEnabled") if lock else None,
                retention=_format_retention(fields.mapping(lock, "defaultRetention")) if lock else None,
                lifecycle=_parse_rules(bucket, RuleKind.LIFECYCLE),
                cors=_parse_rules(bucket, RuleKind.CORS),
            )

    def rules(self, kind: RuleKind) -> BucketRules:
        """Return the rules of a kind. Raises the same errors as `info`."""
        return self._rules_and_revision(kind)[0]

    def plan(self, kind: RuleKind, new: BucketRules, *, replace: bool = False) -> RuleChange:
        """Plan a change that sets rules, and keeps those of other names unless `replace` is set.

        Raises:
            ConfigError: There would be too many rules.
            AdapterError: As `info`.
        """
        before, revision = self._rules_and_revision(kind)
        return RuleChange(kind, before, merge_rules(kind, [] if replace else before, new), revision)

    def plan_removal(self, kind: RuleKind, names: Sequence[str] = ()) -> RuleChange:
        """Plan a change that removes the named rules, or all without names.

        Raises:
            ConfigError: There is no rule of such a name.
            AdapterError: As `info`.
        """
        before, revision = self._rules_and_revision(kind)
        return RuleChange(kind, before, remove_rules(kind, before, names), revision)

    def _rules_and_revision(self, kind: RuleKind) -> tuple[BucketRules, int]:
        """Return the rules of a kind and the revision of the bucket."""
        bucket = retry_request(self._bucket.info)
        with parsing_response("reading the bucket"):
            return _parse_rules(bucket, kind), fields.number(bucket, "revision")

    def apply(self, change: RuleChange) -> BucketRules:
        """Apply a change and return the resulting rules.

        Raises:
            PreconditionFailed: The bucket changed after the change was planned.
            AdapterError: The request failed.
        """
        rules = [dict(rule) for rule in change.after]
        changes: dict[str, Any] = {
            "lifecycle_rules" if change.kind is RuleKind.LIFECYCLE else "cors_rules": rules,
            "if_revision_is": change.revision,
        }
        account_id = self._session.authorization().account_id
        bucket = self._session.call(
            "update_bucket", account_id, self._bucket.id, action="changing the bucket", **changes
        )
        with parsing_response("changing the bucket"):
            return _parse_rules(bucket, change.kind)

    def application_keys(self) -> Iterator[ApplicationKey]:
        """Yield the application keys of the account. Raises AdapterError if they can't be listed."""
        account_id = retry_request(self._session.authorization).account_id
        list_keys = partial(self._session.call, "list_keys", account_id, _KEYS_PAGE)
        for page in _iter_pages(list_keys, "keys", "nextApplicationKeyId", action="listing keys"):
            with parsing_response("listing keys"):
                keys = [_parse_key(each) for each in page]
            yield from keys

    def create_key(
        self,
        name: str,
        capabilities: Sequence[str],
        *,
        name_prefix: str | None = None,
        seconds: int | None = None,
        all_buckets: bool = False,
    ) -> ApplicationKey:
        """Create an application key, restricted to this bucket unless `all_buckets` is set.

        Its creation is not retried: if the response is lost, so is the secret of a key that exists.

        Raises:
            AdapterError: The request failed.
        """
        account_id = retry_request(self._session.authorization).account_id
        buckets = None if all_buckets else [retry_request(lambda: self._bucket.id)]
        response = self._session.call(
            "create_key", account_id, list(capabilities), name, seconds, buckets, name_prefix, action="creating a key"
        )
        with parsing_response("creating a key"):
            return _parse_key(response, new=True)

    def delete_key(self, key_id: str) -> None:
        """Revoke a key. Raises AdapterError if the request fails."""
        retry_request(partial(self._session.call, "delete_key", key_id, action="revoking a key"))

    def unfinished(self, prefix: str = "") -> Iterator[UnfinishedUpload]:
        """Yield the unfinished large files whose keys begin with `prefix`. Raises AdapterError if that fails."""
        root, action, call = self._bucket.prefix, "listing unfinished large files", self._session.call

        def list_files(start: str | None, **options: Any) -> Any:
            return call("list_unfinished_large_files", self._bucket.id, start, _PAGE, root + prefix, **options)

        for page in _iter_pages(list_files, "files", "nextFileId", action=action):
            with parsing_response(action):
                files = [_parse_unfinished(each, root) for each in page]
            yield from files

    def abort(self, file: UnfinishedUpload) -> None:
        """Abort a large file. A missing one is not an error."""
        try:
            retry_request(partial(
                self._session.call, "cancel_large_file", file.upload_id, action="aborting the upload", key=file.key
            ))  # fmt: skip
        except AdapterError as error:
            if error.status not in (400, 404):
                raise


def _parse_key(key: fields.JsonObject, *, new: bool = False) -> ApplicationKey:
    expires = None if key.get("expirationTimestamp") is None else fields.millis(key, "expirationTimestamp")
    return ApplicationKey(
        id=fields.string(key, "applicationKeyId"),
        name=fields.string(key, "keyName"),
        capabilities=tuple(fields.strings(key, "capabilities")),
        buckets=() if key.get("bucketIds") is None else tuple(fields.strings(key, "bucketIds")),
        name_prefix=fields.string_or_none(key, "namePrefix") or None,
        expires_ns=None if expires is None else expires * _MILLISECOND,
        secret=Secret(fields.token(key, "applicationKey")) if new else None,
    )


def _parse_unfinished(file: fields.JsonObject, root: str) -> UnfinishedUpload:
    name, started = fields.string(file, "fileName"), fields.millis(file, "uploadTimestamp")
    if not name.startswith(root):
        raise ValueError("the key does not begin with the prefix")
    return UnfinishedUpload(name[len(root) :], fields.string(file, "fileId"), started * _MILLISECOND)


def _parse_rules(bucket: fields.JsonObject, kind: RuleKind) -> BucketRules:
    rules = fields.entries(bucket, kind.field)
    for rule in rules:
        _ = fields.string(rule, kind.name_field)
    return rules


def _iter_pages(
    fetch: Callable[..., Any], items: str, following: str, *, action: str
) -> Iterator[list[fields.JsonObject]]:
    """Yield the pages of a list; `items` and `following` are its fields. Raises AdapterError also if a page repeats."""
    start: str | None = None
    seen: set[str | None] = set()
    while True:
        response = retry_request(partial(fetch, start, action=action))
        with parsing_response(action):
            page, start = fields.entries(response, items), fields.next_page(response, following)
            if start in seen:
                raise ValueError("a page of the list repeats")
        yield page
        if start is None:
            return
        seen.add(start)


def _format_retention(retention: fields.JsonObject) -> str:
    period = retention.get("period")
    if not retention.get("mode") or not period:
        return "none"
    return f"{fields.string(retention, 'mode')} for {fields.number(period, 'duration')} {fields.string(period, 'unit')}"
