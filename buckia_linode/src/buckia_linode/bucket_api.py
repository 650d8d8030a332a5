"""`ManagedBucket`: what the API does with the bucket of an adapter, and with its objects."""

from __future__ import annotations

from collections.abc import Callable

from buckia_linode.account import Account
from buckia_linode.endpoint_lookup import Place, Places
from buckia_linode.endpoint_types import need_api_access
from buckia_linode.models import Access, Bucket, BucketAcl


class ManagedBucket:
    """One bucket as the API sees it. Keys are without the adapter's prefix.

    Every method may raise what those of `Account` do, and `ConfigError` where the region has no endpoint.
    """

    def __init__(self, name: str, account: Account, places: Places, whole: Callable[[str], str], provider: str) -> None:
        self._name = name
        self._account = account
        self._places = places
        self._whole = whole
        self._provider = provider

    @property
    def place(self) -> Place:
        """Where it is."""
        return self._places.find()

    def look(self) -> Bucket:
        """Return what the API tells of it."""
        return self._account.bucket(self.place.region, self._name)

    def access(self) -> Access:
        """Return who may do what with it."""
        return self._account.access(self.place.region, self._name)

    def set_access(self, *, acl: BucketAcl | None = None, cors: bool | None = None) -> None:
        """Change who may do what with it; what is `None` stays.

        Raises:
            NotSupported: Its endpoint has no CORS.
        """
        if cors is not None:
            need_api_access(self.place.type, "CORS", provider=self._provider)
        self._account.set_access(self.place.region, self._name, acl=acl, cors=cors)

    def object_acl(self, key: str) -> str:
        """Return the canned access control list of an object, `custom` where it is none of them.

        Raises:
            NotSupported: Its endpoint has none.
        """
        need_api_access(self.place.type, "the ACL of an object", provider=self._provider)
        return self._account.object_acl(self.place.region, self._name, self._whole(key))

    def set_object_acl(self, key: str, acl: BucketAcl) -> None:
        """Change the access control list of an object.

        Raises:
            NotSupported: Its endpoint has none.
        """
        need_api_access(self.place.type, "the ACL of an object", provider=self._provider)
        self._account.set_object_acl(self.place.region, self._name, self._whole(key), acl)

    def object_url(self, key: str, *, seconds: int, method: str = "GET", content_type: str | None = None) -> str:
        """Return an address that Linode signs; see `Account.object_url`."""
        whole = self._whole(key)
        return self._account.object_url(
            self.place.region, self._name, whole, seconds=seconds, method=method, content_type=content_type
        )
