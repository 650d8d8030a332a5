"""After a write: whether another writer came between. B2 has no conditional writes, but it keeps all versions in order.

Of a file's versions, the newest first, with `mine` the one just written and `seen` what it was to replace:

    [mine, seen, …]         it stands
    [mine, other, …]        another writer was first: mine is taken away, and the other one's is there
    [other, mine, seen, …]  another writer came after, or its upload began later than mine. Buckia's takes its own
                            version away as in the line above; so this looks again a few times, and if the other one
                            stays, mine is taken away

Where nothing was to be there, `seen` is no version, or a marker that hides the older ones.

Two of these writers can't both find that theirs stands: whichever finished last sees the other's version between, or on
top. That holds whatever B2 takes for the time of an upload: of a large file it is the time at which it was begun.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import Enum
from typing import Any

from buckia_b2.api.bucket import Bucket
from buckia_b2.api.retry import repeated
from buckia_b2.errors import ABSENT, PROVIDER, precondition_failed
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition
from buckia_core.errors import AdapterError, PermissionDenied, Transient
from buckia_core.planning.digest import Comparison, Digests, compare
from buckia_core.planning.manifest import RemoteObject

log = logging.getLogger(__name__)

_PAUSES = (0.1, 0.2, 0.4, 0.8)
"""Seconds between looks. Buckia's own writers take a version away within one or two requests."""


class _Place(Enum):
    STANDS = "it is the newest, on what was seen"
    BENEATH = "it is on what was seen, and something else is on it"
    BETWEEN = "what is right below it is not what was seen"


class WriteConflictDetector:
    """Looks after a write whether it was the one expected, and takes it back if it was not."""

    def __init__(self, bucket: Bucket, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._bucket = bucket
        self._sleep = sleep
        self._unsettled: dict[str, tuple[RemoteObject, Precondition]] = {}

    def settle(self, written: RemoteObject, expect: Precondition | None) -> RemoteObject:
        """Return what was written, if it stands.

        Raises:
            PreconditionFailed: Another writer came between. What was written is taken away again.
            PermissionDenied: So it is, but the application key can't take it away.
            Transient: It could not be found out, or not be taken away. `settle_earlier` goes on with it.
            AdapterError: So it is, and will be.
        """
        if expect is None:
            return written
        try:
            return self._settled(written, expect)
        except AdapterError as error:
            if not error.retryable:
                raise
            self._unsettled[written.key] = written, expect
            # The write itself was answered. An error without a status would say that it may not have arrived.
            raise Transient(
                f"{written.key!r} is written, but not whether another writer came between: {error.message}",
                provider=PROVIDER,
                key=written.key,
                status=error.status or 200,
                retry_after=error.retry_after,
            ) from error

    def settle_earlier(self, key: str, expect: Precondition | None, digests: Digests) -> RemoteObject | None:
        """Settle an earlier write of the same bytes, on the same condition, for which `settle` could not.

        Without this, a repeated write would find its own version in its way, and nobody had looked what is below it.
        Errors are those of `settle`; `None` if there was no such write.
        """
        written, expected = self._unsettled.pop(key, (None, None))
        if written is None or expected != expect or compare(written.digests, digests) is not Comparison.SAME:
            return None
        return self.settle(written, expect)

    def _settled(self, written: RemoteObject, expect: Precondition) -> RemoteObject:
        for pause in (*_PAUSES, None):
            match repeated(lambda: self._place(written, expect)):
                case _Place.STANDS:
                    return written
                case _Place.BENEATH if pause is not None:
                    self._sleep(pause)
                case _:
                    break
        log.info("%r: another writer came between; version %s is taken away", written.key, written.fingerprint)
        self._take_away(written)
        raise precondition_failed(written.key)

    def _place(self, written: RemoteObject, expect: Precondition) -> _Place:
        on_top = True
        history = self._bucket.history(written.key)
        for told in history:
            if told["fileId"] == written.fingerprint:
                if not _fits(next(history, None), expect):
                    return _Place.BETWEEN
                return _Place.STANDS if on_top else _Place.BENEATH
            on_top = False
        return _Place.BETWEEN

    def _take_away(self, written: RemoteObject) -> None:
        whole = self._bucket.whole(written.key)
        try:
            repeated(lambda: self._bucket.account.call(
                "delete_file_version", written.fingerprint, whole, doing="taking it away", key=written.key
            ))  # fmt: skip
        except PermissionDenied as error:
            self._cover(written, error)
        except AdapterError as error:
            if error.code not in ABSENT:
                raise

    def _cover(self, written: RemoteObject, cause: PermissionDenied) -> None:
        """Make what was there the newest version again, where the own one can't be deleted."""
        history = list(self._bucket.history(written.key))
        if not history or history[0]["fileId"] != written.fingerprint:
            return
        before = history[1] if len(history) > 1 else None
        whole, call = self._bucket.whole(written.key), self._bucket.account.call
        try:
            if before is None or before["action"] == "hide":
                call("hide_file", self._bucket.id, whole, doing="hiding it", key=written.key)
            else:
                marks = self._bucket.marks.of_copy()
                call("copy_file", before["fileId"], whole, doing="bringing it back", key=written.key, **marks)
        except AdapterError as error:
            words = f"another writer's version {before['fileId'] if before else ''} is below the one just written"
            raise PermissionDenied(
                f"{written.key!r}: {words}, which the application key can't take away: {cause.message}",
                provider=PROVIDER,
                key=written.key,
            ) from error


def _fits(below: dict[str, Any] | None, expect: Precondition) -> bool:
    match expect:
        case IfAbsent():
            return below is None or below["action"] == "hide"
        case IfUnchanged(seen):
            return below is not None and below["action"] != "hide" and below["fileId"] == seen.fingerprint
