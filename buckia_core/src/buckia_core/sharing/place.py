"""`SharePlace`: the share bucket, its URLs, and the copies in it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from buckia_core.adapters.contract.protocols import TagExpiry
from buckia_core.config.object_rules import ObjectAttributes
from buckia_core.config.share_settings import ShareAccess
from buckia_core.errors import ConfigError, NotSupported
from buckia_core.objects.bucket_copy import BucketCopier
from buckia_core.objects.store import ObjectStore
from buckia_core.objects.urls import MAX_EXPIRY, ObjectUrl
from buckia_core.planning.manifest import RemoteObject, time_from_ns
from buckia_core.sharing.record import ShareRecord

EXPIRY_TAG = "buckia-share-days"
"""Tag of shares: the provider deletes them so many days after they were written."""

EXPIRY_DAYS = (8, 31, 91, 366)
"""Values of the tag. A share has the smallest one that is longer than its life."""

_SCHEMES = ("https", "http", "file")


@dataclass(frozen=True, slots=True)
class SharePlace:
    """The share bucket.

    Attributes:
        private: The bucket whose objects are shared.
        store: The share bucket.
        access: Who can open a share.
        lifecycle: Tag shares for the rules of `ensure_lifecycle`.
    """

    private: ObjectStore
    store: ObjectStore
    access: ShareAccess
    lifecycle: bool = False

    @property
    def identity(self) -> str:
        """Identity of the share bucket."""
        return self.store.adapter.identity

    def check(self) -> None:
        """Check that the buckets are two, and that the share bucket has the URLs that `access` needs.

        Raises:
            ConfigError: They are one, or one is in the other; or a setting for URLs is missing.
        """
        private, shared = self.private.adapter, self.store.adapter
        if _overlap(private.identity, shared.identity) or _same_folder(private.local_directory, shared.local_directory):
            raise ConfigError("the share bucket must not be the bucket of the objects, nor a folder in it or above it")
        known = shared.capabilities
        if self.access is ShareAccess.PUBLIC and not known.public_url:
            raise ConfigError(f"the share bucket ({shared.provider}) has no public URLs: set its public_url_base")
        if self.access is ShareAccess.PROTECTED and not known.signed_url:
            raise ConfigError(
                f"the share bucket ({shared.provider}), as configured, signs no URLs: see its page for what it needs, "
                "or set access: public"
            )
        if self.lifecycle and not known.tag_expiry:
            message = "the share bucket has no rules that delete objects by a tag: set lifecycle: false"
            raise NotSupported(message, provider=shared.provider)

    def url(self, share_key: str, expires: datetime | None, now: datetime, limit: timedelta | None = None) -> ObjectUrl:
        """Return the URL of a share; a signed one is valid until the share expires, or for `limit` if that is shorter.

        Raises:
            ConfigError: `public_url_base` makes no URL.
        """
        if self.access is ShareAccess.PUBLIC:
            found = self.store.url(share_key, policy="public")
            parts = urlsplit(found.url)
            if parts.scheme not in _SCHEMES or not (parts.hostname or parts.scheme == "file"):
                raise ConfigError("public_url_base of the share bucket must be a URL such as https://s.example.com")
            return found
        assert expires is not None, "protected shares expire"
        left = min(expires - now, MAX_EXPIRY, limit or MAX_EXPIRY)
        return self.store.presigned_get(share_key, expires_in=timedelta(seconds=max(1, int(left.total_seconds()))))

    def copier(self) -> BucketCopier:
        """Return what copies objects to the share bucket."""
        return BucketCopier(self.private.adapter, self.store.adapter)

    def copy(self, found: RemoteObject, record: ShareRecord, now: datetime) -> RemoteObject:
        """Copy an object to the key of its share, without its metadata, which everybody could read."""
        changes = attributes_of(record.headers, record.content_type)
        if self.lifecycle:
            changes = replace(changes or ObjectAttributes(), tags=self.tags(record.expires, now))
        return self.copier().copy(found, record.share_key, changes=changes, metadata=False)

    def retag(self, found: RemoteObject, record: ShareRecord) -> None:
        """Set the tag of a share whose life was renewed, counted from when its object was written."""
        adapter = self.store.adapter
        if self.lifecycle and isinstance(adapter, TagExpiry):
            written = time_from_ns(found.modified_ns) if found.modified_ns else record.created
            adapter.set_tags(record.share_key, self.tags(record.expires, written))

    @staticmethod
    def tags(expires: datetime | None, written: datetime) -> Mapping[str, str]:
        """Return the tags of an object: none if it never expires, or later than rules can say."""
        if expires is None:
            return {}
        days = math.ceil((expires - written) / timedelta(days=1)) + 1
        fitting = next((each for each in EXPIRY_DAYS if each >= days), None)
        return {} if fitting is None else {EXPIRY_TAG: str(fitting)}

    def ensure_lifecycle(self) -> bool:
        """Add the rules that delete shares by their tag; return whether the rules of the bucket changed.

        Raises:
            NotSupported: The provider has no such rules.
            PermissionDenied: The credentials may not change the bucket.
        """
        adapter = self.store.adapter
        if not (adapter.capabilities.tag_expiry and isinstance(adapter, TagExpiry)):
            raise NotSupported("the provider has no rules that delete objects by a tag", provider=adapter.provider)
        return adapter.ensure_expiry_rules(EXPIRY_TAG, EXPIRY_DAYS)


def attributes_of(headers: Mapping[str, str], content_type: str | None) -> ObjectAttributes | None:
    """Return headers and content type as attributes; `None` if there is neither."""
    given: dict[str, Any] = {**headers}
    if content_type is not None:
        given["content_type"] = content_type
    return ObjectAttributes(**given) if given else None


def _overlap(a: str, b: str) -> bool:
    """Tell whether two identities are of one bucket, and one prefix begins with the other."""
    return a.startswith(b) or b.startswith(a)


def _same_folder(a: str | None, b: str | None) -> bool:
    if a is None or b is None:
        return False
    a, b = os.path.join(os.path.realpath(a), ""), os.path.join(os.path.realpath(b), "")
    return a.startswith(b) or b.startswith(a)
