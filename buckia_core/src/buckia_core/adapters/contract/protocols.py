"""Optional protocols of an adapter, each with a capability of its name.

The capability decides: callers use a protocol only if the adapter declares it. So a class may have the method, and
declare it only for settings with which it works; called without, it raises `NotSupported`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, BinaryIO, Protocol, runtime_checkable

from buckia_core.adapters.contract.types import BucketLocation, DeleteOutcome, Precondition, UploadInfo
from buckia_core.planning.manifest import RemoteObject

if TYPE_CHECKING:
    from buckia_core.adapters.contract.base import BaseSync
    from buckia_core.adapters.contract.object_options import ObjectOptions
    from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload, PartLayout
    from buckia_core.config.object_rules import ObjectAttributes
    from buckia_core.planning.versions import ObjectVersion


@runtime_checkable
class PrefixListing(Protocol):
    """Capability `list_prefixes`: the server lists the directories of a prefix, so that a long listing can be split."""

    def list_prefixes(self, prefix: str = "", *, start_after: str | None = None) -> list[str]:
        """Return the directories right below `prefix`: beginnings of keys, up to the first slash after it.

        In ascending order of their UTF-8 bytes, as many as one request returns: the first ones that are greater than
        `start_after`. Objects may be among them in vain, since they take room in the response. Callers use the
        directories as places to split a listing, so a list that is incomplete or out of date costs only speed.

        Raises:
            AdapterError: The server did not list them.
        """


@runtime_checkable
class ServerCopy(Protocol):
    """Capability `server_copy`: the server copies objects."""

    def copy_file(self, source: RemoteObject, key: str, *, expect: Precondition | None = None) -> RemoteObject:
        """Copy the version `source`, with its metadata, to `key`, and return the new object.

        Nothing of an object that it replaces remains. A copy onto itself may be refused.

        Raises:
            NotFound: The source no longer exists.
            PreconditionFailed: The source is a different version now, or the target is not as `expect` says.
        """


@runtime_checkable
class PublicUrl(Protocol):
    """Capability `public_url`: objects have a stable URL that needs no credentials."""

    def public_url(self, key: str) -> str:
        """Return the URL. Costs no request, and does not check that the object exists."""


@runtime_checkable
class SignedUrl(Protocol):
    """Capability `signed_url`: URLs that grant access to one object for a limited time."""

    def signed_url(
        self,
        key: str,
        *,
        seconds: int,
        method: str = "GET",
        content_type: str | None = None,
        content_disposition: str | None = None,
    ) -> str:
        """Return a URL that allows `method` on the key for `seconds`.

        Args:
            key: The key.
            seconds: Time until the URL expires.
            method: HTTP method.
            content_type: For GET, the type that the response has; for PUT, the `Content-Type` that must be sent.
            content_disposition: For GET, the `Content-Disposition` that the response has.

        Raises:
            ValueError: The provider does not sign for this time or method.
            NotSupported: The provider can't set the type or the disposition.
        """


@runtime_checkable
class WithOptions(Protocol):
    """Capability `with_options`: encryption and locks for single objects."""

    def with_options(self, options: ObjectOptions) -> BaseSync:
        """Return a view of the same bucket, whose calls have these options. Options replace the settings.

        The view shares connections, threads and counters, and is not closed. Costs no request.

        Raises:
            NotSupported: The provider, as configured, lacks one of the options.
        """


@runtime_checkable
class Lifecycle(Protocol):
    """Capability `lifecycle`: rules by which the provider removes what is left over."""

    def ensure_lifecycle(self, *, abort_multipart_days: int | None, noncurrent_days: int | None) -> bool:
        """Add rules for all objects below the prefix; return whether the bucket's rules changed.

        Rules of other names stay. Calling it twice changes nothing.

        Args:
            abort_multipart_days: Remove parts of uploads that were started so many days ago; `None` for no such rule.
            noncurrent_days: Delete versions so many days after they were replaced or deleted; `None` for no such rule.

        Raises:
            PermissionDenied: The credentials may not change the bucket.
            PreconditionFailed: The rules changed at the same time.
        """


@runtime_checkable
class BucketCopy(Protocol):
    """Capability `bucket_copy`: the server copies objects from other buckets of the same service."""

    def bucket_location(self) -> BucketLocation:
        """Return where the server finds this bucket. Costs no request.

        Raises:
            NotSupported: With these settings, other buckets can't copy from it.
        """

    def copy_from(
        self,
        location: BucketLocation,
        source: RemoteObject,
        key: str,
        *,
        attributes: ObjectAttributes | None = None,
        expect: Precondition | None = None,
    ) -> RemoteObject:
        """Copy the version `source` of another bucket to `key` of this one, and return the new object.

        The credentials of this bucket must be allowed to read the other one.

        Args:
            location: The other bucket, whose `service` is that of this bucket.
            source: The object there; its key has no prefix.
            key: The new key.
            attributes: Content type, headers, metadata and tags of the copy, beside what the settings say; `None` for
                those of the source.
            expect: What must hold of the object under the new key.

        Raises:
            NotFound, PreconditionFailed: As `ServerCopy.copy_file`.
            PermissionDenied: The credentials can't read the other bucket.
            NotSupported: The server can't copy this object.
        """


@runtime_checkable
class ReadAttributes(Protocol):
    """Capability `attributes`: headers that the provider stores with an object, beside its content type."""

    def read_attributes(self, key: str) -> ObjectAttributes:
        """Return content type and content headers of an object. Tags and metadata are left out.

        Raises:
            NotFound: The object does not exist.
        """


@runtime_checkable
class TagExpiry(Protocol):
    """Capability `tag_expiry`: the provider deletes objects with a certain tag some days after they were written."""

    def ensure_expiry_rules(self, tag: str, days: Sequence[int]) -> bool:
        """Add a rule for each number of days: it deletes objects whose tag has this number as its value.

        The rules are for objects below the prefix. Returns whether the bucket's rules changed. Rules of other names
        stay. Calling it twice changes nothing.

        Raises:
            PermissionDenied: The credentials may not change the bucket.
            PreconditionFailed: The rules changed at the same time.
        """

    def set_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Replace all tags of an object.

        Raises:
            NotFound: The object does not exist.
        """


