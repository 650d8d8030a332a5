"""`BucketMethods`: the methods of `S3Sync` for lifecycle rules, and for what passes between two buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from buckia_core.adapters.contract.types import BucketLocation, Precondition
from buckia_core.config.object_rules import ObjectAttributes
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.client import S3Client
from buckia_s3.objects.attributes import attributes_from_headers
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.server_probe import ServerProbe

if TYPE_CHECKING:
    from buckia_s3.administration import Administration
    from buckia_s3.operations.copy import Copier


class BucketMethods:
    """BucketMethods: lifecycle rules, attributes and tags of objects, and copies from other buckets."""

    _settings: S3Settings
    _client: S3Client
    _object_head: ObjectHead
    _server_probe: ServerProbe
    _prefix: str

    if TYPE_CHECKING:

        @property
        def administration(self) -> Administration: ...

        @property
        def _copier(self) -> Copier: ...

    def ensure_lifecycle(self, *, abort_multipart_days: int | None, noncurrent_days: int | None) -> bool:
        """See `Lifecycle`."""
        from buckia_s3.administration.lifecycle_defaults import ensure_lifecycle  # noqa: PLC0415  # most runs need none

        return ensure_lifecycle(self.administration, self._prefix, abort_multipart_days, noncurrent_days)

    def ensure_expiry_rules(self, tag: str, days: Sequence[int]) -> bool:
        """See `TagExpiry`."""
        from buckia_s3.administration.lifecycle_defaults import ensure_expiry_rules  # noqa: PLC0415  # as above

        return ensure_expiry_rules(self.administration, self._prefix, tag, days)

    def set_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """See `TagExpiry`."""
        from buckia_s3.operations.tagging import set_tags  # noqa: PLC0415  # as above

        set_tags(self._client, key, self._object_head.full_key(key), tags)

    def read_attributes(self, key: str) -> ObjectAttributes:
        """See `ReadAttributes`."""
        return attributes_from_headers(self._object_head.head_with_headers(key)[1])

    def bucket_location(self) -> BucketLocation:
        """See `BucketCopy`."""
        from buckia_s3.operations.bucket_copy import bucket_location  # noqa: PLC0415  # as above

        return bucket_location(self._settings, self._prefix, self._client.provider)

    def copy_from(
        self,
        location: BucketLocation,
        source: RemoteObject,
        key: str,
        *,
        attributes: ObjectAttributes | None = None,
        expect: Precondition | None = None,
    ) -> RemoteObject:
        """See `BucketCopy`."""
        from buckia_s3.operations.bucket_copy import BucketCopier  # noqa: PLC0415  # as above

        copier = BucketCopier(self._copier, self._settings, self._client, self._object_head, self._server_probe)
        return copier.copy(location, source, key, attributes, expect)
