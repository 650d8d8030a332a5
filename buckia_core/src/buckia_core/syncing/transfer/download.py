"""Fetching one file: verified, written aside, brought to the disk, then put in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.errors import IntegrityError
from buckia_core.localfs.files import lacks_hard_links, permissions, set_time_of_closed
from buckia_core.localfs.system_errors import NO_ATOMIC_RENAME
from buckia_core.planning.digest import Digests, merge
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.syncing.disk.durability import sync_file_system
from buckia_core.syncing.disk.paths import FileLocation, entry_from_stat
from buckia_core.syncing.state.resume_store import ResumeStore
from buckia_core.syncing.transfer import errors
from buckia_core.syncing.transfer.content_check import ContentCheck
from buckia_core.syncing.transfer.errors import StateChanged, TrackProgress, no_progress, same_file
from buckia_core.syncing.transfer.in_flight import allocated_size
from buckia_core.syncing.transfer.staging_file import StagingFile, open_staging_file

_ATTEMPTS = 3

_MANY = 4
"""Files from which on one call for all of them is the shorter wait."""


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """What a download left: the file as it is now, the object that it came from, what is known of the content.

    `moved` is the number of bytes that came over: fewer than the file has, if an earlier run had fetched a part of it.
    """

    local: LocalEntry
    remote: RemoteObject
    digests: Digests
    moved: int


class Download:
    """Exactly the version `expected`, on its way to a place: over the file `planned`, or where there is none.

    A context, at the end of which nothing is left aside. In it, `fetch` is called once, then `place`; between both,
    `settle` may make the bytes of many last at once.

    Args:
        adapter: The bucket.
        expected: The object.
        place: Where the file belongs.
        root: Id of the mapping.
        temporary: How the name of the temporary file begins.
        planned: The file that is replaced.
        algorithm: The digest that is computed.
        keep: Called with the place of a file that is about to go, to keep it.
        is_kept: The file that is replaced is kept already.
        under_way: Entered with something that tells how many bytes have gone over.
        unfinished: What earlier downloads have left, if large ones are to go on where they ended.

    Attributes:
        directory: Where the file belongs, and until then is.
        settled: What was fetched outlasts a loss of power.
        in_place: The directory was found at its path, just before `place`.
        placed: The file has its name.

    Raises:
        OSError: What an earlier one has left can't be read.
    """

    def __init__(
        self,
        adapter: BaseSync,
        expected: RemoteObject,
        place: FileLocation,
        *,
        root: str,
        temporary: str,
        planned: LocalEntry | None,
        algorithm: str,
        keep: Callable[[FileLocation], object],
        is_kept: bool = False,
        under_way: TrackProgress = no_progress,
        unfinished: ResumeStore | None = None,
    ) -> None:
        self._adapter = adapter
        self._expected = expected
        self._place = place
        self._root = root
        self._planned = planned
        self._algorithm = algorithm
        self._keep = keep
        self._is_kept = is_kept
        self._under_way = under_way
        self.directory = place.directory
        taken_up = unfinished if expected.size > errors.BUFFERED_UPLOAD_MAX else None
        self._file: StagingFile = open_staging_file(
            adapter, expected, place.directory, temporary, algorithm, taken_up, private=planned is not None
        )
        self._remote = expected
        self._digests: Digests = ()
        self.settled = False
        self.in_place = False
        self.placed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)

    def fetch(self) -> None:
        """Download to a file that nobody sees, and check it against all that is known of the object.

        Raises:
            Stale, PreconditionFailed: The object is not that version any more.
            IntegrityError: Other bytes came than the provider says the object has, several times over.
            AdapterError: It can't be fetched.
            OSError: It can't be written.
        """
        expected, file = self._expected, self._file
        told = expected.digests
        check = ContentCheck(expected.size, self._algorithm)
        for _ in range(_ATTEMPTS):
            with self._under_way(lambda: max(0, allocated_size(file.path) - file.taken_up)):
                remote = file.fetch(expected)
            if check.accepts(file.digest, merge(remote.digests, told), remote.claimed):
                self._remote, self._digests = remote, check.digests
                file.write(self._permissions(), _time_of(remote))
                return
            file.again()
            # A listing may tell a digest that is none, such as the ETag of an encrypted object: all that is known
            # decides.
            seen = self._adapter.stat_file(expected.key)
            if seen.fingerprint != expected.fingerprint:
                raise StateChanged
            told = seen.digests
        words = f"{_ATTEMPTS} times, other bytes came than the provider says the object has"
        raise IntegrityError(words, key=expected.key)

    def set_aside(self) -> None:
        """Close what was fetched: of many that wait for each other none may stay open, as systems allow few at once."""
        self._file.close()

    def place(self) -> DownloadResult:
        """Make what was fetched last, and give it its name.

        Raises:
            Stale: The place is not as planned.
            InvalidKey: Something else than a file is there.
            OSError: It can't be written. What was there is untouched.
        """
        if not self.settled:
            self._file.settle()
        self._file.close()
        if not (self.in_place or self.directory.is_at_its_path()):
            raise StateChanged
        if (time := _time_of(self._remote)) is not None:
            set_time_of_closed(self._file.path, time)
        if self._planned is None:
            self._place_new()
        else:
            self._replace(self._planned)
        self._file.gone = self.placed = True
        local = self._look()
        if local is None:
            raise StateChanged
        return DownloadResult(local, self._remote, self._digests, self._expected.size - self._file.taken_up)

    def _replace(self, planned: LocalEntry) -> None:
        now = self._look()
        if now is None or not same_file(now, planned):
            raise StateChanged
        if not self._is_kept:
            self._keep(self._place)
        directory, aside, name = self.directory, self._file.name, self._place.name
        inode = directory.status(aside).st_ino
        try:
            directory.exchange(aside, directory, name)
        except FileNotFoundError:
            raise StateChanged from None
        except OSError as error:
            if error.errno not in NO_ATOMIC_RENAME:
                raise
            # Not on this file system: the window between the look and the rename stays, as small as it is.
            again = self._look()
            if again is None or not same_file(again, now):
                raise StateChanged from None
            directory.replace(aside, directory, name)
            return
        # It may be anything by now, a directory too.
        if not same_file(entry_from_stat(now.key, now.root, directory.status(aside)), now):
            self._give_back(inode)
            raise StateChanged
        self.placed = True
        # What can't be removed is left aside, and the next run removes it.
        with suppress(OSError):
            directory.unlink(aside)

    def _give_back(self, inode: int) -> None:
        """Put back what was taken from the name: an edit that came in between. `inode` is the downloaded file's."""
        directory, aside, name = self.directory, self._file.name, self._place.name
        # Until it is back under its name, it is all there is of the edit.
        self._file.gone = True
        try:
            directory.exchange(aside, directory, name)
        except FileNotFoundError:
            # The downloaded file was deleted at once. The edit was not what that was about.
            try:
                directory.rename_exclusive(aside, directory, name)
            except FileExistsError:
                self._keep(FileLocation(directory, aside))
                self._file.gone = False
            return
        self._file.gone = False
        if directory.status(aside).st_ino != inode:
            # Another edit came on top of the downloaded file. It is the last one, and gets the name again.
            with suppress(FileNotFoundError):
                directory.exchange(aside, directory, name)
            self._keep(FileLocation(directory, aside))

    def _place_new(self) -> None:
        """Put the file where none is; one that appears meanwhile is not overwritten."""
        try:
            # Nearly always nothing is there, and this is the cheapest way to find that out.
            self.directory.link(self._file.name, self.directory, self._place.name)
        except (OSError, NotImplementedError) as error:
            if not isinstance(error, FileExistsError) and not lacks_hard_links(error):
                raise
            self._place.clear_empty()
            if self._look() is not None:
                raise StateChanged from None
            try:
                self.directory.link(self._file.name, self.directory, self._place.name)
            except FileExistsError:
                raise StateChanged from None
            except (OSError, NotImplementedError) as second:
                if not lacks_hard_links(second):
                    raise
                self._rename_to_new()
                return
        # Not later, because it changes the file's change time.
        self.directory.unlink(self._file.name)

    def _rename_to_new(self) -> None:
        """Place the file on a file system without hard links."""
        try:
            self.directory.rename_exclusive(self._file.name, self.directory, self._place.name)
        except FileExistsError:
            raise StateChanged from None
        except OSError as error:
            if error.errno not in NO_ATOMIC_RENAME:
                raise
            # The window between the look and the rename stays, as small as it is.
            self.directory.replace(self._file.name, self.directory, self._place.name)

    def _look(self) -> LocalEntry | None:
        return self._place.look(self._expected.key, self._root)

    def _permissions(self) -> int | None:
        """Return the permission bits of the file that is replaced; what comes in its place has no others."""
        if self._planned is None:
            return None
        try:
            return permissions(self.directory.status(self._place.name))
        except FileNotFoundError:
            raise StateChanged from None


def settle(files: Iterable[Download]) -> None:
    """Make what was fetched outlast a loss of power, where one call can do that for many; `place` does what is left."""
    by_directory: dict[str, list[Download]] = {}
    for file in files:
        by_directory.setdefault(file.directory.path, []).append(file)
    by_device: dict[int, list[Download]] = {}
    for group in by_directory.values():
        if group[0].directory.is_at_its_path():
            for file in group:
                file.in_place = True
        with suppress(OSError):
            by_device.setdefault(group[0].directory.own_status().st_dev, []).extend(group)
    for device, group in by_device.items():
        if len(group) >= _MANY and sync_file_system(device, group[0].directory):
            for file in group:
                file.settled = True


def _time_of(remote: RemoteObject) -> int | None:
    """Return the time that the file is to have; `None` if the provider told none."""
    return remote.mtime_ns if remote.mtime_ns is not None else remote.modified_ns or None
