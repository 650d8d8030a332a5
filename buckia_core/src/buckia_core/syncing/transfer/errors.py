"""What uploads and downloads have in common."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from buckia_core.planning.manifest import LocalEntry

BUFFERED_UPLOAD_MAX = 8 << 20
"""Files up to this size, in bytes, are read into memory once: what is hashed and what is sent are the same bytes.

None of them is taken up again where it broke off.
"""

TrackProgress = Callable[[Callable[[], int]], AbstractContextManager[None]]
"""A context that lasts as long as bytes go over; it is given what tells how many have."""


def no_progress(so_far: Callable[[], int]) -> AbstractContextManager[None]:  # noqa: ARG001  # it is an `TrackProgress`
    """The `TrackProgress` that tells nobody."""
    return nullcontext()


class StateChanged(Exception):
    """The ground has shifted since the plan was made: the key has to be planned again."""


def same_file(a: LocalEntry, b: LocalEntry) -> bool:
    """Tell whether two looks at a file saw the same one, unchanged. A new hard link to it changes only `ctime_ns`."""
    return (a.size, a.mtime_ns, a.inode) == (b.size, b.mtime_ns, b.inode)
