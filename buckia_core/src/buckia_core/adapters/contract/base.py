"""`BaseSync`: the whole contract of an adapter."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.types import DeleteOutcome, Precondition, RemoteObject, UploadInfo

Source = Path | BinaryIO | bytes
"""Where the bytes of an upload come from: a file, a reader of known or unknown size, or the bytes themselves."""


class BaseSync(ABC):
    """One bucket at one provider.

    Methods are synchronous and may be called from many threads at once. Each returns a fact or raises; a call
    that raises `Throttled`, `Transient` or anything else with `retryable` set has changed nothing that a repeat
    would not set right. Keys never start with the configured `prefix`: the adapter adds and removes it. Adapters
    do not retry; the wrapper `Retry` does.

    Every method may raise `Unauthenticated`, `PermissionDenied`, `Throttled`, `Transient`, `NotFound` (the
    bucket itself is missing) and `InvalidKey` (the provider can't hold the key).
    """

    @property
    @abstractmethod
    def provider(self) -> str:
        """The provider's id, as in the configuration."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Which bucket this is, in a form that stays equal as long as it is the same one: endpoint, bucket, prefix.

        The baseline is kept under it: a configuration that is pointed at another bucket starts a new one.
        Holds no secret and costs no request.
        """

    @property
    def earlier_identities(self) -> Sequence[str]:
        """What earlier versions of the adapter told as `identity` of this bucket, if that was spelt in another way.

        What is remembered under one of them is taken over.
        """
        return ()

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What this adapter, as configured, can do, as far as it is known now. Costs no request."""

    @property
    def local_directory(self) -> str | None:
        """The directory of this machine that holds the objects as files; `None` if there is none.

        A sync of such a directory with itself, or with what is around or inside of it, is refused. Where `nested_keys`
        is false as well, the object `a/b` is the file `a/b` in it: a sync sees what else stands in an object's way.
        """
        return None

    def probe(self) -> Capabilities:
        """Return `capabilities` with what only the server can tell, asked once. Called before the first write."""
        return self.capabilities

    @property
    def request_count(self) -> int | None:
        """How many requests went to the provider so far, each page of a listing counted; `None` if it isn't known.

        Most adapters are asked for it by the wrapper `Counting` only, which counts calls where they do not know.
        """
        return None

    def limit_requests(self, wait: Callable[[], object]) -> bool:  # noqa: ARG002  # for those that can
        """Call `wait` before each request from now on, and return true; false where the adapter can't.

        `wait` returns when the request may be sent. It may be called from many threads. Call it before the request is
        signed, since it may sleep for long. `RequestCounter.limit` does all this for an adapter that counts its
        requests.
        """
        return False

    @abstractmethod
    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """Yield the objects whose key starts with `prefix`, in ascending order of the key's UTF-8 bytes.

        Only keys greater than `start_after` and not greater than `end_at` are yielded. Directory markers come as
        what they are: objects whose key ends in a slash. A prefix without objects yields nothing. Objects that
        come or go meanwhile may or may not be seen; all others are seen exactly once.

        Raises:
            AdapterError: The listing can't be finished. Nothing may then be concluded from what came before.
        """

    @abstractmethod
    def stat_file(self, key: str) -> RemoteObject:
        """Return all that the provider tells about one object; `metadata` is never `None`.

        Its `key`, `size` and `fingerprint` are equal to those of a listing.

        Raises:
            NotFound: There is no such object.
        """

    @abstractmethod
    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """Write one object, whole or not at all, and return it as it then is (`fingerprint` as in a listing).

        An object under the key is replaced, unless `expect` forbids it. Readers are read from where they stand
        to their end and are not closed. The caller sees to it that a path exists.

        Raises:
            PreconditionFailed: The object is not as `expect` says. Nothing was written.
            IntegrityError: What arrived is not what was sent. Nothing was written.
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
        """Write the bytes from `start` up to, not including, `end` to the file `target`, and return the object.

        `target` is opened under exactly this path, and made or truncated; it may be a second name of an open file, to
        which nothing can be renamed. After an error its content is undefined. All bytes come from one version, that of
        `expect` if it is given. Its directory exists.

        Raises:
            NotFound: There is no such object.
            PreconditionFailed: The object is not the version expected any more.
            IntegrityError: Fewer bytes came than the object has, or others.
            OSError: The target can't be written.
        """

    @abstractmethod
    def open_file(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """Open an object for reading, as a context manager that gives back the connection.

        The reader is forward-only. Ranges, versions and errors are those of `download_file`; an error may also
        be raised by a `read` on the way.
        """

    def read_file(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """Return an object with all its bytes, which the caller has room for.

        Versions and errors are those of `download_file`, through which it comes unless an adapter has a shorter way.
        """
        with tempfile.TemporaryDirectory(prefix="buckia-") as directory:
            target = Path(directory) / "object"
            return self.download_file(key, target, expect=expect), target.read_bytes()

    @abstractmethod
    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """Delete objects and return one outcome for each key, in the order given. `keys` may be empty.

        An absent key is not an error. One key's error does not keep the others from being deleted.

        Raises:
            AdapterError: The whole call failed, and nothing is known of any key; it may be repeated.
        """

    def close(self) -> None:  # noqa: B027  # most adapters hold nothing that has to be given back
        """Give back connections. Nothing else is called afterwards; closing twice is no error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
