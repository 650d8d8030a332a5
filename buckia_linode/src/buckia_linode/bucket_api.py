"""`ManagedBucket`: Linode's API for one bucket and its objects."""

from __future__ import annotations

from collections.abc import Callable

from buckia_linode.account import LinodeAccount
from buckia_linode.endpoint_lookup import BucketLocation, EndpointLookup
from buckia_linode.endpoint_types import require_full_api
from buckia_linode.models import Access, BucketAcl, LinodeBucket


class ManagedBucket:
    """One bucket, managed through the API. Keys exclude the adapter's prefix.

    Every method may raise the errors of `LinodeAccount`, and `ConfigError` if the region has no endpoint.
    """

    def __init__(
        self, name: str, account: LinodeAccount, lookup: EndpointLookup, full_key: Callable[[str], str]
    ) -> None:
        self._name = name
        self._account = account
        self._lookup = lookup
        self._full_key = full_key

    @property
    def location(self) -> BucketLocation:
        """Region and endpoint of the bucket."""
        return self._lookup.find()

    def info(self) -> LinodeBucket:
        """Return the bucket as the API describes it."""
        return self._account.bucket(self.location.region, self._name)

    def access(self) -> Access:
        """Return the bucket's ACL and CORS setting."""
        return self._account.access(self.location.region, self._name)

    def set_access(self, *, acl: BucketAcl | None = None, cors: bool | None = None) -> None:
        """Change the bucket's ACL and CORS setting; `None` keeps the present value.

        Raises:
            NotSupported: The endpoint does not support CORS.
        """
        if cors is not None:
            require_full_api(self.location.type, "CORS")
        self._account.set_access(self.location.region, self._name, acl=acl, cors=cors)

    def object_acl(self, key: str) -> str:
        """Return the canned ACL of an object; `custom` if it matches none.

        Raises:
            NotSupported: The endpoint does not support ACLs of objects.
        """
        require_full_api(self.location.type, "the ACL of an object")
        return self._account.object_acl(self.location.region, self._name, self._full_key(key))

    def set_object_acl(self, key: str, acl: BucketAcl) -> None:
        """Set the ACL of an object.

        Raises:
            NotSupported: The endpoint does not support ACLs of objects.
        """
        require_full_api(self.location.type, "the ACL of an object")
        self._account.set_object_acl(self.location.region, self._name, self._full_key(key), acl)

    def object_url(self, key: str, *, seconds: int, method: str = "GET", content_type: str | None = None) -> str:
        """Return a URL signed by Linode; see `LinodeAccount.object_url`."""
        full_key = self._full_key(key)
        return self._account.object_url(
            self.location.region, self._name, full_key, seconds=seconds, method=method, content_type=content_type
        )
