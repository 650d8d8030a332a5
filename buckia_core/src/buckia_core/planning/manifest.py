"""What each side knows of one key.

A manifest is an iterable of entries in ascending order of the key's UTF-8 bytes. Python orders text by code
point, which is the same order, so keys are compared as text.

Entries are named tuples and not frozen dataclasses: a run makes three for every file there is, and a tuple
is made in a third of the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from buckia_core.planning import digest
from buckia_core.planning.digest import Digests


class LocalEntry(NamedTuple):
    """One local file, as `os.stat` shows it.

    Attributes:
        key: The key that the file has in the bucket.
        root: The id of the mapping that owns the file.
        size: Bytes.
        mtime_ns: Modification time, nanoseconds since 1970.
        ctime_ns: Time of the last change of the inode, in nanoseconds; 0 where the system has none (Windows).
        inode: File number; 0 where the system has none.
        digests: What is known of the content; empty until something needed it.
    """

    key: str
    root: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    digests: Digests = ()


class RemoteObject(NamedTuple):
    """One object of a bucket.

    Attributes:
        key: The object's whole name, without the `prefix` that the adapter was configured with.
        size: Bytes.
        fingerprint: Proof of "unchanged", opaque to everybody but the adapter (an ETag, a version id, a
            hash): as long as it is equal, the content is. Never empty.
        modified_ns: When the provider took the object in, by the provider's clock; nanoseconds since 1970; 0 where
            it is not known.
        mtime_ns: Modification time of the file that was uploaded, where the provider keeps it and has told.
        digests: What the provider tells about the content.
        version: Id of this version, where the bucket keeps versions.
        content_type: MIME type, where it was told.
        metadata: User metadata; `None` means "not told here" (listings), empty means "has none".
        claimed: Digests that a client stored beside the content, such as in metadata. Another client may have
            replaced the content and kept them: equal ones prove nothing, so they never stand in for `digests`.
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


class BaselineEntry(NamedTuple):
    """What both sides agreed on when the key was last in step: one row of the baseline.

    Attributes:
        key: The key.
        root: The id of the mapping that owned the file.
        size: Bytes, the same on both sides.
        mtime_ns, ctime_ns, inode: The local file's fingerprint.
        racy: The file was so young when it was recorded that a later edit may have left the same times;
            such a file is hashed before it counts as unchanged (git calls this "racily clean").
        fingerprint: The object's fingerprint.
        content: Digests of the content, as text; empty where it isn't known (the file changed while it was read).
            Text, because most rows are never asked for it.
        out_of_scope: The last run that came across the key did not sync it, because its mapping or the filter had
            changed. Then nobody knows why one of the sides is missing, and nothing is deleted for it.
    """

    key: str
    root: str
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
        """Digests of the content; empty where it isn't known."""
        return digest.parse_digests(self.digests_text)
