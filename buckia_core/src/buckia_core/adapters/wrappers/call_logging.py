"""`CallLogging`: logs each call."""

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
    """Logs each call at level DEBUG: operation, key, size, duration, error.

    Keys are written with `repr`, so that a key can't forge a line. User metadata and URLs are not logged.
    """

    def __init__(self, inner: BaseSync, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(inner)
        self._clock = clock

    @property
    def intercepts(self) -> bool:
        """See `Wrapper`."""
        return log.isEnabledFor(logging.DEBUG)

    async def intercept(self, call: Call[T]) -> T:
        """Log one call when it has ended."""
        started = self._clock()
        try:
            result = await call()
        except (AdapterError, OSError) as error:
            self._log_failure(call.operation, call.key, started, error)
            raise
        match result:
            case RemoteObject():
                detail = f"{result.size} bytes"
            case list():
                detail = f"{len(result)} keys, {sum(outcome.error is not None for outcome in result)} failed"
            case _:
                detail = "done"
        self._log(call.operation, call.key, started, detail)
        return result

    def list_files(
        self, prefix: str = "", *, start_after: str | None = None, end_at: str | None = None
    ) -> Iterator[RemoteObject]:
        """See `BaseSync`. Logged at its end, or when the consumer stops."""
        started, count = self._clock(), 0
        try:
            for entry in self.inner.list_files(prefix, start_after=start_after, end_at=end_at):
                count += 1
                yield entry
        except (AdapterError, OSError) as error:
            self._log_failure("list_files", prefix, started, error)
            raise
        finally:
            self._log("list_files", prefix, started, f"{count} entries")

    def _log_failure(self, operation: str, key: str | None, started: float, error: Exception) -> None:
        self._log(operation, key, started, f"{type(error).__name__}: {error}")

    def _log(self, operation: str, key: str | None, started: float, detail: str) -> None:
        target = "" if key is None else f" {key!r}"
        log.debug("%s %s%s: %s, %.3f s", self.inner.provider, operation, target, detail, self._clock() - started)
