"""Object specification: key, content type and file info of an upload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from buckia_b2.api.bucket import Bucket
from buckia_b2.files.attributes import attribute_headers
from buckia_b2.files.file_info import build_file_info
from buckia_b2.files.file_names import check_new_key
from buckia_core.adapters.content_types import guess_content_type
from buckia_core.adapters.contract.types import Precondition, UploadInfo
from buckia_core.config.object_rules import ObjectRules
from buckia_core.planning.digest import Digest, merge


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """Object that an upload creates.

    Attributes:
        key: Key without the prefix.
        full_key: Key with the prefix.
        content_type: MIME type.
        expect: Precondition of the write.
        info: Metadata and digests given by the caller.
        headers: File info for download headers.
    """

    key: str
    full_key: str
    content_type: str
    expect: Precondition | None
    info: UploadInfo
    headers: Mapping[str, str]

    def file_info(self, *, large: bool = False) -> Mapping[str, str]:
        """Build the file info.

        Raises:
            NotSupported: B2 can't keep the metadata.
        """
        return build_file_info(self.info, self.headers, key=self.key, large=large)

    def with_sha1(self, sha1: str) -> ObjectSpec:
        """Return a copy with the SHA-1 of the content."""
        return replace(self, info=replace(self.info, digests=merge((Digest("sha1", sha1),), self.info.digests)))


def build_object_spec(
    bucket: Bucket, objects: ObjectRules, key: str, expect: Precondition | None, info: UploadInfo | None
) -> ObjectSpec:
    """Build the specification from the caller's info, and from the settings where that is silent.

    Raises:
        InvalidKey: B2 does not accept the key.
    """
    check_new_key(key)
    info, attributes = info or UploadInfo(), objects.attributes_for(key)
    info = replace(info, metadata={**attributes.metadata, **info.metadata})
    headers = attribute_headers(attributes)
    if info.attributes is not None:
        headers |= attribute_headers(info.attributes)
    content_type = info.content_type or attributes.content_type or guess_content_type(key)
    return ObjectSpec(key, bucket.full_key(key), content_type, expect, info, headers)
