"""Copies between two buckets: on the server where both are of one service, else streamed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, fields, replace

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import BucketCopy, ReadAttributes
from buckia_core.adapters.contract.types import Precondition, UploadInfo
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.config.object_rules import ObjectAttributes
from buckia_core.config.values import FrozenMapping
from buckia_core.errors import BucketNotFound, NotFound, NotSupported, PermissionDenied, PreconditionFailed
from buckia_core.objects.progress import ProgressListener
from buckia_core.objects.read import Reader
from buckia_core.objects.upload import Upload
from buckia_core.planning.digest import without_tentative
from buckia_core.planning.manifest import RemoteObject

_TYPE = "content_type"
"""The attribute that every provider stores, or guesses from the key."""


@dataclass(frozen=True, slots=True)
class BucketCopier:
    """Copies objects from one bucket to another. Thread-safe.

    Attributes:
        source: The bucket to read.
        target: The bucket to write.
        algorithm: Digest to compute of streamed content.
        policy: Retries of a stream whose connection is lost.
    """

    source: BaseSync
    target: BaseSync
    algorithm: str = "sha256"
    policy: RetryPolicy = RetryPolicy()  # noqa: RUF009  # immutable

    def copy(
        self,
        found: RemoteObject,
        key: str,
        *,
        changes: ObjectAttributes | None = None,
        metadata: bool = True,
        expect: Precondition | None = None,
        progress: ProgressListener | None = None,
    ) -> RemoteObject:
        """Copy one version to a key of the other bucket, and return the new object.

        The server copies, if both buckets are of one service and the credentials of the target can read the source.
        Otherwise the content passes through this machine, some parts of it at a time, and is compared with the digests
        of the source. Headers and metadata that the target can't store are left out.

        Args:
            found: The version, as `stat_file` returned it.
            key: The key in the other bucket.
            changes: Headers in place of those of the source, and tags.
            metadata: Whether the copy has the metadata of the source.
            expect: What must hold of the object under the new key.
            progress: Receives the bytes that pass through this machine.

        Raises:
            NotFound: The object no longer exists.
            PreconditionFailed: It has another version now, or the target is not as `expect` says.
            NotSupported: The target can't store the `changes`.
        """
        self.check(changes)
        attributes = None if changes is None and metadata else self._attributes(found, changes, metadata=metadata)
        with suppress(NotSupported):
            try:
                copied = self._copy_on_server(found, key, attributes, expect)
            except NotSupported:
                if attributes is not None:
                    raise
                # A server that copies in parts has to be told the attributes.
                attributes = self._attributes(found, None, metadata=True)
                copied = self._copy_on_server(found, key, attributes, expect)
            if copied is not None:
                return copied
        return self.stream(found, key, changes=changes, metadata=metadata, expect=expect, progress=progress)

    def check(self, changes: ObjectAttributes | None) -> None:
        """Check that the target can store the changes. Costs no request.

        Raises:
            NotSupported: It can't.
        """
        if changes is not None and not self.target.capabilities.attributes:
            given = [each.name for each in fields(changes) if getattr(changes, each.name) and each.name != _TYPE]
            if given:
                message = f"the provider, as configured, stores no {given[0]}"
                raise NotSupported(message, provider=self.target.provider)

    def stream(
        self,
        found: RemoteObject,
        key: str,
        *,
        changes: ObjectAttributes | None = None,
        metadata: bool = True,
        expect: Precondition | None = None,
        progress: ProgressListener | None = None,
    ) -> RemoteObject:
        """Copy as `copy` does, through this machine, whatever the server can do."""
        attributes, known = self._attributes(found, changes, metadata=metadata), self.target.capabilities
        info = UploadInfo(
            found.mtime_ns,
            without_tentative(found.digests),
            attributes.content_type,
            attributes.metadata if known.metadata else {},
            attributes=attributes if known.attributes else None,
        )
        reader = Reader(self.source, self.algorithm, self.policy)
        return Upload(self.target, key, info, self.algorithm, expect, progress).send(reader.stream(found))

    def _attributes(self, found: RemoteObject, changes: ObjectAttributes | None, *, metadata: bool) -> ObjectAttributes:
        """Return all attributes of the copy."""
        kept = ObjectAttributes()
        if self.source.capabilities.attributes and isinstance(self.source, ReadAttributes):
            kept = self.source.read_attributes(found.key)
        own = FrozenMapping((found.metadata or {}) if metadata else {})
        kept = replace(kept, content_type=found.content_type, metadata=own)
        return kept if changes is None else changes.merged_onto(kept)

    def _copy_on_server(
        self, found: RemoteObject, key: str, attributes: ObjectAttributes | None, expect: Precondition | None
    ) -> RemoteObject | None:
        """Return the copy; `None` if the server can't make it. Without `attributes` it has those of the source."""
        source, target = self.source, self.target
        able = source.capabilities.bucket_copy and target.capabilities.bucket_copy
        if not (able and isinstance(source, BucketCopy) and isinstance(target, BucketCopy)):
            return None
        location = source.bucket_location()
        if location.service != target.bucket_location().service:
            return None
        # Some servers ignore a condition on the source of a copy, such as Ceph and moto.
        if source.stat_file(found.key).fingerprint != found.fingerprint:
            message = f"{found.key!r}: it changed before it was copied"
            raise PreconditionFailed(message, provider=source.provider, key=found.key)
        # Credentials for the target alone may see nothing of the source, not even that it exists.
        with suppress(PermissionDenied, BucketNotFound):
            try:
                return target.copy_from(location, found, key, attributes=attributes, expect=expect)
            except BucketNotFound:
                raise
            except NotFound:
                source.stat_file(found.key)
        return None
