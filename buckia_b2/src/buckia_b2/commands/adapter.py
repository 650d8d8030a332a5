"""Shared part of the commands: the bucket administrator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from buckia_b2.admin.bucket_admin import BucketAdmin
    from buckia_core.adapters.commands.host import CommandHost


@contextmanager
def native(host: CommandHost) -> Iterator[BucketAdmin]:
    """Open the administrator of the selected bucket and close its adapter afterwards.

    Raises:
        ConfigError: The bucket has another provider.
    """
    from buckia_b2.admin.bucket_admin import HasBucketAdmin  # noqa: PLC0415  # when a command runs

    with host.adapter("b2") as adapter:
        assert isinstance(adapter, HasBucketAdmin)
        yield adapter.native
