"""Copies and moves of objects, within a bucket or from another one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import BucketCopy, ServerCopy
from buckia_core.adapters.contract.types import Precondition, delete_one, stat_or_none
from buckia_core.errors import IntegrityError, NotSupported, PreconditionFailed
from buckia_core.objects.bucket_copy import BucketCopier
from buckia_core.objects.progress import ProgressListener
from buckia_core.objects.read import Reader
from buckia_core.planning.digest import Comparison, compare
from buckia_core.planning.manifest import RemoteObject


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of one version of an object.

    Attributes:
        reader: Reads the bucket of the source.
        target: The bucket of the copy.
        on_server: Let the server copy, if it can.
        one_bucket: Source and target are the same bucket.
    """

    reader: Reader
    target: BaseSync
    on_server: bool = True
    one_bucket: bool = True

    def run(
        self,
        found: RemoteObject,
        key: str,
        expect: Precondition | None = None,
        progress: ProgressListener | None = None,
    ) -> RemoteObject:
        """Copy the version `found` with its metadata, and return the new object, after a comparison of both.

        Content that passes through this machine is streamed, and reported to `progress`.

        Raises:
            NotFound: There is no such object.
            PreconditionFailed: The source changed meanwhile, or the target is not as `expect` says.
            IntegrityError: The copy is not what the source is.
        """
        copied = self._copy(found, key, expect, progress)
        if copied.size != found.size or compare(found.digests, copied.digests) is Comparison.DIFFERENT:
            message = f"{key!r}: the copy differs from {found.key!r}"
            raise IntegrityError(message, provider=self.target.provider, key=key, retryable=False)
        return copied

    def _copy(
        self, found: RemoteObject, key: str, expect: Precondition | None, progress: ProgressListener | None
    ) -> RemoteObject:
        reader, target = self.reader, self.target
        if self.on_server and self.one_bucket and target.capabilities.server_copy and isinstance(target, ServerCopy):
            # Some servers copy, but not what is encrypted with a customer's key.
            with suppress(NotSupported):
                return target.copy_file(found, key, expect=expect)
        if found.metadata is None:
            seen = reader.adapter.stat_file(found.key)
            if seen.fingerprint != found.fingerprint:
                message = f"{found.key!r}: it changed after it was listed"
                raise PreconditionFailed(message, provider=reader.adapter.provider, key=found.key)
            found = seen
        copier = BucketCopier(reader.adapter, target, reader.algorithm, reader.policy)
        if self.on_server and not self.one_bucket:
            return copier.copy(found, key, expect=expect, progress=progress)
        return copier.stream(found, key, expect=expect, progress=progress)


def delete_copied(source: BaseSync, found: RemoteObject, key: str) -> None:
    """Delete the source of a copy `key`, if it still is the version `found` that was copied.

    Raises:
        PreconditionFailed: It has changed, and is kept.
    """
    now = stat_or_none(source.stat_file, found.key)
    if now is not None and now.fingerprint != found.fingerprint:
        message = f"{found.key!r}: it changed while it was moved, and was kept beside its copy {key!r}"
        raise PreconditionFailed(message, provider=source.provider, key=found.key)
    delete_one(source.delete_files, found.key)


def object_name(adapter: BaseSync, key: str) -> str:
    """Return a name of an object that is the same for two sections of a configuration with another prefix."""
    place = None
    if adapter.capabilities.bucket_copy and isinstance(adapter, BucketCopy):
        with suppress(NotSupported):
            place = adapter.bucket_location()
    if place is not None:
        return "\0".join((place.service, place.bucket, place.prefix + key))
    return f"{adapter.identity.rstrip('/')}/{key}"
