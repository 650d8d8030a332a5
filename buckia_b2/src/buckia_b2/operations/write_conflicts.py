"""Write conflicts: detects after a write whether another writer came first, since B2 has no conditional writes.

B2 keeps all versions in order. With `written` the version just written and `expected` the one it was to replace, the
versions of a file, newest first, mean:

    [written, expected, …]         CURRENT: the write succeeded
    [written, other, …]            CONFLICTING: another writer was first; `written` is removed, so `other` is current
    [other, written, expected, …]  SUPERSEDED: another writer came later, or its upload started later. Other writers of
                                   Buckia remove `other`, as in the line above; so the position is checked again a few
                                   times, and if `other` stays, `written` is removed

Where no object was expected, `expected` is no version at all, or a hide marker.

Two such writers never both succeed: the one that finishes last sees the version of the other below its own or on top.
This holds whatever B2 takes as the time of an upload: for a large file it is the time at which it was started.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from functools import partial

from buckia_b2.api.bucket import Bucket, matches
from buckia_b2.api.transport import retry_request_async
from buckia_b2.errors import ABSENT, PROVIDER, precondition_failed
from buckia_core.adapters.contract.types import Precondition
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import AdapterError, PermissionDenied, Transient
from buckia_core.http.blocking import pause
from buckia_core.planning.digest import Comparison, Digests, compare
from buckia_core.planning.manifest import RemoteObject

log = redacted_logger(__name__)

_PAUSES = (0.1, 0.2, 0.4, 0.8)
"""Seconds between checks. Buckia's own writers remove a conflicting version within one or two requests."""


class _Position(Enum):
    """Position of a written version among the versions of its file."""

    CURRENT = "newest, directly above the expected version"
    SUPERSEDED = "directly above the expected version, below another one"
    CONFLICTING = "not directly above the expected version"


class WriteConflictDetector:
    """Verifies conditional writes afterwards, and undoes those that conflict."""

    def __init__(self, bucket: Bucket, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._bucket = bucket
        self._sleep = sleep
        self._pending: dict[str, tuple[RemoteObject, Precondition]] = {}

    async def verify(self, written: RemoteObject, expect: Precondition | None) -> RemoteObject:
        """Verify that a write met its precondition, and return the object.

        Raises:
            PreconditionFailed: Another writer came first. The written version is removed.
            PermissionDenied: Another writer came first, and the application key can't remove the written version.
            Transient: The check or the removal failed for now. `verify_pending` repeats it.
            AdapterError: The check or the removal failed permanently.
        """
        if expect is None:
            return written
        try:
            return await self._verify(written, expect)
        except AdapterError as error:
            if not error.retryable:
                raise
            self._pending[written.key] = written, expect
            # The write has succeeded. An error without a status would mean that it may not have arrived.
            raise Transient(
                f"{written.key!r} is written, but the check for another writer failed: {error.message}",
                provider=PROVIDER,
                key=written.key,
                status=error.status or 200,
                retry_after=error.retry_after,
            ) from error

    async def verify_pending(self, key: str, expect: Precondition | None, digests: Digests) -> RemoteObject | None:
        """Verify an earlier write of the same bytes and precondition whose `verify` raised `Transient`.

        Otherwise a retried write would conflict with its own earlier version. Returns `None` without such a write;
        raises the same errors as `verify`.
        """
        written, expected = self._pending.pop(key, (None, None))
        if written is None or expected != expect or compare(written.digests, digests) is not Comparison.SAME:
            return None
        return await self.verify(written, expect)

    async def _verify(self, written: RemoteObject, expect: Precondition) -> RemoteObject:
        for seconds in (*_PAUSES, None):
            match await retry_request_async(lambda: self._find_position(written, expect)):
                case _Position.CURRENT:
                    return written
                case _Position.SUPERSEDED if seconds is not None:
                    await pause(seconds, self._sleep)
                case _:
                    break
        log.info("%r: another writer came first; removing version %s", written.key, written.fingerprint)
        await self._undo(written)
        raise precondition_failed(written.key)

    async def _find_position(self, written: RemoteObject, expect: Precondition) -> _Position:
        is_newest = True
        history = self._bucket.history(written.key)
        while (version := await history.next()) is not None:
            if version["fileId"] == written.fingerprint:
                if not matches(await history.next(), expect):
                    return _Position.CONFLICTING
                return _Position.CURRENT if is_newest else _Position.SUPERSEDED
            is_newest = False
        return _Position.CONFLICTING

    async def _undo(self, written: RemoteObject) -> None:
        full_key = self._bucket.full_key(written.key)
        try:
            await retry_request_async(partial(
                self._bucket.session.call_async, "delete_file_version", written.fingerprint, full_key,
                action="removing the conflicting version", key=written.key,
            ))  # fmt: skip
        except PermissionDenied as error:
            await self._restore_previous(written, error)
        except AdapterError as error:
            if error.code not in ABSENT:
                raise

    async def _restore_previous(self, written: RemoteObject, cause: PermissionDenied) -> None:
        """Make the previous version current again where the application key can't delete the written one."""
        history = await self._bucket.history(written.key).read()
        if not history or history[0]["fileId"] != written.fingerprint:
            return
        previous = history[1] if len(history) > 1 else None
        full_key, call = self._bucket.full_key(written.key), self._bucket.session.call_async
        try:
            if previous is None or previous["action"] == "hide":
                await call("hide_file", await self._bucket.id_async(), full_key, action="hiding it", key=written.key)
            else:
                file_options = self._bucket.file_options.for_copy()
                await call(
                    "copy_file",
                    previous["fileId"],
                    full_key,
                    action="restoring the previous version",
                    key=written.key,
                    **file_options,
                )
        except AdapterError as error:
            message = f"another writer's version {previous['fileId'] if previous else ''} is below the one just written"
            raise PermissionDenied(
                f"{written.key!r}: {message}, which the application key can't remove: {cause.message}",
                provider=PROVIDER,
                key=written.key,
            ) from error
