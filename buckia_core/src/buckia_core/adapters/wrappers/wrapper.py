"""`Wrapper`: the base of all wrappers. Passes every call to the inner adapter."""

from __future__ import annotations

import copy
from abc import ABCMeta
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, cast

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.protocols import (
    BucketCopy,
    Coroutines,
    Lifecycle,
    PrefixListing,
    PublicUrl,
    ReadAttributes,
    ResumableDownload,
    ResumableUpload,
    ServerCopy,
    SignedUrl,
    TagExpiry,
    Versioned,
    WithOptions,
    has_both_faces,
)
from buckia_core.adapters.wrappers.forwarding import Call, T, awaited, intercepted, opened, opened_async, passed

if TYPE_CHECKING:
    from buckia_core.adapters.contract.object_options import ObjectOptions

__all__ = ["Call", "T", "Wrapper"]

_PROTOCOLS = (
    PrefixListing,
    ServerCopy,
    PublicUrl,
    SignedUrl,
    WithOptions,
    Lifecycle,
    BucketCopy,
    ReadAttributes,
    TagExpiry,
    ResumableUpload,
    ResumableDownload,
    Versioned,
    Coroutines,
)


class Wrapper(BaseSync):
    """An adapter that wraps another one, `inner`, and forwards every method to it.

    Each call to the provider passes through `intercept`, from both faces: synchronous methods run it with
    `run_blocking`, coroutine methods await it. Listings do not pass through it: they run while they are consumed.

    A wrapper overrides only what it changes, and has the optional protocols of its inner adapter. One that overrides a
    synchronous method and not its coroutine is no `Coroutines`: see `has_both_faces`.
    """

    _intercepts = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._intercepts = cls.intercept is not Wrapper.intercept

    def __init__(self, inner: BaseSync) -> None:
        self.inner = inner
        lacking = {protocol for protocol in _PROTOCOLS if not isinstance(inner, protocol)}
        self._has_coroutines = Coroutines not in lacking and has_both_faces(type(self))
        if not self._has_coroutines:
            lacking.add(Coroutines)
        self.__class__ = _without(type(self), frozenset(lacking))

    @property
    def intercepts(self) -> bool:
        """Whether calls pass through `intercept`; if not, they go straight to the inner adapter."""
        return self._intercepts

    async def intercept(self, call: Call[T]) -> T:
        """Make one call to the inner adapter, and return its result.

        What waits here uses `pause`, since the call may come from an event loop.
        """
        return await call()

    stat_file = intercepted(BaseSync.stat_file)
    upload_file = intercepted(BaseSync.upload_file)
    download_file = intercepted(BaseSync.download_file)
    read_file = intercepted(BaseSync.read_file, operation="download_file")
    open_file = opened(BaseSync.open_file)
    delete_files = intercepted(BaseSync.delete_files)
    list_files = passed(BaseSync.list_files)
    limit_requests = passed(BaseSync.limit_requests)
    key_from_url = passed(BaseSync.key_from_url)
    close = passed(BaseSync.close)

    list_prefixes = intercepted(PrefixListing.list_prefixes)
    copy_file = intercepted(ServerCopy.copy_file)
    public_url = passed(PublicUrl.public_url)
    signed_url = passed(SignedUrl.signed_url)
    ensure_lifecycle = intercepted(Lifecycle.ensure_lifecycle)
    bucket_location = passed(BucketCopy.bucket_location)
    copy_from = intercepted(BucketCopy.copy_from)
    read_attributes = intercepted(ReadAttributes.read_attributes)
    ensure_expiry_rules = intercepted(TagExpiry.ensure_expiry_rules)
    set_tags = intercepted(TagExpiry.set_tags)
    part_layout = passed(ResumableUpload.part_layout)
    upload_parts = intercepted(ResumableUpload.upload_parts)
    abort_upload = intercepted(ResumableUpload.abort_upload)
    resume_download = intercepted(ResumableDownload.resume_download)
    list_versions = passed(Versioned.list_versions)
    stat_version = intercepted(Versioned.stat_version)
    open_version = opened(Versioned.open_version)
    restore_version = intercepted(Versioned.restore_version)
    delete_version = intercepted(Versioned.delete_version)

    stat_file_async = awaited(Coroutines.stat_file_async, operation="stat_file")
    upload_file_async = awaited(Coroutines.upload_file_async, operation="upload_file")
    read_file_async = awaited(Coroutines.read_file_async, operation="download_file")
    open_file_async = opened_async(Coroutines.open_file_async, operation="open_file")
    delete_files_async = awaited(Coroutines.delete_files_async, operation="delete_files")
    close_async = passed(Coroutines.close_async)

    def with_options(self, options: ObjectOptions) -> BaseSync:
        """See `WithOptions`. The view has the limits and the retries of this wrapper."""
        assert isinstance(self.inner, WithOptions)
        view = copy.copy(self)
        view.inner = self.inner.with_options(options)
        return view

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
        """The inner adapter's; `coroutines` only if the wrapper has them too."""
        return self._own(self.inner.capabilities)

    @property
    def local_directory(self) -> str | None:
        """The inner adapter's."""
        return self.inner.local_directory

    @property
    def public_url_base(self) -> str | None:
        """The inner adapter's."""
        return self.inner.public_url_base

    @property
    def request_count(self) -> int | None:
        """The inner adapter's."""
        return self.inner.request_count

    _probe = intercepted(BaseSync.probe)

    def probe(self) -> Capabilities:
        """See `BaseSync`."""
        return self._own(self._probe())

    def _own(self, capabilities: Capabilities) -> Capabilities:
        if capabilities.coroutines and not self._has_coroutines:
            return replace(capabilities, coroutines=False)
        return capabilities


@cache
def _without(wrapper: type[Wrapper], protocols: frozenset[type]) -> type[Wrapper]:
    """Return a wrapper class without the methods of these protocols.

    A method that is `None` in a class does not exist, for `isinstance` with a runtime protocol too.
    """
    absent = {name: None for protocol in protocols for name in vars(protocol) if not name.startswith("_")}
    if not absent:
        return wrapper
    described = {"__module__": wrapper.__module__, "__qualname__": wrapper.__qualname__, "__doc__": wrapper.__doc__}
    return cast("type[Wrapper]", ABCMeta(wrapper.__name__, (wrapper,), {**described, **absent}))
