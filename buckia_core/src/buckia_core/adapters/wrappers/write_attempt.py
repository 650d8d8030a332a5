"""`WriteAttempt`: writes an object, unless an earlier attempt has written it already."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from buckia_core.adapters.contract.types import IfUnchanged, Precondition, UploadInfo
from buckia_core.errors import NotFound, PreconditionFailed, Transient
from buckia_core.planning.digest import Comparison, compare, merge
from buckia_core.planning.manifest import RemoteObject

Stat = Callable[[str], Coroutine[Any, Any, RemoteObject]]


@dataclass(slots=True)
class WriteAttempt:
    """The attempts of one upload; each call of the object is one.

    Attributes:
        send: Sends the object.
        stat: Returns an object by its key.
        key, expect, info: As in `upload_file`.
        count: Attempts so far.
        response_lost: The last attempt may have written the object.
    """

    send: Callable[[], Coroutine[Any, Any, RemoteObject]]
    stat: Stat
    key: str
    expect: Precondition | None
    info: UploadInfo | None
    count: int = 0
    response_lost: bool = False

    async def __call__(self) -> RemoteObject:
        """Send the object, or return it if an earlier attempt has written it."""
        self.count += 1
        if self.response_lost and self.expect is not None:
            completed = await self._completed()
            if completed is not None:
                return completed
        try:
            return await self.send()
        except PreconditionFailed:
            completed = await self._completed() if self.count > 1 else None
            if completed is None:
                raise
            return completed
        except Transient as error:
            self.response_lost = error.status is None
            raise

    async def _completed(self) -> RemoteObject | None:
        if self.info is None or not self.info.digests:
            return None
        try:
            found = await self.stat(self.key)
        except NotFound:
            return None
        if compare(found.digests, self.info.digests) is Comparison.SAME:
            return found
        # Digests in the metadata identify the upload, unless the object had them before.
        existed = isinstance(self.expect, IfUnchanged) and found.fingerprint == self.expect.seen.fingerprint
        same = compare(merge(found.digests, found.claimed), self.info.digests) is Comparison.SAME
        return found if same and not existed and found.mtime_ns == self.info.mtime_ns else None
