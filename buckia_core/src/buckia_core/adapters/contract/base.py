"""`BaseSync`: the methods that every adapter implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.types import DeleteOutcome, Precondition, UploadInfo
from buckia_core.planning.manifest import RemoteObject

Source = Path | BinaryIO | bytes
"""What an upload reads: a file, a reader of known or unknown size, or bytes."""

BeforeRequest = Callable[[], Coroutine[Any, Any, object]]
"""Waits until a request may be sent: without an event loop it blocks."""


class BaseSync(ABC):
    """One bucket at one provider.

    Methods are synchronous and thread-safe. A call that raises an error with `retryable` set, such as `Throttled` or
    `Transient`, can be repeated safely. Keys do not include the configured `prefix`: the adapter adds and removes it.
    Adapters do not retry; the wrapper `Retry` does. They do not change their arguments. `expect` is a `Precondition` of
    a write, or the version to read.

    Every method may raise `Unauthenticated`, `PermissionDenied`, `Throttled`, `Transient`, `BucketNotFound` and
    `InvalidKey` (the provider can't store the key).
    """

    @property
    @abstractmethod
    def provider(self) -> str:
        """The provider's id in the configuration, such as `s3`."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Stable name of the bucket and prefix: endpoint, bucket, prefix. The baseline is stored under it.

        Contains no secret and costs no request.
        """

    @property
    def earlier_identities(self) -> Sequence[str]:
        """Values of `identity` that earlier versions of the adapter returned for this bucket.

        State that is stored under one of them is migrated.
        """
        return ()

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What the adapter can do with its settings, as far as known without `probe`. Costs no request."""

    @property
    def local_directory(self) -> str | None:
        """Path of the local directory that stores the objects as files; `None` if there is none.

        The engine refuses to sync this directory, its parents or its children with the bucket. If `nested_keys` is
        false too, the object `a/b` is the file `a/b` in it, and a sync detects other entries that block an object's
        path.
        """
        return None

    @property
    def public_url_base(self) -> str | None:
        """Start of the URLs under which everybody can read the objects, if the settings say so; `None` otherwise.

        `PublicUrl.public_url` starts with it.
        """
        return None

    def key_from_url(self, url: str) -> str | None:  # noqa: ARG002  # for overrides
        """Return the key of a public or signed URL of this bucket; `None` for any other URL.

        Query and fragment are ignored. See `object_urls.key_below`.
        """
        return None

    def probe(self) -> Capabilities:
        """Ask the server, once, for the capabilities that depend on it; return all. Called before the first write."""
        return self.capabilities

    @property
    def request_count(self) -> int | None:
        """Requests sent to the provider so far, with each page of a listing; `None` if the adapter does not count.

        The wrapper `RequestCounting` then counts calls instead.
        """
        return None

    def limit_requests(self, before_request: BeforeRequest) -> bool:  # noqa: ARG002  # for overrides
        """Await `before_request()` before each request from now on, and return true; return false if the adapter can't.

        It is thread-safe and may wait for long: await it before you sign the request, or run it with `run_blocking`
        where there is no event loop. An adapter that counts its requests with `RequestCounter` calls
        `RequestCounter.limit` here.
        """
        return False

    @abstractmethod
    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """Yield the objects whose key starts with `prefix`, in ascending order of the key's UTF-8 bytes.

        Only keys with `start_after < key <= end_at` are yielded. Directory markers are objects whose key ends in a
        slash. A prefix without objects yields nothing. Objects that are created or deleted during the listing may or
        may not be yielded; all others are yielded exactly once.

        Raises:
            AdapterError: The listing is incomplete: keys that are missing so far may exist.
        """

    @abstractmethod
    def stat_file(self, key: str) -> RemoteObject:
        """Return one object with all its attributes; `metadata` is not `None`.

        `key`, `size` and `fingerprint` equal those in a listing.

        Raises:
            NotFound: The object does not exist.
        """

    @abstractmethod
    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """Write one object atomically, and return it with the `fingerprint` that a listing has.

        Replaces the object of that key, unless `expect` forbids it. Readers are read from their position to the end,
        and stay open; a `read` may return fewer bytes than it is asked for before the end. Of the result, only `key`,
        `size` and `fingerprint` are required.

        Raises:
            PreconditionFailed: The object is not as `expect` says. Nothing was written.
            IntegrityError: The bytes that arrived differ from those sent. Nothing was written.
            OSError: The source can't be read.
        """

    @abstractmethod
    def download_file(
        self,
        key: str,
        target: Path,
        *,
        expect: RemoteObject | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> RemoteObject:
        """Write the bytes `[start, end)` of an object to the file `target`, and return the object.

        Create or truncate `target` and write to exactly this path: it may be a second name of a file that the engine
        holds open, so do not rename another file to it. Its directory exists. After an error its content is undefined.
        All bytes are of one version: that of `expect`, if given. A range is shorter, or empty, where it is beyond the
        end of the object.

        Raises:
            NotFound: The object does not exist.
            PreconditionFailed: The object is no longer the version `expect`.
            IntegrityError: The bytes received are too few, too many or corrupt.
            OSError: The target can't be written.
        """

    @abstractmethod
    def open_file(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """Open an object for reading; the context manager releases the connection.

        The reader is forward-only. Range, version and errors are as in `download_file`; each `read` may raise them.
        """

    def read_file(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """Return an object and its content, which fits into memory.

        Version and errors are as in `download_file`. Override it where a temporary file can be avoided.
        """
        import tempfile  # noqa: PLC0415  # slow to import

        with tempfile.TemporaryDirectory(prefix="buckia-") as directory:
            target = Path(directory) / "object"
            return self.download_file(key, target, expect=expect), target.read_bytes()

    @abstractmethod
    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """Delete objects and return one outcome per key, in the order of `keys`, which may be empty.

        An absent key is not an error. An error of one key does not stop the others.

        Raises:
            AdapterError: The whole call failed; any of the keys may have been deleted.
        """

    def close(self) -> None:  # noqa: B027  # most adapters hold no resources
        """Release connections. No other method is called afterwards; closing twice is no error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
