"""Moving the bytes of one file: read once and steadily, written aside, verified, then put in place."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from buckia_core.adapters.base import BaseSync
from buckia_core.adapters.objects import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.adapters.protocols import ResumableUpload
from buckia_core.adapters.resuming import Parts, PartsSource
from buckia_core.errors import IntegrityError
from buckia_core.planning.digest import Digests, Sameness, certain, compare, merge
from buckia_core.planning.manifest import LocalEntry, RemoteObject
from buckia_core.syncing.arriving import Arriving, arriving
from buckia_core.syncing.flights import CountedReader, Passed, size_on_disk
from buckia_core.syncing.hashing import FileChanged, computable, hash_bytes, hash_file
from buckia_core.syncing.part_hashing import hash_in_parts
from buckia_core.syncing.paths import entry_of, look, make_parents
from buckia_core.syncing.unfinished import Kind, Unfinished

SMALL = 8 << 20
"""Files up to this size, in bytes, are read into memory once: what is hashed and what is sent are the same bytes."""

_BLOCK = 1 << 20
_ATTEMPTS = 3

UnderWay = Callable[[Callable[[], int]], AbstractContextManager[None]]
"""A context that lasts as long as bytes go over; it is given what tells how many have."""


def untold(so_far: Callable[[], int]) -> AbstractContextManager[None]:  # noqa: ARG001  # it is an `UnderWay`
    """The `UnderWay` that tells nobody."""
    return nullcontext()


class Stale(Exception):
    """The ground has shifted since the plan was made: the key has to be planned again."""


class Torn(Exception):
    """The file changed while it was uploaded; `remote` is what the bucket has now."""

    def __init__(self, remote: RemoteObject) -> None:
        super().__init__()
        self.remote = remote


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload left: the file as it was read, the object as it was written, and what is known of the content.

    `moved` is the number of bytes that went over: fewer than the file has, if an earlier run had sent a part of it.
    """

    local: LocalEntry
    remote: RemoteObject
    digests: Digests
    moved: int


def upload(
    adapter: BaseSync,
    path: str,
    planned: LocalEntry,
    replaces: RemoteObject | None,
    *,
    algorithm: str,
    key: str,
    under_way: UnderWay = untold,
    unfinished: Unfinished | None = None,
) -> Uploaded:
    """Upload the file at `path`, which is as `planned`, over `replaces`, or as a new object.

    `under_way` is entered with something that tells how many bytes have gone over. With `unfinished`, a large upload
    goes on with what an earlier one has left there, and leaves there what the next one needs.

    Raises:
        Stale: The file is not as planned.
        Torn: It changed while it was sent.
        PreconditionFailed: The object is not as planned; nothing was written.
        OSError: The file can't be read.
    """
    expect = IfUnchanged(replaces) if replaces else IfAbsent()
    with open(path, "rb", buffering=0) as file:
        before = entry_of(planned.key, planned.root, os.fstat(file.fileno()))
        if not same_file(before, planned):
            raise Stale
        if planned.size <= SMALL:
            data = file.read(planned.size + 1) if planned.size else b""
            while len(data) < planned.size and (more := file.read(planned.size - len(data))):
                data += more
            after = entry_of(planned.key, planned.root, os.fstat(file.fileno()))
            if not same_file(after, before) or len(data) != planned.size:
                raise Stale
            digests = hash_bytes(data, (algorithm,))
            remote = adapter.upload_file(data, key, expect=expect, info=UploadInfo(after.mtime_ns, digests))
            return Uploaded(after, remote, _agree(digests, remote, key), after.size)
    if unfinished is not None and isinstance(adapter, ResumableUpload):
        parts = adapter.parts_of(planned.size)
        if parts is not None:
            return _upload_parts(adapter, parts, path, planned, expect, algorithm, key, under_way, unfinished)
    return _upload_large(adapter, path, planned, expect, algorithm, key, under_way)


def _upload_large(
    adapter: BaseSync,
    path: str,
    planned: LocalEntry,
    expect: IfAbsent | IfUnchanged,
    algorithm: str,
    key: str,
    under_way: UnderWay,
) -> Uploaded:
    try:
        digests, status = hash_file(path, (algorithm,))
    except FileChanged:
        raise Stale from None
    before = entry_of(planned.key, planned.root, status)
    if not same_file(before, planned):
        raise Stale
    with io.FileIO(path) as file:
        reader = CountedReader(file)
        try:
            with under_way(lambda: reader.count):
                source = io.BufferedReader(reader, _BLOCK)
                remote = adapter.upload_file(source, key, expect=expect, info=UploadInfo(before.mtime_ns, digests))
        except IntegrityError:
            # The adapter compares what it reads with the digest: it may have been read while it was written to.
            if not _is_still(path, before):
                raise Stale from None
            raise
    if not _is_still(path, before):
        raise Torn(remote)
    return Uploaded(before, remote, _agree(digests, remote, key), before.size)


def _upload_parts(
    adapter: BaseSync,
    parts: Parts,
    path: str,
    planned: LocalEntry,
    expect: IfAbsent | IfUnchanged,
    algorithm: str,
    key: str,
    under_way: UnderWay,
    unfinished: Unfinished,
) -> Uploaded:
    assert isinstance(adapter, ResumableUpload)
    try:
        digests, of_parts, status = hash_in_parts(path, algorithm, parts)
    except FileChanged:
        raise Stale from None
    before = entry_of(planned.key, planned.root, status)
    if not same_file(before, planned):
        raise Stale
    note = unfinished.take_up(Kind.UPLOAD, key, ":".join(digests[0]), adapter)
    passed = Passed(before.size)
    source = PartsSource(Path(path), before.size, parts, of_parts, note, passed.add)
    try:
        with under_way(lambda: passed.count):
            remote = adapter.upload_parts(source, key, expect=expect, info=UploadInfo(before.mtime_ns, digests))
    except IntegrityError:
        # Each part is compared with the digest that was just made: it may have been written to.
        if not _is_still(path, before):
            raise Stale from None
        raise
    note.clear()
    if not _is_still(path, before):
        raise Torn(remote)
    return Uploaded(before, remote, _agree(digests, remote, key), passed.count)


