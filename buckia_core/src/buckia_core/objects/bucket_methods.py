"""Methods of `ObjectStore` that concern the bucket as a whole: a check before work, and lifecycle rules."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.protocols import Lifecycle, Versioned
from buckia_core.adapters.contract.types import delete_one
from buckia_core.config.parsers import check_whole_number
from buckia_core.errors import NotSupported, PermissionDenied

PROBE_PREFIX = ".buckia-probe-"
"""Begin of the key of a probe. Keys that begin with `.buckia-` never take part in a sync."""

_CONTENT = b"probe"


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the credentials may do. `None` was not tried, because something before it is not allowed.

    Attributes:
        provider: The provider's id.
        bucket: The bucket: provider, endpoint, name and prefix.
        can_list: List objects.
        can_write: Write objects.
        can_read: Read objects.
        can_delete: Delete objects.
        capabilities: What the bucket has, after asking the server.
    """

    provider: str
    bucket: str
    can_list: bool
    can_write: bool | None
    can_read: bool | None
    can_delete: bool | None
    capabilities: Capabilities


class BucketMethods(ABC):
    """The methods of `ObjectStore` that concern the bucket as a whole."""

    @property
    @abstractmethod
    def adapter(self) -> BaseSync:
        """The adapter of the bucket."""

    def preflight(self, *, write: bool = True) -> Preflight:
        """Check credentials and bucket before work begins, and find out what the credentials may do.

        A bucket in another region than configured is found where the provider tells its region, and used there from
        then on.

        Args:
            write: Also write, read and delete an object of a few bytes, whose key begins with `.buckia-probe-`.

        Raises:
            Unauthenticated: The provider rejects the credentials.
            BucketNotFound: The bucket does not exist.
            Transient: The provider can't be reached.
        """
        adapter = self.adapter
        can_list = _allowed(lambda: next(iter(adapter.list_files()), None))
        can_write = can_read = can_delete = None
        if write:
            key = new_probe_key()
            can_write = _allowed(lambda: adapter.upload_file(_CONTENT, key))
            if can_write:
                can_read = _allowed(lambda: adapter.read_file(key))
                can_delete = _allowed(lambda: delete_one(adapter.delete_files, key))
        known = adapter.probe() if can_write and can_delete else adapter.capabilities
        if can_delete:
            _remove_versions(adapter, key)
        return Preflight(adapter.provider, adapter.identity, can_list, can_write, can_read, can_delete, known)

    def ensure_lifecycle_defaults(
        self, *, abort_multipart_days: int | None = 7, noncurrent_days: int | None = 30
    ) -> bool:
        """Add lifecycle rules for what is left over below the prefix; return whether the bucket's rules changed.

        Rules of other names stay. A second call changes nothing.

        Args:
            abort_multipart_days: Remove parts of uploads that were started so many days ago; `None`: no such rule.
            noncurrent_days: Delete versions so many days after they were replaced or deleted; `None`: no such rule.

        Raises:
            NotSupported: The provider has no lifecycle rules.
            PermissionDenied: The credentials may not change the bucket.
        """
        adapter = self.adapter
        for name, days in (("abort_multipart_days", abort_multipart_days), ("noncurrent_days", noncurrent_days)):
            if days is not None:
                check_whole_number(days, name)
        if not (adapter.capabilities.lifecycle and isinstance(adapter, Lifecycle)):
            raise NotSupported("the provider has no lifecycle rules", provider=adapter.provider)
        return adapter.ensure_lifecycle(abort_multipart_days=abort_multipart_days, noncurrent_days=noncurrent_days)


def new_probe_key() -> str:
    """Return a unique key for a probe."""
    return f"{PROBE_PREFIX}{secrets.token_hex(8)}"


def remove_probe(adapter: BaseSync, key: str) -> None:
    """Delete a probe, with its versions where the bucket keeps them and the credentials may delete them.

    Raises:
        AdapterError: It was not deleted.
    """
    delete_one(adapter.delete_files, key)
    _remove_versions(adapter, key)


def _remove_versions(adapter: BaseSync, key: str) -> None:
    if adapter.capabilities.versions and isinstance(adapter, Versioned):
        with suppress(PermissionDenied):
            for each in [each for each in adapter.list_versions(key) if each.key == key]:
                adapter.delete_version(key, each.version)


def _allowed(call: Callable[[], object]) -> bool:
    try:
        call()
    except PermissionDenied:
        return False
    return True
