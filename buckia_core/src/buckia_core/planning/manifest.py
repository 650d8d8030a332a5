"""Manifest entries: one key as the local side, the bucket and the baseline have it.

A manifest is an iterable of entries, sorted by the UTF-8 bytes of their keys. Python sorts strings by code point, which
is the same order.

Entries are named tuples instead of frozen dataclasses, because a run creates three for each file, and a tuple takes a
third of the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from buckia_core.planning import digest
from buckia_core.planning.digest import Digests

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_from_ns(nanoseconds: int) -> datetime:
    """Convert nanoseconds since 1970 to a time in UTC, in microseconds; OverflowError outside of its range."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def time_to_ns(time: datetime) -> int:
    """Convert a time with a time zone to nanoseconds since 1970."""
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000


class FileSignature(Protocol):
    """The numbers of a file that tell whether it is unchanged, without a read of its content.

    Three questions need different ones of them:

        function            size  mtime_ns  inode  ctime_ns
        ---------------------------------------------------
        `is_untouched`      yes   yes       yes    yes
        `is_same_version`   yes   yes       yes
        `is_same_copy`      yes   yes

    Equal numbers prove equal content only for a file that was not written in the clock tick of its `stat` (see `racy`).
    The device is never compared: its number differs after each mount, and a run checks the identity of its roots.

    Attributes:
        size: Bytes.
        mtime_ns: Modification time. Any program can set it, and FAT stores it in steps of two seconds.
        ctime_ns: Time of the last change of the inode, which only the kernel sets; 0 on Windows, which has none.
        inode: Inode number; 0 on systems without one. Some file systems number their files anew at each mount.
    """

    @property
    def size(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def ctime_ns(self) -> int: ...
    @property
    def inode(self) -> int: ...


def is_untouched(a: FileSignature, b: FileSignature) -> bool:
    """Tell whether nothing was done to a file between two runs, not even a rename, a link or a `chmod`.

    A file that fails this test is hashed, so that the strictest comparison costs a read and never an edit.
    """
    return a.size == b.size and a.mtime_ns == b.mtime_ns and a.ctime_ns == b.ctime_ns and a.inode == b.inode


def is_same_version(a: FileSignature, b: FileSignature) -> bool:
    """Tell whether a name still has the same file with the same content, within one run.

    `ctime_ns` may differ: the run itself links and renames files, which changes it.
    """
    return a.size == b.size and a.mtime_ns == b.mtime_ns and a.inode == b.inode


def is_same_copy(a: FileSignature, b: FileSignature) -> bool:
    """Tell whether a file, or its copy on another device, has the same content; copies have another inode."""
    return a.size == b.size and a.mtime_ns == b.mtime_ns


class LocalEntry(NamedTuple):
    """Local file, with the result of `os.stat`.

    Attributes:
        key: The key that the file has in the bucket.
        mapping_id: The id of the mapping that has the file.
        size: Bytes.
        mtime_ns: Modification time, nanoseconds since 1970.
        ctime_ns: Time of the last change of the inode, in nanoseconds; 0 on systems without one (Windows).
        inode: Inode number; 0 on systems without one.
        digests: Known digests of the content; empty until they are computed.
        snapshot: The content is that of a snapshot, since the file is an SQLite database that may be in use. The
            numbers cover its side files; `ctime_ns` is a mark of them.
    """

    key: str
    mapping_id: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    digests: Digests = ()
    snapshot: bool = False


class RemoteObject(NamedTuple):
    """Object of a bucket.

    Attributes:
        key: The object's key, without the configured `prefix`.
        size: Bytes.
        fingerprint: Opaque value of the adapter (an ETag, a version id, a hash) that proves unchanged content: as long
            as it is equal, so is the content. Never empty.
        modified_ns: Time when the provider received the object, by the provider's clock; nanoseconds since 1970; 0 if
            unknown.
        mtime_ns: Modification time of the uploaded file, if the provider stores and reports it.
        digests: Digests of the content that the provider reports.
        version: Version id, if the bucket keeps versions.
        content_type: MIME type as it was uploaded, if the provider stores it; not one that it guesses.
        metadata: User metadata; `None` if not reported (listings), empty if there is none.
        claimed: Digests that a client stored with the content, such as in metadata. They prove nothing, because another
            client may have replaced the content and kept them. They are never used as `digests`.
    """

    key: str
    size: int
    fingerprint: str
    modified_ns: int = 0
    mtime_ns: int | None = None
    digests: Digests = ()
    version: str | None = None
    content_type: str | None = None
    metadata: Mapping[str, str] | None = None
    claimed: Digests = ()


UNRECEIVED = digest.Digest("unreceived", "1")
"""Mark among the digests of a baseline row: the object was edited in the bucket, and the local path left that alone."""


class BaselineEntry(NamedTuple):
    """Baseline row: the state of a key when both sides were last in sync.

    Attributes:
        key: The key.
        mapping_id: The id of the mapping that had the file.
        size: Bytes, the same on both sides.
        mtime_ns, ctime_ns, inode: The local file's fingerprint.
        racy: The file was so recent when it was recorded that a later edit may have left the same times. It is hashed
            before it counts as unchanged (git calls this "racily clean").
        fingerprint: The object's fingerprint.
        digests_text: Digests of the content as text; empty if unknown (the file changed while it was read). They are
            parsed on demand, because most rows never need them.
        out_of_scope: The last run that found the key did not sync it, because its mapping or the filter had changed.
            A side that is missing then proves no deletion, so nothing is deleted for it.
    """

    key: str
    mapping_id: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    racy: bool
    fingerprint: str
    digests_text: str
    out_of_scope: bool = False

    @property
    def digests(self) -> Digests:
        """Digests of the local content; empty if unknown."""
        return digest.parse_digests(self.digests_text)
