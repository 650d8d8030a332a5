"""`Faulty`: an adapter whose chosen calls fail, to test the code that uses it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.wrappers.wrapper import Call, T, Wrapper
from buckia_core.errors import AdapterError, Transient
from buckia_core.planning.manifest import RemoteObject

Operation = Literal[
    "probe",
    "list_files",
    "list_prefixes",
    "stat_file",
    "upload_file",
    "download_file",
    "open_file",
    "delete_files",
    "copy_file",
    "upload_parts",
    "abort_upload",
    "resume_download",
    "stat_version",
    "open_version",
    "restore_version",
    "delete_version",
]


def transient() -> AdapterError:
    """Create the default error of a fault."""
    return Transient("injected fault")


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule for which calls fail, and how.

    Attributes:
        operation: Name of the method.
        error: Creates the error to raise.
        at: Number of the first call that fails, counted from 1.
        times: Number of consecutive calls that fail; `None` for all later ones.
        key: Count only calls with this key, or with this prefix for a listing.
        after: Raise after the call has taken effect, as if its response was lost.
        entries: Number of entries that a listing yields before the error.
    """

    operation: Operation
    error: Callable[[], AdapterError] = transient
    at: int = 1
    times: int | None = 1
    key: str | None = None
    after: bool = False
    entries: int = 0

    def hits(self, number: int) -> bool:
        """Tell whether the call with this number fails."""
        return self.at <= number and (self.times is None or number < self.at + self.times)


class Faulty(Wrapper):
    """A wrapper that raises the errors of its faults.

    Each fault counts its calls, of both faces. `calls` lists all calls, including failed ones, as `(operation, key)`.
    """

    def __init__(self, inner: BaseSync, faults: Sequence[Fault]) -> None:
        super().__init__(inner)
        self.calls: list[tuple[str, str | None]] = []
        self._faults = list(faults)
        self._counts = [0] * len(self._faults)
        self._lock = threading.Lock()

    async def intercept(self, call: Call[T]) -> T:
        """Make the call, or raise before or after it."""
        fault = self._fault(call.operation, call.key)
        if fault is None:
            return await call()
        if fault.after:
            await call()
        raise fault.error()

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`."""
        fault = self._fault("list_files", prefix)
        listing = self.inner.list_files(prefix, start_after=start_after, end_at=end_at)
        if fault is None:
            yield from listing
            return
        for _, entry in zip(range(fault.entries), listing, strict=False):
            yield entry
        raise fault.error()

    def _fault(self, operation: str, key: str | None) -> Fault | None:
        with self._lock:
            self.calls.append((operation, key))
            found = None
            for index, fault in enumerate(self._faults):
                if fault.operation == operation and fault.key in (None, key):
                    self._counts[index] += 1
                    if found is None and fault.hits(self._counts[index]):
                        found = fault
            return found
