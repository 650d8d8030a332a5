"""`DirectorySync`: a directory as a bucket."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from buckia_core.adapters.content_types import guess_content_type
from buckia_core.adapters.contract.base import BaseSync, Source
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.identity import normalize_prefix
from buckia_core.adapters.contract.object_urls import key_below, url_below
from buckia_core.adapters.contract.types import DeleteOutcome, Precondition, UploadInfo
from buckia_core.adapters.directory.errors import PROVIDER, not_found, translate_errors
from buckia_core.adapters.directory.paths import Paths
from buckia_core.adapters.directory.read import open_object
from buckia_core.adapters.directory.settings import DirectorySettings
from buckia_core.adapters.directory.stat import object_from_stat
from buckia_core.adapters.directory.walk import Walk, WalkRange, remove_stale
from buckia_core.adapters.directory.write import write
from buckia_core.adapters.transfers.sources import READ_CHUNK, DigestVerifier, iter_chunks, open_source
from buckia_core.errors import AdapterError
from buckia_core.localfs.empty_directories import prune
from buckia_core.localfs.filename_rules import check_filename_encoding
from buckia_core.localfs.files import copy_content, permission_bits, write_all
from buckia_core.planning.manifest import RemoteObject


class DirectorySync(BaseSync):
    """A directory as a bucket: the file `a/b.txt` below it is the object `a/b.txt`.

    Beyond the contract:

    - Links and special files are not listed, read, replaced or deleted, and links are not followed. Names that are not
      valid UTF-8 are not listed, but logged.
    - A listing raises if a directory can't be read, or if the root does not exist. An upload creates the root if its
      parent exists.
    - Objects are written to a temporary file `.buckia-tmp-…` beside them first. Stale ones, left by a dead process, are
      removed after a day, by the first upload or delete after a listing that found them.
    - A delete removes directories that become empty. Empty directories are not listed.
    - `IfAbsent` is atomic if the disk has hard links. `IfUnchanged` is atomic if the disk can exchange two files, as on
      Linux and macOS; elsewhere only among the threads of this process.
    - Content types are guessed from names; user metadata is not stored.
    """

    def __init__(self, settings: DirectorySettings) -> None:
        check_filename_encoding()
        self._prefix = normalize_prefix(settings.prefix)
        self._root = os.path.abspath(settings.root)
        self._real_root = os.path.realpath(settings.root)
        self._paths = Paths(self._root, self._prefix, settings.bucket_name)
        self._public_url_base = settings.public_url_base
        self._stale: set[str] = set()
        self._capabilities = Capabilities(
            start_after=True,
            mtime=True,
            server_copy=True,
            public_url=True,
            nested_keys=False,
            free_reads=True,
            max_key_bytes=self._paths.max_key_bytes,
            delete_batch_size=100,
        )

    @property
    def provider(self) -> str:
        """`file`."""
        return PROVIDER

    @property
    def identity(self) -> str:
        """The resolved absolute path: if a link in it changes, it is another bucket."""
        return f"file:{os.path.normcase(os.path.join(self._real_root, self._prefix))}"

    @property
    def earlier_identities(self) -> Sequence[str]:
        """The configured path, with links."""
        return (f"file:{os.path.normcase(os.path.join(self._root, self._prefix))}",)

    @property
    def local_directory(self) -> str:
        """The directory, with the prefix."""
        return os.path.join(self._root, self._prefix)

    @property
    def capabilities(self) -> Capabilities:
        """Modification times, listings from any key, copies, URLs."""
        return self._capabilities

    @property
    def public_url_base(self) -> str | None:
        """See `BaseSync`."""
        return self._public_url_base

    def public_url(self, key: str) -> str:
        """See `PublicUrl`. A file URL, unless `public_url_base` is set."""
        self._paths.resolve(key)
        return url_below(self._public_url_base or self._file_url, self._prefix + key)

    def key_from_url(self, url: str) -> str | None:
        """See `BaseSync`."""
        base = self._public_url_base
        return key_below(url, [self._file_url] if base is None else [base, self._file_url], self._prefix)

    @property
    def _file_url(self) -> str:
        return Path(self._root).as_uri()

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`. Does not read directories outside the range."""
        return Walk(self._paths, WalkRange(prefix, start_after, end_at), self._stale).objects()

    def stat_file(self, key: str) -> RemoteObject:
        """See `BaseSync`."""
        status = self._paths.resolve(key).file_stat()
        if status is None:
            raise not_found(key)
        return object_from_stat(key, status)._replace(content_type=guess_content_type(key), metadata={})

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        info = info or UploadInfo()
        verifier = DigestVerifier(info.digests)
        with open_source(source) as reader:

            def write_content(descriptor: int) -> None:
                for chunk in verifier.hash_stream(iter_chunks(reader)):
                    with translate_errors(key):
                        write_all(descriptor, chunk)
                verifier.verify(provider=PROVIDER, key=key)

            self._remove_stale()
            return write(self._paths, key, write_content, expect=expect, mtime_ns=info.mtime_ns, mode=info.mode)

    def download_file(
        self,
        key: str,
        target: Path,
        *,
        expect: RemoteObject | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> RemoteObject:
        """See `BaseSync`."""
        with open_object(self._paths, key, expect=expect, start=start, end=end) as reader, target.open("wb") as file:
            buffer = memoryview(bytearray(min(READ_CHUNK, reader.status.st_size) or 1))
            while count := reader.readinto(buffer):
                file.write(buffer[:count])
            return object_from_stat(key, reader.status)

    def read_file(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync`."""
        with open_object(self._paths, key, expect=expect, start=0, end=None) as reader:
            return object_from_stat(key, reader.status), reader.read()

    @contextmanager
    def open_file(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> Iterator[BinaryIO]:
        """See `BaseSync`."""
        with (
            open_object(self._paths, key, expect=expect, start=start, end=end) as reader,
            io.BufferedReader(reader, READ_CHUNK) as buffered,
        ):
            yield buffered

    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync`."""
        if keys:
            self._paths.check_root()
            self._remove_stale()
        return [DeleteOutcome(key, self._delete(key)) for key in keys]

    def copy_file(self, source: RemoteObject, key: str, *, expect: Precondition | None = None) -> RemoteObject:
        """See `ServerCopy`. Copies no bytes on a file system that can share blocks between files."""
        with open_object(self._paths, source.key, expect=source) as reader:

            def write_content(descriptor: int) -> None:
                with translate_errors(key):
                    copy_content(reader.fileno(), descriptor)
                reader.check_unchanged()

            status, mode = reader.status, permission_bits(reader.status)
            return write(self._paths, key, write_content, expect=expect, mtime_ns=status.st_mtime_ns, mode=mode)

    def close(self) -> None:
        """See `BaseSync`. The disk can be unmounted afterwards."""
        self._paths.close()

    def _delete(self, key: str) -> AdapterError | None:
        try:
            resolved = self._paths.resolve(key)
            if resolved.file_stat() is None:
                return None
            with translate_errors(key):
                try:
                    resolved.directory.unlink(resolved.name)
                except FileNotFoundError:
                    return None
            prune(resolved.tree, resolved.parent)
        except AdapterError as error:
            return error
        return None

    def _remove_stale(self) -> None:
        if self._stale:
            with self._paths.open() as tree:
                remove_stale(tree, self._stale)
