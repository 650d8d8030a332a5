"""The repetition of one request of many: whole calls are repeated by the wrapper `Retry`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from buckia_core.adapters.transfers import retry
from buckia_core.adapters.transfers.retry import RetryPolicy

T = TypeVar("T")

PATIENCE = RetryPolicy(attempts=6, seconds=math.inf, initial_wait=0.2, max_wait=20.0)
"""How a request is repeated of which one call needs many: one lost listing of a thousand must not cost all of them."""


def repeated(request: Callable[[], T]) -> T:
    """Make a request again if its error may pass. A server that asks for over twenty seconds is not waited for."""
    return retry.retry_call(request, PATIENCE)
