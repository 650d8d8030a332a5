"""`CallLogging`: a line in the log for each call."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.wrappers.wrapper import Call, T, Wrapper
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import AdapterError
from buckia_core.planning.manifest import RemoteObject

log = redacted_logger(__name__)


class CallLogging(Wrapper):
    """Logs each call at DEBUG: what, which key, how large, how long, what went wrong.

    Keys are written with `repr`, so that one of them can't forge a line. User metadata and addresses are not
    written.
    """

    def __init__(self, inner: BaseSync, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(inner)
        self._clock = clock

    def intercept(self, call: Call[T]) -> T:
        """Log one call when it is over."""
        if not log.isEnabledFor(logging.DEBUG):
            return call()
        began = self._clock()
        try:
            result = call()
        except (AdapterError, OSError) as error:
            self._failed(call.operation, call.key, began, error)
            raise
        match result:
            case RemoteObject():
                detail = f"{result.size} bytes"
            case list():
                detail = f"{len(result)} keys, {sum(outcome.error is not None for outcome in result)} failed"
            case _:
                detail = "done"
        self._line(call.operation, call.key, began, detail)
        return result

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`. Logged when it is at its end, or given up."""
        began, count = self._clock(), 0
        try:
            for entry in self.inner.list_files(prefix, start_after=start_after, end_at=end_at):
                count += 1
                yield entry
        except (AdapterError, OSError) as error:
            self._failed("list_files", prefix, began, error)
            raise
        finally:
            self._line("list_files", prefix, began, f"{count} entries")

    def _failed(self, operation: str, key: str | None, began: float, error: Exception) -> None:
        self._line(operation, key, began, f"{type(error).__name__}: {error}")

    def _line(self, operation: str, key: str | None, began: float, detail: str) -> None:
        about = "" if key is None else f" {key!r}"
        log.debug("%s %s%s: %s, %.3f s", self.inner.provider, operation, about, detail, self._clock() - began)