def _is_still(path: str, before: LocalEntry) -> bool:
    try:
        return same_file(entry_of(before.key, before.root, os.stat(path)), before)
    except FileNotFoundError:
        return False


def _agree(digests: Digests, remote: RemoteObject, key: str) -> Digests:
    """Return all digests known of the content; the provider's own must not contradict ours."""
    if compare(digests, remote.digests) is Sameness.DIFFERENT:
        raise IntegrityError("what arrived in the bucket is not what was sent", key=key)
    return merge(digests, remote.digests)


def same_file(a: LocalEntry, b: LocalEntry) -> bool:
    """Tell whether two looks at a file saw the same one, unchanged. A new hard link to it changes only `ctime_ns`."""
    return (a.size, a.mtime_ns, a.inode) == (b.size, b.mtime_ns, b.inode)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What a download left: the file as it is now, the object that it came from, what is known of the content.

    `moved` is the number of bytes that came over: fewer than the file has, if an earlier run had fetched a part of it.
    """

    local: LocalEntry
    remote: RemoteObject
    digests: Digests
    moved: int


def download(
    adapter: BaseSync,
    expected: RemoteObject,
    path: str,
    *,
    root: str,
    directory: str,
    temporary: str,
    planned: LocalEntry | None,
    algorithm: str,
    keep: Callable[[str], object],
    under_way: UnderWay = untold,
    unfinished: Unfinished | None = None,
) -> Downloaded:
    """Download exactly the version `expected` to `path`, over the file `planned`, or where there is none.

    Args:
        adapter: The bucket.
        expected: The object.
        path: Where the file belongs; its directory is made.
        root: Id of the mapping.
        directory: Local root of the mapping.
        temporary: How the name of the temporary file begins.
        planned: The file that is replaced.
        algorithm: The digest that is computed.
        keep: Called with `path` just before the file there is replaced.
        under_way: Entered with something that tells how many bytes have gone over.
        unfinished: What earlier downloads have left, if large ones are to go on where they ended.

    Raises:
        Stale: The place is not as planned, or the object is not.
        PreconditionFailed: The object is not that version any more.
        IntegrityError: Other bytes came than the provider says the object has, several times over.
        OSError: It can't be written. What was at `path` is untouched.
    """
    make_parents(path, directory)
    beside = os.path.join(os.path.dirname(path), temporary)
    with arriving(adapter, expected, beside, algorithm, unfinished if expected.size > SMALL else None) as file:
        aside = file.path
        with under_way(lambda: max(0, size_on_disk(aside) - file.taken_up)):
            remote, digests = _fetch_verified(adapter, expected, file, algorithm)
        file.close()
        _dress(aside, remote, path, replaces=planned is not None)
        now = look(path, expected.key, root)
        if (now is None) != (planned is None) or (now and planned and not same_file(now, planned)):
            raise Stale
        if now is None:
            _place_new(aside, path)
        else:
            keep(path)
            again = look(path, expected.key, root)
            if again is None or not same_file(again, now):
                raise Stale
            os.replace(aside, path)
    local = look(path, expected.key, root)
    if local is None:
        raise Stale
    return Downloaded(local, remote, digests, expected.size - file.taken_up)


def _fetch_verified(
    adapter: BaseSync, expected: RemoteObject, file: Arriving, algorithm: str
) -> tuple[RemoteObject, Digests]:
    """Download to a file that nobody sees, make it last, and check it against all that is known of the object."""
    told = expected.digests
    for _ in range(_ATTEMPTS):
        remote = file.fetch(expected)
        known = merge(remote.digests, told)
        digests, size = file.digest(_enough(algorithm, known))
        if size == expected.size and compare(digests, known) is not Sameness.DIFFERENT:
            return remote, merge(digests, known)
        file.again()
        # A listing may tell a digest that is none, such as the ETag of an encrypted object: all that is known decides.
        seen = adapter.stat_file(expected.key)
        if seen.fingerprint != expected.fingerprint:
            raise Stale
        told = seen.digests
    raise IntegrityError(f"{_ATTEMPTS} times, other bytes came than the provider says the object has", key=expected.key)


def _enough(algorithm: str, known: Digests) -> tuple[str, ...]:
    """Return the algorithms to compute: the baseline's; one that the provider tells, if it does not tell that."""
    told = computable(digest.algorithm for digest in certain(known))
    return (algorithm,) if algorithm in told else (algorithm, *told[:1])


def _dress(aside: str, remote: RemoteObject, path: str, *, replaces: bool) -> None:
    """Give a downloaded file its time, and the permissions of the one that it replaces."""
    if replaces:
        with suppress(OSError):
            os.chmod(aside, stat.S_IMODE(os.stat(path).st_mode))
    mtime_ns = remote.mtime_ns if remote.mtime_ns is not None else remote.modified_ns
    # A time that this disk can't hold is no reason to fail: the content is what counts.
    with suppress(OSError, OverflowError, ValueError):
        os.utime(aside, ns=(mtime_ns, mtime_ns))


def _place_new(aside: str, path: str) -> None:
    """Put a file where none is; one that appears meanwhile is not overwritten."""
    try:
        os.link(aside, path)
    except FileExistsError:
        raise Stale from None
    except (OSError, NotImplementedError):
        # No hard links here: the window between the look and the rename stays, as small as it is.
        os.rename(aside, path)
