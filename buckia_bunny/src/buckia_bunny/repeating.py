"""The repetition of one request of many: whole calls are repeated by the wrapper `Retry`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from buckia_core.errors import AdapterError

T = TypeVar("T")

ATTEMPTS = 6
"""How often one request of many is made."""

_LONGEST_WAIT = 20.0


def repeated(request: Callable[[], T], *, first: float = 0.1, sleep: Callable[[float], None] = time.sleep) -> T:
    """Make a request again if its error may pass, after pauses that grow and are random in part.

    One lost listing of a thousand directories must not cost all of them. A server that asks for a pause longer than
    twenty seconds is not waited for.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return request()
        except AdapterError as error:
            wait = max(random.uniform(0.0, first * 2.0**attempt), error.retry_after or 0.0)  # noqa: S311  # no secret
            if not error.retryable or wait > _LONGEST_WAIT:
                raise
            sleep(wait)
    return request()
