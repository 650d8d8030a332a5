"""What an upload is to become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from buckia_core.adapters.objects import Precondition, UploadInfo
from buckia_core.planning.digest import Digests, merge
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.objects import META


@dataclass(frozen=True, slots=True)
class Target:
    """The object that an upload makes.

    Attributes:
        key: Its key.
        whole: The same with the prefix.
        content_type: Its MIME type.
        metadata: Its metadata as it is sent, names without `x-amz-meta-`.
        storage_class: Its storage class; `None` takes the server's.
        expect: What must be there now.
        info: What was told about the bytes.
    """

    key: str
    whole: str
    content_type: str
    metadata: Mapping[str, str]
    storage_class: str | None
    expect: Precondition | None
    info: UploadInfo

    def headers(self) -> dict[str, str]:
        """Return the headers that make the object what it is to be."""
        headers = {"Content-Type": self.content_type}
        headers |= {f"{META}{name}": value for name, value in self.metadata.items()}
        if self.storage_class:
            headers["x-amz-storage-class"] = self.storage_class
        return headers

    def written(self, size: int, fingerprint: str, version: str | None, digests: Digests) -> RemoteObject:
        """Return the object, once it is written. `digests` are those that the server tells."""
        return RemoteObject(
            self.key,
            size,
            fingerprint,
            mtime_ns=self.info.mtime_ns,
            digests=merge(self.info.digests, digests),
            version=version,
            content_type=self.content_type,
            metadata={name.lower(): value for name, value in self.info.metadata.items()},
        )
