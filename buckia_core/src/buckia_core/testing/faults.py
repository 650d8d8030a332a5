"""`Faulty`: an adapter on which chosen calls fail, to see what others make of it."""

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
    """Make the error that faults raise where nothing else is said."""
    return Transient("this fault was asked for")


@dataclass(frozen=True, slots=True)
class Fault:
    """Which calls fail, and how.

    Attributes:
        operation: The method.
        error: Makes the error that is raised.
        at: The first call of the method, counted from 1, that fails.
        times: How many calls in a row fail; `None` for all from then on.
        key: Only calls about this key count; of a listing, its prefix.
        after: The call is made, and its reply is lost: the error comes when the provider has done its part.
        entries: Of a listing: how many entries come before the error.
    """

    operation: Operation
    error: Callable[[], AdapterError] = transient
    at: int = 1
    times: int | None = 1
    key: str | None = None
    after: bool = False
    entries: int = 0

    def hits(self, number: int) -> bool:
        """Tell whether the call of that number fails."""
        return self.at <= number and (self.times is None or number < self.at + self.times)


class Faulty(Wrapper):
    """Fails as its faults say, and is otherwise the adapter that it wraps.

    Calls are counted for each fault. `calls` lists all that were made, those that failed included, as
    (operation, key).
    """

    def __init__(self, inner: BaseSync, faults: Sequence[Fault]) -> None:
        super().__init__(inner)
        self.calls: list[tuple[str, str | None]] = []
        self._faults = list(faults)
        self._counts = [0] * len(self._faults)
        self._lock = threading.Lock()

    def intercept(self, call: Call[T]) -> T:
        """Make the call, or fail before or after it."""
        fault = self._fault(call.operation, call.key)
        if fault is None:
            return call()
        if fault.after:
            call()
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
