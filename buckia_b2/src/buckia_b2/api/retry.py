"""The repetition of one request of many: whole calls are repeated by the wrapper `Retry`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from buckia_core.adapters.transfers import retry
from buckia_core.adapters.transfers.retry import RetryPolicy

T = TypeVar("T")

PATIENCE = RetryPolicy(attempts=5, seconds=math.inf, initial_wait=0.2, max_wait=10.0)
"""Five times in all, and soon: B2 answers 503 where another server would take the request at once."""


def repeated(request: Callable[[], T]) -> T:
    """Make a request again if its error may pass. A server that asks for more than ten seconds is not waited for."""
    return retry.retry_call(request, PATIENCE)
