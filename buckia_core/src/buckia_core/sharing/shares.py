"""`Shares`: links to copies of objects in a share bucket."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import Self

from buckia_core.adapters.transfers.hashing import new_hash
from buckia_core.config.object_rules import parse_object_rules
from buckia_core.config.share_settings import lifetime
from buckia_core.config.values import InvalidValue
from buckia_core.errors import BuckiaError, ConfigError, InvalidSetting, NotFound
from buckia_core.objects.store import ObjectStore
from buckia_core.objects.urls import ObjectUrl
from buckia_core.planning.digest import without_tentative
from buckia_core.planning.manifest import RemoteObject
from buckia_core.sharing.config import ShareConfig, check_ttl
from buckia_core.sharing.making import Maker, Wanted
from buckia_core.sharing.names import display_name
from buckia_core.sharing.place import SharePlace, attributes_of
from buckia_core.sharing.record import ShareRecord, ShareState, is_share_id
from buckia_core.sharing.record_store import RecordStore, Stored
from buckia_core.sharing.removal import Remover
from buckia_core.sharing.share import Share, ShareFailure, SweepResult

_MAX_NAME = 200
_BEST_DIGESTS = ("sha512", "sha256", "sha1", "md5")


@dataclass(frozen=True, slots=True)
class _Clock:
    now: Callable[[], datetime]
    sleep: Callable[[float], None]


class Shares:
    """Links to copies of objects in a share bucket. Get it as `client.shares`.

        share = client.shares.add("reports/q3.pdf", ttl_days=7)
        print(share.url.url)

    Each share has a record in the private bucket, `.buckia-shares/<id>.json`, so that every machine sees the same
    shares. Thread-safe.

    Args:
        store: The private bucket.
        config: Where shares go, and who can open them.

    Every method may raise the errors of `ObjectStore`, of either bucket.
    """

    def __init__(
        self,
        store: ObjectStore,
        config: ShareConfig,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.config = config
        self._store = store
        self._clock = _Clock(now, sleep)
        self._rules_checked = False

    def add(
        self,
        key: str,
        *,
        name: str | None = None,
        ttl_days: int | None = None,
        content_type: str | None = None,
        content_disposition: str | None = None,
        cache_control: str | None = None,
    ) -> Share:
        """Share an object: copy it to the share bucket, and return the share with its URL.

        Sharing the same content of the same object under the same name and headers again renews the time at which the
        share expires, and uploads nothing. An object that has changed is a new share, with a new URL.

        Args:
            key: The object.
            name: Name of the share, the readable part of its URL; by default the name in the key.
            ttl_days: Days until it expires; 0 for never, which only public shares can. By default that of the config.
            content_type: MIME type of the copy, in place of that of the object.
            content_disposition: Header of the copy: `inline`, or `attachment; filename="q3.pdf"`.
            cache_control: Header of the copy, such as `max-age=3600`.

        Raises:
            NotFound: There is no such object.
            InvalidSetting: An argument is invalid. Nothing was written.
            ConfigError: The share bucket has no URLs of this kind. Nothing was written.
            NotSupported: The share bucket can't store a header. Nothing was written.
        """
        days = self.config.ttl_days if ttl_days is None else ttl_days
        check_ttl(days, self.config.mode)
        headers = _headers(content_type, content_disposition, cache_control)
        shown = _check_name(name, key)
        self._place.check()
        self._place.copier().check(attributes_of(headers, content_type))
        if self.config.lifecycle and not self._rules_checked:
            self._place.ensure_lifecycle()
            self._rules_checked = True
        found = self._store.stat(key)
        content = self._content(found)
        wanted = Wanted(found, content, shown, lifetime(days), content_type, headers)
        record = Maker(self._place, self._records, self._clock.now, self._clock.sleep).make(wanted)
        return self._share(record, urls=True)

    def list(self, key: str | None = None, *, urls: bool = True) -> Sequence[Share]:
        """Return all shares, or those of an object, the newest first. Costs a request for each record.

        Args:
            key: The object.
            urls: Whether to make URLs. Shares that have expired have none. A signed one costs a request with `b2`.
        """
        found = [each.record for each in self._records.all() if key is None or each.record.key == key]
        found.sort(key=lambda record: (record.created, record.id), reverse=True)
        return [self._share(record, urls=urls) for record in found]

    def url(self, share: str | Share, *, expires_in: float | timedelta | None = None) -> ObjectUrl:
        """Return the URL of a share.

        Args:
            share: A share, its id, its key in the share bucket, or the key of the object, if it has one share.
            expires_in: Time for which a signed URL is valid, if that is shorter than the life of the share.

        Raises:
            NotFound: There is no such share, or it has expired.
            InvalidSetting: The object has several shares.
        """
        limit = expires_in if expires_in is None or isinstance(expires_in, timedelta) else timedelta(seconds=expires_in)
        if limit is not None and limit <= timedelta(0):
            raise InvalidSetting(f"expires_in must be longer than 0 seconds, not {expires_in}")
        which = share.id if isinstance(share, Share) else share
        now = self._clock.now()
        usable = [each for each in self._find(which) if _is_usable(each.record, now)]
        if not usable:
            raise NotFound(f"{which!r}: the share has expired or was removed: share the object again", key=which)
        record = self._one(which, usable)[0].record
        self._check_place_of(record)
        return self._place.url(record.share_key, record.expires, now, limit)

    def remove(self, share: str | Share, *, all: bool = False) -> Sequence[Share]:  # the word for it
        """Remove a share: delete its copy, then its record. Returns what was removed.

        Args:
            share: A share, its id, its key in the share bucket, its URL, or the key of the object.
            all: Remove all shares of the object, if it has several.

        Raises:
            NotFound: There is no such share.
            InvalidSetting: The object has several shares, and `all` is not set.
            AdapterError: The copy could not be deleted. The record is kept.
        """
        which = share.id if isinstance(share, Share) else share
        found = self._find(which)
        chosen = found if all else self._one(which, found)
        for each in chosen:
            self._check_place_of(each.record)
        return [self._share(each.record, urls=False) for each in chosen if self._remover.remove(each)]

    def sweep(self) -> SweepResult:
        """Remove all shares that have expired, and what interrupted calls have left.

        The record of a share is kept until the bucket confirms that the copy is deleted.
        """
        removed, failed = [], []
        for each in self._records.all():
            if not self._is_due(each):
                continue
            share = self._share(each.record, urls=False)
            try:
                self._check_place_of(each.record)
                if self._remover.remove(each, self._is_due):
                    removed.append(share)
            except BuckiaError as error:
                failed.append(ShareFailure(share, error))
        return SweepResult(tuple(removed), tuple(failed))

    def ensure_lifecycle(self) -> bool:
        """Add the rules by which the provider deletes shares, by their tag; return whether its rules changed.

        `add` does so once, where the config says `lifecycle`.

        Raises:
            NotSupported: The provider has no such rules.
            PermissionDenied: The credentials may not change the bucket.
        """
        return self._place.ensure_lifecycle()

    def close(self) -> None:
        """Close the connections to the share bucket."""
        if "_place" in self.__dict__:
            self._place.store.close()
            del self._place

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def _place(self) -> SharePlace:
        return SharePlace(self._store, ObjectStore(self.config.bucket), self.config.mode, self.config.lifecycle)

    @property
    def _records(self) -> RecordStore:
        return RecordStore(self._store.adapter)

    @property
    def _remover(self) -> Remover:
        return Remover(self._place, self._records, self._clock.now)

    def _share(self, record: ShareRecord, *, urls: bool) -> Share:
        now = self._clock.now()
        usable = urls and _is_usable(record, now) and self._is_here(record)
        url = self._place.url(record.share_key, record.expires, now) if usable else None
        return Share.from_record(record, now, url)

    def _is_due(self, stored: Stored) -> bool:
        """Tell whether a sweep removes a share."""
        record, now = stored.record, self._clock.now()
        if record.state is ShareState.REMOVING:
            return not record.is_claimed(now) and not record.active_copies(now)
        return record.is_abandoned(now) or (record.is_expired(now) and not record.active_copies(now))

    def _is_here(self, record: ShareRecord) -> bool:
        return record.share_bucket == self._place.identity and record.access is self.config.mode

    def _check_place_of(self, record: ShareRecord) -> None:
        if record.share_bucket != self._place.identity:
            raise ConfigError(
                f"share {record.id} is in another share bucket, {record.share_bucket}: configure that one to reach it"
            )

    def _find(self, which: str) -> Sequence[Stored]:
        """Return the shares with an id, a key in the share bucket, a URL, or an object's key.

        Raises:
            NotFound: There is none.
        """
        if not isinstance(which, str) or not which:
            raise InvalidSetting(f"a share is an id, a key or a URL, not {which!r}")
        if is_share_id(which) and (stored := self._records.read(which)) is not None:
            return [stored]
        all_found = self._records.all()
        shared_key = self._place.store.key_from_url(which) if "://" in which else None
        of_object = [each for each in all_found if each.record.key == which]
        for matches in (
            [each for each in all_found if each.record.share_key in (which, shared_key)],
            [each for each in of_object if each.record.state is not ShareState.REMOVING],
            of_object,
        ):
            if matches:
                return matches
        shown = which.partition("?")[0]
        raise NotFound(f"{shown!r}: there is no such share", provider=self._store.adapter.provider, key=shown)

    def _one(self, which: str, found: Sequence[Stored]) -> Sequence[Stored]:
        if len(found) > 1:
            ids = ", ".join(sorted(each.record.id for each in found))
            advice = f"name one by its id ({ids}), or remove all of them with --all (all=True)"
            raise InvalidSetting(f"{which!r} has {len(found)} shares: {advice}")
        return found

    def _content(self, found: RemoteObject) -> str:
        """Return what tells the content of an object from any other: a digest, else the fingerprint of its version."""
        certain = {each.algorithm: each.value for each in without_tentative(found.digests)}
        for algorithm in _BEST_DIGESTS:
            if algorithm in certain:
                return f"{algorithm}:{certain[algorithm]}"
        if not self._store.adapter.capabilities.free_reads:
            return f"version:{found.fingerprint}"
        running = new_hash("sha256")
        for chunk in self._chunks(found):
            running.update(chunk)
        return f"sha256:{running.hexdigest()}"

    def _chunks(self, found: RemoteObject) -> Iterator[bytes]:
        with self._store.adapter.open_file(found.key, expect=found) as reader:
            while chunk := reader.read(1 << 20):
                yield chunk


def _is_usable(record: ShareRecord, now: datetime) -> bool:
    return record.state is ShareState.LIVE and not record.is_expired(now)


def _check_name(name: str | None, key: str) -> str:
    if name is None:
        return display_name(key, None)
    if not isinstance(name, str) or not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        raise InvalidSetting(f"name must be 1 to {_MAX_NAME} printable characters, not {name!r}")
    return display_name(key, name.strip())


def _headers(content_type: str | None, disposition: str | None, cache_control: str | None) -> dict[str, str]:
    """Check headers, and return those that are given, without the content type."""
    given = {"content_type": content_type, "content_disposition": disposition, "cache_control": cache_control}
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return {}
    try:
        parse_object_rules([{"match": "*", **given}])
    except InvalidValue as error:
        raise InvalidSetting(f"{error.at.rpartition('.')[2]} {error.clause}") from error
    return {name: str(value) for name, value in given.items() if name != "content_type"}
