"""Miniatures: manifests, folders and buckets described in one line.

    m("a=1 b=2 dir/c=long")

has three keys with contents `1`, `2` and `long`. Equal tokens are equal contents; tokens of equal length are contents
of equal size. Times, inode and fingerprint are derived from the token, so that a local entry, an object and a baseline
row with the same token are in sync. A token may have a suffix:

    a=1@5    modified five seconds after 1970: `m("a=1@5")` was touched, compared with `m("a=1")`, and not edited
    a=1?     without a known digest
    a=1!     a baseline row recorded while the file was so young that it is racy
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.planning.digest import Digest, Digests, format_digests
from buckia_core.planning.manifest import BaselineEntry, LocalEntry, RemoteObject

_TOKEN = re.compile(r"(?P<key>[^=\s]+)=(?P<token>[^\s@?!]*)(?:@(?P<seconds>\d+))?(?P<marks>[?!]*)")
_EPOCH_SECONDS = 1_600_000_000


def content(token: str) -> bytes:
    """Return the content of a token: its letters."""
    return token.encode()


@dataclass(frozen=True, slots=True)
class Item:
    """One key of a miniature.

    Attributes:
        key: The key.
        token: The token of its content.
        mtime_ns: Modification time, by default derived from the token.
        has_digest: Whether its digest is known.
        racy: Whether the baseline row is racy.
    """

    key: str
    token: str
    mtime_ns: int
    has_digest: bool
    racy: bool

    @property
    def inode(self) -> int:
        """Inode derived from the content, so that a moved file keeps it."""
        return zlib.crc32(self.token.encode()) + 1

    @property
    def sha256(self) -> str:
        """The digest of the content."""
        return hashlib.sha256(content(self.token)).hexdigest()

    @property
    def digests(self) -> Digests:
        """The known digests of the content."""
        return (Digest("sha256", self.sha256),) if self.has_digest else ()


@dataclass(frozen=True, slots=True)
class Miniature:
    """Keys with their contents, in key order."""

    items: tuple[Item, ...]

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def contents(self) -> dict[str, bytes]:
        """Return the contents by key."""
        return {item.key: content(item.token) for item in self.items}

    def local(self, root: str = "") -> list[LocalEntry]:
        """Return the manifest of a folder as scanned, without digests."""
        return [
            LocalEntry(item.key, root, len(content(item.token)), item.mtime_ns, item.mtime_ns, item.inode)
            for item in self.items
        ]

    def hashed(self, root: str = "") -> list[LocalEntry]:
        """Return the manifest of a folder with digests."""
        return [entry._replace(digests=item.digests) for entry, item in zip(self.local(root), self.items, strict=True)]

    def remote(self) -> list[RemoteObject]:
        """Return the manifest of a bucket whose listings have digests and no modification times."""
        return [
            RemoteObject(
                item.key, len(content(item.token)), item.sha256[:16], modified_ns=item.mtime_ns, digests=item.digests
            )
            for item in self.items
        ]

    def base(self, root: str = "") -> list[BaselineEntry]:
        """Return the baseline of a folder and a bucket that were in sync with these contents."""
        return [
            BaselineEntry(
                key=item.key,
                mapping_id=root,
                size=len(content(item.token)),
                mtime_ns=item.mtime_ns,
                ctime_ns=item.mtime_ns,
                inode=item.inode,
                racy=item.racy,
                fingerprint=item.sha256[:16],
                digests_text=format_digests(item.digests),
            )
            for item in self.items
        ]

    def write_to(self, directory: Path) -> Path:
        """Write the files into a directory, which is created if needed, and return it. Keeps other files."""
        directory.mkdir(parents=True, exist_ok=True)
        for key, data in self.contents().items():
            path = directory / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return directory

    def upload_to(self, adapter: BaseSync) -> list[RemoteObject]:
        """Upload the objects, and return them."""
        return [
            adapter.upload_file(content(item.token), item.key, info=UploadInfo(mtime_ns=item.mtime_ns))
            for item in self.items
        ]


def m(text: str = "") -> Miniature:
    """Parse a miniature.

    Raises:
        ValueError: A part is not `key=token`, or a key is repeated.
    """
    items: dict[str, Item] = {}
    for part in text.split():
        match = _TOKEN.fullmatch(part)
        if not match or match["key"] in items:
            raise ValueError(f"{part!r} in {text!r} is not `key=token`, or its key is repeated")
        seconds = int(match["seconds"]) if match["seconds"] else _EPOCH_SECONDS + zlib.crc32(match["token"].encode())
        marks = match["marks"]
        items[match["key"]] = Item(match["key"], match["token"], seconds * 10**9, "?" not in marks, "!" in marks)
    return Miniature(tuple(items[key] for key in sorted(items)))


def files_in(directory: Path) -> dict[str, bytes]:
    """Return the contents of all files below a directory by relative POSIX path. Does not follow links."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def objects_in(adapter: BaseSync) -> dict[str, bytes]:
    """Return the contents of all objects of a bucket, by key."""
    found = {}
    for listed in adapter.list_files():
        with adapter.open_file(listed.key, expect=listed) as reader:
            found[listed.key] = reader.read()
    return found
