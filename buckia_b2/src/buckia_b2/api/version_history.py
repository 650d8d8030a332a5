"""Version histories: the versions of single files, newest first.

On an event loop, the files that are asked for at the same time share one listing, as names that are uploaded together
are mostly neighbours:

    asked for while no listing runs     all that come in the same step of the loop share one
    asked for while a listing runs      wait until it ends, or until there are eight, and share the next one, since a
                                        listing must show what was written before it began
    not covered by the shared page      are listed each by itself, as without an event loop

So no more requests are sent than files are asked for, and mostly one for dozens.
"""

from __future__ import annotations

import os.path
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from buckia_b2.api.session import B2Session
from buckia_b2.errors import parsing_response
from buckia_core.adapters.service import json_fields as fields
from buckia_core.errors import BuckiaError
from buckia_core.http.blocking import running_loop

if TYPE_CHECKING:
    import asyncio

START_ACTION = "start"
"""Action of an unfinished large file, which cannot be read."""

Version = dict[str, Any]
"""The JSON of a version or hide marker."""

_ACTION = "listing its versions"
_PAGE = 100
_MIN_SHARED = 8
_MAX_SHARED = 250
_MAX_RUNNING = 8
_VERSIONS_EACH = 4
"""Versions listed per file of a shared listing, so that it has no more than the 1,000 that B2 bills as one call."""


class VersionHistories:
    """VersionHistories: the histories of all files of one bucket. Thread-safe; each event loop has its own listings."""

    def __init__(self, session: B2Session, bucket_id: Callable[[], Awaitable[str]]) -> None:
        """Create it; `bucket_id` returns the id of the bucket."""
        self._session = session
        self._bucket_id = bucket_id
        self._shared: _SharedListings | None = None

    def of(self, key: str, full_key: str) -> VersionHistory:
        """Return the history of a file, which costs no request until it is read."""
        return VersionHistory(self, key, full_key)

    async def read_shared(self, full_key: str) -> list[Version] | None:
        """Return all versions of a file from a shared listing; `None` if there is none that covers them."""
        loop = running_loop()
        if loop is None:
            return None
        shared = self._shared
        if shared is None or shared.loop is not loop:
            shared = self._shared = _SharedListings(loop, self._list_shared)
        return await shared.read(full_key)

    async def list_page(
        self, name: str, file_id: str | None, count: int, prefix: str, key: str | None
    ) -> dict[str, Any]:
        """Request one page of versions. Raises AdapterError if that fails."""
        page: dict[str, Any] = await self._session.call_async(
            "list_file_versions", await self._bucket_id(), name, file_id, count, prefix, action=_ACTION, key=key
        )
        return page

    async def _list_shared(self, names: Sequence[str]) -> dict[str, list[Version]]:
        """Return the versions of those of the sorted names whose versions are all on one page."""
        count = max(_PAGE, _VERSIONS_EACH * len(names))
        prefix = os.path.commonprefix(names)  # noqa: RUF071  # of names, not of paths
        response = await self.list_page(names[0], None, count, prefix, None)
        with parsing_response(_ACTION):
            page, following, _ = parse_versions_page(response, set())
            listed = [names[0], *(each["fileName"] for each in page), *([following] if following else [])]
            if listed != sorted(listed):
                raise ValueError("versions are out of order")
        found: dict[str, list[Version]] = {name: [] for name in names if following is None or name < following}
        for each in page:
            if each["fileName"] in found and each["action"] != START_ACTION:
                found[each["fileName"]].append(each)
        return found


class VersionHistory:
    """VersionHistory: the versions of one file, newest first, without unfinished large files. Used once."""

    def __init__(self, histories: VersionHistories, key: str, full_key: str) -> None:
        self._histories = histories
        self._key = key
        self._full_key = full_key
        self._versions: deque[Version] = deque()
        self._next: tuple[str | None, str | None] = full_key, None
        self._seen: set[str] = set()

    async def next(self) -> Version | None:
        """Return the next version, which may be a hide marker; `None` after the last one.

        Raises:
            AdapterError: The listing failed.
        """
        while not self._versions and self._next[0] == self._full_key:
            await self._fetch(*self._next)
        return self._versions.popleft() if self._versions else None

    async def read(self) -> list[Version]:
        """Return all versions. Raises the same errors as `next`."""
        found = []
        while (version := await self.next()) is not None:
            found.append(version)
        return found

    async def _fetch(self, name: str | None, file_id: str | None) -> None:
        assert name is not None
        if file_id is None and (shared := await self._histories.read_shared(name)) is not None:
            self._versions.extend(shared)
            self._next = None, None
            return
        response = await self._histories.list_page(name, file_id, _PAGE, self._full_key, self._key)
        with parsing_response(_ACTION, self._key):
            page, *following = parse_versions_page(response, self._seen)
        self._next = following[0], following[1]
        self._versions.extend(
            each for each in page if each["fileName"] == self._full_key and each["action"] != START_ACTION
        )


class _SharedListings:
    """_SharedListings: listings that several tasks of one event loop share."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        list_names: Callable[[Sequence[str]], Awaitable[dict[str, list[Version]]]],
    ) -> None:
        self.loop = loop
        self._list = list_names
        self._waiting: list[tuple[str, asyncio.Future[list[Version] | None]]] = []
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, name: str) -> list[Version] | None:
        """Return all versions of a file by a listing that begins after this call; `None` if that does not have them."""
        future: asyncio.Future[list[Version] | None] = self.loop.create_future()
        self._waiting.append((name, future))
        if self._is_due(self._running):
            self._running += 1
            task = self.loop.create_task(self._run())
            # The loop itself keeps only weak references.
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    def _is_due(self, others: int) -> bool:
        """Tell whether a listing is to start while so many others run."""
        count = len(self._waiting)
        return count > 0 if not others else count >= _MIN_SHARED and others < _MAX_RUNNING

    async def _run(self) -> None:
        try:
            await self._list_waiting()
            while self._is_due(self._running - 1):
                await self._list_waiting()
        finally:
            self._running -= 1

    async def _list_waiting(self) -> None:
        now, self._waiting = self._waiting[:_MAX_SHARED], self._waiting[_MAX_SHARED:]
        if not now:
            return
        found: dict[str, list[Version]] = {}
        try:
            found = await self._list(sorted({name for name, _ in now}))
        except (BuckiaError, OSError):
            # Each file is listed by itself then, and has an error that names it.
            found = {}
        finally:
            for name, future in now:
                if not future.done():
                    future.set_result(found.get(name))


def parse_versions_page(response: Any, seen: set[str]) -> tuple[list[Version], str | None, str | None]:
    """Parse a page of versions: the versions, and the name and id at which the next page starts, `None` after the last.

    Args:
        response: The response to `b2_list_file_versions`.
        seen: Ids at which earlier pages of the same name started. The next one is added.

    Raises:
        LookupError, TypeError, ValueError: The response is malformed, or the listing loops.
    """
    page = [dict(each) for each in fields.entries(response, "files")]
    for each in page:
        _ = fields.string(each, "fileName"), fields.string(each, "fileId"), fields.string(each, "action")
        _ = fields.millis(each, "uploadTimestamp")
    name, file_id = fields.next_page(response, "nextFileName"), fields.next_page(response, "nextFileId")
    if (name is None) != (file_id is None) or file_id in seen:
        raise ValueError("the next page has no start, or repeats an earlier one")
    if file_id is not None:
        seen.add(file_id)
    return page, name, file_id
