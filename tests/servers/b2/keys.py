"""Application keys: what they may do, where, and for how long (docs, "Application keys")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from .errors import unauthorized

CAPABILITIES: Final = (
    "listKeys", "writeKeys", "deleteKeys", "listBuckets", "listAllBucketNames", "readBuckets", "writeBuckets",
    "deleteBuckets", "readBucketEncryption", "writeBucketEncryption", "readBucketRetentions",
    "writeBucketRetentions", "readFileRetentions", "writeFileRetentions", "readFileLegalHolds",
    "writeFileLegalHolds", "readBucketReplications", "writeBucketReplications", "bypassGovernance", "listFiles",
    "readFiles", "shareFiles", "writeFiles", "deleteFiles", "readBucketNotifications", "writeBucketNotifications",
    "readBucketLogging", "writeBucketLogging",
)  # fmt: skip
"""All that there are; b2sdk's `ALL_CAPABILITIES` lacks the last two."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of an account."""

    key_id: str
    secret: str
    name: str
    capabilities: tuple[str, ...]
    bucket_ids: tuple[str, ...] | None = None
    """The only buckets it reaches; None for all."""
    prefix: str | None = None
    """The only names it reaches begin so; None for all."""
    expires: int | None = None
    """Milliseconds since 1970; None for never."""

    def may(self, capability: str) -> bool:
        """Tell whether the key has a capability."""
        return capability in self.capabilities

    def demand(self, capability: str, bucket_id: str | None = None, name: str | None = None) -> None:
        """Refuse what this key may not do, in a bucket and with a name where these are given."""
        outside = bucket_id is not None and self.bucket_ids is not None and bucket_id not in self.bucket_ids
        elsewhere = name is not None and not name.startswith(self.prefix or "")
        if not self.may(capability) or outside or elsewhere:
            raise unauthorized(f"unauthorized for application key {self._described()}")

    def demand_unrestricted(self, capability: str) -> None:
        """Refuse what no key that is restricted to buckets may do."""
        self.demand(capability)
        if self.bucket_ids is not None:
            raise unauthorized(f"unauthorized for application key {self._described()}")

    def as_json(self, account_id: str, version: int) -> dict[str, Any]:
        """Return the key as it is listed. Before v4 a key names one bucket (PROVIDERS 2.1)."""
        ids = list(self.bucket_ids) if self.bucket_ids is not None else None
        where = {"bucketIds": ids} if version >= 4 else {"bucketId": ids[0] if ids else None}
        return {
            "accountId": account_id,
            "applicationKeyId": self.key_id,
            "capabilities": list(self.capabilities),
            "expirationTimestamp": self.expires,
            "keyName": self.name,
            "namePrefix": self.prefix,
            "options": ["s3"],
            **where,
        }

    def _described(self) -> str:
        words = [f"with capabilities '{','.join(self.capabilities)}'"]
        if self.bucket_ids is not None:
            words.append(f"restricted to buckets {', '.join(self.bucket_ids)}")
        if self.prefix is not None:
            words.append(f"restricted to files that start with '{self.prefix}'")
        return ", ".join(words)
