"""`ManagedBucket`: what the API does with the bucket of an adapter, and with its objects."""

from __future__ import annotations

from collections.abc import Callable

from buckia_linode.account import LinodeAccount
from buckia_linode.endpoint_lookup import BucketLocation, EndpointLookup
from buckia_linode.endpoint_types import require_full_api
from buckia_linode.models import Access, BucketAcl, LinodeBucket


class ManagedBucket:
    """One bucket as the API sees it. Keys are without the adapter's prefix.

    Every method may raise what those of `LinodeAccount` do, and `ConfigError` where the region has no endpoint.
    """

    def __init__(
        self, name: str, account: LinodeAccount, places: EndpointLookup, whole: Callable[[str], str], provider: str
    ) -> None:
        self._name = name
        self._account = account
        self._places = places
        self._whole = whole
        self._provider = provider

    @property
    def place(self) -> BucketLocation:
        """Where it is."""
        return self._places.find()

    def look(self) -> LinodeBucket:
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
            require_full_api(self.place.type, "CORS", provider=self._provider)
        self._account.set_access(self.place.region, self._name, acl=acl, cors=cors)

    def object_acl(self, key: str) -> str:
        """Return the canned access control list of an object, `custom` where it is none of them.

        Raises:
            NotSupported: Its endpoint has none.
        """
        require_full_api(self.place.type, "the ACL of an object", provider=self._provider)
        return self._account.object_acl(self.place.region, self._name, self._whole(key))

    def set_object_acl(self, key: str, acl: BucketAcl) -> None:
        """Change the access control list of an object.

        Raises:
            NotSupported: Its endpoint has none.
        """
        require_full_api(self.place.type, "the ACL of an object", provider=self._provider)
        self._account.set_object_acl(self.place.region, self._name, self._whole(key), acl)

    def object_url(self, key: str, *, seconds: int, method: str = "GET", content_type: str | None = None) -> str:
        """Return an address that Linode signs; see `LinodeAccount.object_url`."""
        whole = self._whole(key)
        return self._account.object_url(
            self.place.region, self._name, whole, seconds=seconds, method=method, content_type=content_type
        )