@runtime_checkable
class ResumableUpload(Protocol):
    """Capability `resumable_upload`: an interrupted multipart upload resumes with the parts that arrived.

    The provider keeps the parts, and a `Checkpoint` keeps what the adapter needs to find them in the next attempt or
    the next run. The caller passes a checkpoint only with the same bytes and the same key.
    """

    def part_layout(self, size: int) -> PartLayout | None:
        """Return how to split a file of this size; `None` if `upload_file` is to be used. Costs no request."""

    def upload_parts(
        self, source: MultipartSource, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """Write one object in parts, as `upload_file` would in one request, and return it.

        - Write the checkpoint before the first part is sent.
        - Compare the parts that the checkpoint leads to with the file, and do not send them again.
        - After a temporary error or an interruption, keep the parts. After any other error, remove them and clear the
          checkpoint. After success, its content does not matter.
        - If an earlier attempt has completed the object already, return that object.

        Raises:
            PreconditionFailed: The object is not as `expect` says. Nothing was written.
            IntegrityError: The file does not match the digests of its parts. Nothing was written.
            OSError: The file can't be read.
        """

    def abort_upload(self, key: str, text: str) -> None:
        """Abort the upload in the text of a checkpoint, and remove its parts. An unknown upload is no error."""


@runtime_checkable
class ResumableDownload(Protocol):
    """Capability `resumable_download`: a download starts at any offset, and reports its gapless progress."""

    def resume_download(self, key: str, download: PartialDownload, *, expect: RemoteObject) -> RemoteObject:
        """Write the bytes from `download.start` to their offsets in the file `download.target`; return the object.

        The file exists; open it under exactly this path and do not truncate it. Whenever the gapless prefix of the file
        has grown, call `download.on_progress` with its length in bytes, in the thread of the call. If the bytes are
        still in memory, call `download.on_content` with them before, so that nobody has to read them from the file.

        Raises:
            NotFound, PreconditionFailed, IntegrityError, OSError: As `download_file`.
        """


@runtime_checkable
class Versioned(Protocol):
    """Versions that were overwritten or deleted: list, read, restore and delete them.

    Required by the capability `versions`. An adapter may implement it without the capability, for a bucket that keeps
    no versions now but has some from before.
    """

    def list_versions(self, prefix: str = "") -> Iterator[ObjectVersion]:
        """Yield all versions of the keys that start with `prefix`, delete markers included.

        Keys are in ascending order of their UTF-8 bytes, the versions of a key newest first.

        Raises:
            AdapterError: The listing is incomplete.
        """

    def stat_version(self, key: str, version: str) -> RemoteObject:
        """Return one version with all its attributes.

        Raises:
            NotFound: The version does not exist, or is a delete marker.
        """

    def open_version(self, key: str, version: str) -> AbstractContextManager[BinaryIO]:
        """Open one version for reading, as `BaseSync.open_file` opens the latest one.

        Raises:
            NotFound: As `stat_version`.
        """

    def restore_version(self, key: str, version: str, *, expect: Precondition | None = None) -> RemoteObject:
        """Copy a version, with its metadata, to a new latest version, and return that object. Removes no version.

        Raises:
            NotFound: As `stat_version`.
            PreconditionFailed: The latest version is not as `expect` says. Nothing was written.
        """

    def delete_version(self, key: str, version: str) -> None:
        """Delete one version permanently; the one before it becomes the latest.

        Deleting a delete marker undeletes the object. An unknown version is no error.

        Raises:
            PermissionDenied: The version is locked, or the credentials do not allow it.
        """


class AsyncReader(Protocol):
    """An open object, read by one task at a time."""

    async def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`; none at the end. Raises the errors of `BaseSync.open_file`."""


@runtime_checkable
class Coroutines(Protocol):
    """Capability `coroutines`: calls of which one event loop runs hundreds at once.

    Each does what the method of `BaseSync` without `_async` does, and raises the same errors. None of them blocks:
    while one waits for the server, others run. They may be called on several event loops, also at once; connections and
    semaphores belong to one. A call that is cancelled closes its connection.

    Write the calls as coroutines, and let the synchronous methods run them with `run_blocking`. If others may derive
    from the adapter, declare the capability as `has_both_faces(type(self))`.
    """

    async def stat_file_async(self, key: str) -> RemoteObject:
        """See `BaseSync.stat_file`."""

    async def upload_file_async(
        self, source: bytes, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync.upload_file`."""

    async def read_file_async(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync.read_file`."""

    def open_file_async(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> AbstractAsyncContextManager[AsyncReader]:
        """See `BaseSync.open_file`. A task that leaves it, or is cancelled, at any place gives its connection back."""

    async def delete_files_async(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync.delete_files`."""

    async def close_async(self) -> None:
        """Close the connections of the running event loop; new calls open new ones."""


def has_both_faces(adapter: type) -> bool:
    """Tell whether each method that has a coroutine in `Coroutines` does the same as it.

    False if a derived class overrides a method such as `upload_file`, and not `upload_file_async`.
    """
    for name in ("stat_file", "upload_file", "read_file", "open_file", "delete_files"):
        for each in adapter.__mro__:
            if f"{name}_async" in vars(each):
                break
            if name in vars(each):
                return False
    return True
