"""Optional abilities: a protocol each, and a capability of its name. The conformance suite checks that both agree."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from buckia_core.adapters.objects import Precondition, RemoteObject


@runtime_checkable
class ServerCopy(Protocol):
    """Capability `server_copy`: objects are copied without passing through this machine."""

    def copy_file(self, source: RemoteObject, key: str, *, expect: Precondition | None = None) -> RemoteObject:
        """Copy exactly the version `source` to `key`, with its metadata, and return the new object.

        Raises:
            NotFound: The source is gone.
            PreconditionFailed: The source is another version now, or the target is not as `expect` says.
        """


@runtime_checkable
class PublicUrl(Protocol):
    """Capability `public_url`: objects can be had by everybody under a stable address."""

    def public_url(self, key: str) -> str:
        """Return the address; costs no request, and does not check that the object exists."""


@runtime_checkable
class SignedUrl(Protocol):
    """Capability `signed_url`: addresses that carry their own permission."""

    def signed_url(self, key: str, *, seconds: int, method: str = "GET") -> str:
        """Return an address that allows `method` on the key for so many seconds.

        Raises:
            ValueError: The provider does not sign for so long, or not this method.
        """
