"""`Wrapper`: the base of all wrappers. Passes every call to the inner adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Generic, TypeVar

from buckia_core.adapters.contract.base import BaseSync, Source
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.protocols import (
    PublicUrl,
    ResumableDownload,
    ResumableUpload,
    ServerCopy,
    SignedUrl,
    Versioned,
)
from buckia_core.adapters.contract.types import DeleteOutcome, Precondition, UploadInfo
from buckia_core.planning.manifest import RemoteObject

if TYPE_CHECKING:
    from buckia_core.adapters.contract.resume import MultipartSource, PartialDownload, PartLayout
    from buckia_core.planning.versions import ObjectVersion

T = TypeVar("T")


@dataclass(slots=True)
class Call(Generic[T]):
    """One call to the inner adapter. Call the object to make it.

    Attributes:
        operation: Name of the method.
        key: The key; `None` if there is no single key.
        make: Makes the call. May be called more than once.
    """

    operation: str
    key: str | None
    make: Callable[[], T]

    def __call__(self) -> T:
        return self.make()


class Wrapper(BaseSync):
    """An adapter that wraps another one, `inner`.

    Every call to the provider passes through `intercept`, which most wrappers override. Listings do not: they run while
    they are consumed.

    A wrapper has the optional protocols of its inner adapter. `isinstance` with a protocol does not use `__getattr__`
    (since Python 3.12), so the constructor sets their methods as attributes of the instance.
    """

    copy_file: Callable[..., RemoteObject]
    public_url: Callable[..., str]
    signed_url: Callable[..., str]
    part_layout: Callable[[int], PartLayout | None]
    upload_parts: Callable[..., RemoteObject]
    abort_upload: Callable[[str, str], None]
    resume_download: Callable[..., RemoteObject]
    list_versions: Callable[..., Iterator[ObjectVersion]]
    stat_version: Callable[[str, str], RemoteObject]
    open_version: Callable[[str, str], AbstractContextManager[BinaryIO]]
    restore_version: Callable[..., RemoteObject]
    delete_version: Callable[[str, str], None]

    def __init__(self, inner: BaseSync) -> None:
        self.inner = inner
        if isinstance(inner, ServerCopy):
            self.copy_file = _copy_file(self, inner)
        if isinstance(inner, PublicUrl):
            self.public_url = inner.public_url
        if isinstance(inner, SignedUrl):
            self.signed_url = inner.signed_url
        if isinstance(inner, ResumableUpload):
            self.part_layout = inner.part_layout
            self.upload_parts = partial(self._upload_parts, inner)
            self.abort_upload = self._intercepted("abort_upload", inner.abort_upload)
        if isinstance(inner, ResumableDownload):
            self.resume_download = partial(self._resume_download, inner)
        if isinstance(inner, Versioned):
            self.list_versions = inner.list_versions
            self.stat_version = self._intercepted("stat_version", inner.stat_version)
            self.open_version = partial(self._open_version, inner)
            self.restore_version = partial(self._restore_version, inner)
            self.delete_version = self._intercepted("delete_version", inner.delete_version)

    def intercept(self, call: Call[T]) -> T:
        """Make one call to the inner adapter, and return its result."""
        return call()

    def _intercepted(self, operation: str, method: Callable[..., T]) -> Callable[..., T]:
        """Wrap a method of the inner adapter, whose first parameter is the key, in `intercept`."""

        def call(key: str, *args: object, **kwargs: object) -> T:
            return self.intercept(Call(operation, key, lambda: method(key, *args, **kwargs)))

        return call

    @contextmanager
    def _open_version(self, inner: Versioned, key: str, version: str) -> Iterator[BinaryIO]:
        """Implement `Versioned.open_version` with the inner adapter. `intercept` sees the opening, not the reads."""

        def enter() -> BinaryIO:
            return stack.enter_context(inner.open_version(key, version))

        with ExitStack() as stack:
            yield self.intercept(Call("open_version", key, enter))

    def _upload_parts(
        self,
        inner: ResumableUpload,
        source: MultipartSource,
        key: str,
        *,
        expect: Precondition | None = None,
        info: UploadInfo | None = None,
    ) -> RemoteObject:
        """Implement `ResumableUpload.upload_parts` with the inner adapter."""
        return self.intercept(
            Call("upload_parts", key, lambda: inner.upload_parts(source, key, expect=expect, info=info))
        )

    def _resume_download(
        self, inner: ResumableDownload, key: str, download: PartialDownload, *, expect: RemoteObject
    ) -> RemoteObject:
        """Implement `ResumableDownload.resume_download` with the inner adapter."""
        return self.intercept(Call("resume_download", key, lambda: inner.resume_download(key, download, expect=expect)))

    def _restore_version(
        self, inner: Versioned, key: str, version: str, *, expect: Precondition | None = None
    ) -> RemoteObject:
        """Implement `Versioned.restore_version` with the inner adapter."""
        return self.intercept(Call("restore_version", key, lambda: inner.restore_version(key, version, expect=expect)))

    @property
    def provider(self) -> str:
        """The inner adapter's."""
        return self.inner.provider

    @property
    def identity(self) -> str:
        """The inner adapter's."""
        return self.inner.identity

    @property
    def earlier_identities(self) -> Sequence[str]:
        """The inner adapter's."""
        return self.inner.earlier_identities

    @property
    def capabilities(self) -> Capabilities:
        """The inner adapter's."""
        return self.inner.capabilities

    @property
    def local_directory(self) -> str | None:
        """The inner adapter's."""
        return self.inner.local_directory

    @property
    def request_count(self) -> int | None:
        """The inner adapter's."""
        return self.inner.request_count

    def limit_requests(self, before_request: Callable[[], object]) -> bool:
        """The inner adapter's."""
        return self.inner.limit_requests(before_request)

    def probe(self) -> Capabilities:
        """See `BaseSync`."""
        return self.intercept(Call("probe", None, self.inner.probe))

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""
        return self.inner.list_files(prefix, start_after=start_after, end_at=end_at)

    def stat_file(self, key: str) -> RemoteObject:
        """See `BaseSync`."""
        return self.intercept(Call("stat_file", key, lambda: self.inner.stat_file(key)))

    def upload_file(
        self, source: Source, key: str, *, expect: Precondition | None = None, info: UploadInfo | None = None
    ) -> RemoteObject:
        """See `BaseSync`."""
        return self.intercept(
            Call("upload_file", key, lambda: self.inner.upload_file(source, key, expect=expect, info=info))
        )

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

        def download() -> RemoteObject:
            return self.inner.download_file(key, target, expect=expect, start=start, end=end)

        return self.intercept(Call("download_file", key, download))

    @contextmanager
    def open_file(
        self, key: str, *, expect: RemoteObject | None = None, start: int = 0, end: int | None = None
    ) -> Iterator[BinaryIO]:
        """See `BaseSync`. `intercept` sees the opening, not the reads."""

        def enter() -> BinaryIO:
            manager: AbstractContextManager[BinaryIO] = self.inner.open_file(key, expect=expect, start=start, end=end)
            return stack.enter_context(manager)

        with ExitStack() as stack:
            yield self.intercept(Call("open_file", key, enter))

    def read_file(self, key: str, *, expect: RemoteObject | None = None) -> tuple[RemoteObject, bytes]:
        """See `BaseSync`. `intercept` sees a `download_file`."""
        return self.intercept(Call("download_file", key, lambda: self.inner.read_file(key, expect=expect)))

    def delete_files(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync`."""
        return self.intercept(Call("delete_files", None, lambda: self.inner.delete_files(keys)))

    def close(self) -> None:
        """Close the inner adapter."""
        self.inner.close()


def _copy_file(wrapper: Wrapper, inner: ServerCopy) -> Callable[..., RemoteObject]:
    def copy_file(source: RemoteObject, key: str, *, expect: Precondition | None = None) -> RemoteObject:
        return wrapper.intercept(Call("copy_file", key, lambda: inner.copy_file(source, key, expect=expect)))

    return copy_file
