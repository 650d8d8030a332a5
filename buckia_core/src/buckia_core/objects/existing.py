"""Lookup of many keys: which of them have an object."""

from __future__ import annotations

import os
from collections.abc import Sequence

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import stat_or_none
from buckia_core.errors import InvalidKey
from buckia_core.planning.manifest import RemoteObject

_MAX_STATS = 64
"""Keys up to this number are asked for one by one; more by a listing from the first to the last one."""

_THREADS = 8


def find_existing(adapter: BaseSync, keys: Sequence[str]) -> dict[str, RemoteObject]:
    """Return the objects of those keys that have one.

    Raises:
        AdapterError: The bucket can't be read.
    """
    wanted = set(keys)
    if len(wanted) > _MAX_STATS:
        last = max(wanted)
        prefix = os.path.commonprefix([min(wanted), last])  # noqa: RUF071  # of characters, as prefixes are
        listed = adapter.list_files(prefix, end_at=last)
        return {each.key: each for each in listed if each.key in wanted}
    if len(wanted) == 1:
        found = [_stat(adapter, key) for key in wanted]
    else:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # not needed for one key

        with ThreadPoolExecutor(_THREADS, thread_name_prefix="buckia-stat") as pool:
            found = list(pool.map(lambda key: _stat(adapter, key), wanted))
    return {each.key: each for each in found if each is not None}


def _stat(adapter: BaseSync, key: str) -> RemoteObject | None:
    try:
        return stat_or_none(adapter.stat_file, key)
    except InvalidKey:
        return None  # the write reports it
