"""Optional abilities: a protocol each, and a capability of its name. The conformance suite checks that both agree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, BinaryIO, Protocol, runtime_checkable

from buckia_core.adapters.contract.types import Precondition, RemoteObject, UploadInfo

if TYPE_CHECKING:
    from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload, PartLayout
    from buckia_core.planning.versions import ObjectVersion


@runtime_checkable
class ServerCopy(Protocol):
    """Capability `server_copy`: objects are copied without passing through this machine."""

    def copy_file(self, source: RemoteObject, key: str, *, expect: Precondition | None = None) -> RemoteObject:
        """Copy exactly the version `source` to `key`, with its metadata, and return the new object.

        Raises:
            NotFound: The source is gone.
            PreconditionFailed: The source is another version now, or the target is not as `expect` says.
        """


@runtime_checkable
class PublicUrl(Protocol):
    """Capability `public_url`: objects can be had by everybody under a stable address."""

    def public_url(self, key: str) -> str:
        """Return the address; costs no request, and does not check that the object exists."""


@runtime_checkable
class SignedUrl(Protocol):
    """Capability `signed_url`: addresses that carry their own permission."""

    def signed_url(self, key: str, *, seconds: int, method: str = "GET") -> str:
        """Return an address that allows `method` on the key for so many seconds.

        Raises:
            ValueError: The provider does not sign for so long, or not this method.
        """


@runtime_checkable
class ResumableUpload(Protocol):
    """Capability `resumable_upload`: a large upload that was interrupted goes on from the parts that arrived.

    The provider keeps the parts, and a `Note` keeps what the adapter needs to find them again: in the next attempt, or
    in the next run. The caller sees to it that a note is about the same bytes for the same key.
    """

    def part_layout(self, size: int) -> PartLayout | None:
        """Return how a file of so many bytes is cut; `None` if it goes whole, by `upload_file`. Costs no request."""

    def upload_parts(
        self, source: MultipartSource, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """Write one object of the parts of a file, as `upload_file` would, and return it.

        Parts that the provider has already, according to the note, are compared with the file and not sent again.
        Before the first part is sent the note is written. After an error that may pass, or an interruption, the parts
        stay where they are; after any other error they are removed and the note is cleared. After success the note may
        say anything.

        An object that turns out to have been put together by an earlier attempt is returned as it is.

        Raises:
            PreconditionFailed: The object is not as `expect` says. Nothing was written.
            IntegrityError: The file has other bytes than its parts' digests say. Nothing was written.
            OSError: The file can't be read.
        """

    def abort_upload(self, key: str, text: str) -> None:
        """Remove the parts that the text of a note is about. That there are none any more is no error."""


@runtime_checkable
class ResumableDownload(Protocol):
    """Capability `resumable_download`: a download can begin anywhere, and tells how far it has come without a gap."""

    def resume_download(self, key: str, landing: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        """Write the bytes from `landing.start` on to their places in the file `landing.target`; return the object.

        The file exists; open it under exactly this path and do not truncate it. Whenever the gapless prefix of the file
        has grown, call `landing.on_progress` with its length in bytes, in the thread of the call.

        Raises:
            NotFound, PreconditionFailed, IntegrityError, OSError: As `download_file`.
        """


@runtime_checkable
class Versioned(Protocol):
    """Versions that were overwritten or deleted are listed, read and brought back.

    Whoever declares the capability `versions` is one. Without the capability the bucket keeps none now, but it may have
    kept some before: they are listed too.
    """

    def list_versions(self, prefix: str = "") -> Iterator[ObjectVersion]:
        """Yield all versions of the objects whose key starts with `prefix`, deletions included.

        Keys come in ascending order of their UTF-8 bytes, the versions of a key the newest first.

        Raises:
            AdapterError: The listing can't be finished. Nothing may then be concluded from what came before.
        """

    def stat_version(self, key: str, version: str) -> RemoteObject:
        """Return all that the provider tells about one version.

        Raises:
            NotFound: There is no such version, or it is a deletion, which has no content.
        """

    def open_version(self, key: str, version: str) -> AbstractContextManager[BinaryIO]:
        """Open one version for reading, as `BaseSync.open_file` does the latest one.

        Raises:
            NotFound: As `stat_version`.
        """

    def restore_version(self, key: str, version: str, *, expect: Precondition | None = None) -> RemoteObject:
        """Make a copy of a version the latest one, with its metadata, and return the new object. No version goes away.

        Raises:
            NotFound: As `stat_version`.
            PreconditionFailed: What is under the key now is not as `expect` says. Nothing was written.
        """

    def delete_version(self, key: str, version: str) -> None:
        """Delete one version for good; the one before it is then the latest. Of a deletion: undo it.

        That there is none of that id is no error.

        Raises:
            PermissionDenied: The version is locked, or the credentials do not allow it.
        """
