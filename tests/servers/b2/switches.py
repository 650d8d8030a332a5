"""What a test can set for an account: limits, caps, its clock, and calls that fail."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from .errors import Refused

FAILED_SHARE: Final = 0.3
"""How much `X-Bz-Test-Mode` lets fail. The service says "some" only: chosen."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set for an account. Defaults are those of the service (PROVIDERS 2.3); sizes in bytes."""

    minimum_part_size: int = 5_000_000
    recommended_part_size: int = 100_000_000
    maximum_part_size: int = 5_000_000_000
    """Of a part, and of a file that is uploaded or copied in one call."""
    token_seconds: int = 86_400
    clock_ahead_seconds: int = 0
    """How far the account's clock is ahead of the machine's: keys, tokens and retentions end early."""
    upload_url_uses: int | None = None
    """After so many uploads a URL answers 503: get a new one. None for no end."""
    storage_cap_bytes: int | None = None
    download_cap_bytes: int | None = None
    class_b_cap: int | None = None
    """How many downloads and looks at single files there may be."""
    class_c_cap: int | None = None
    """How many lists, copies and calls about buckets and keys there may be."""

    def changed(self, changes: Mapping[str, Any]) -> Settings:
        """Return the settings with some changed. Raises ValueError where a name or a value is wrong."""
        known = {one.name for one in fields(self)}
        for name, value in changes.items():
            optional = getattr(Settings(), name, 0) is None
            if name not in known or not (isinstance(value, int) or (optional and value is None)):
                raise ValueError(f"no such setting: {name}={value!r}")
        return replace(self, **changes)


@dataclass(slots=True)
class Failing:
    """Calls that are refused, in place of being carried out."""

    status: int
    code: str
    message: str = ""
    calls: frozenset[str] | None = None
    """Names as in `b2_list_file_names`; None for all."""
    times: int | None = None
    """How often at most; None for no end."""
    share: float = 1.0
    """How many of the calls, drawn from a generator with `seed`."""
    retry_after: int | None = None
    """Seconds, as a header."""
    seed: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def applies(self, call: str) -> bool:
        """Tell whether this call fails, and count it."""
        if self.times == 0 or (self.calls is not None and call not in self.calls):
            return False
        if self._random.random() >= self.share:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def refusal(self) -> Refused:
        """Return what is answered."""
        return Refused(self.status, self.code, self.message, retry_after=self.retry_after)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Failing:
        """Read what a test sent. Raises TypeError or ValueError where it is none."""
        calls = given.get("calls")
        return cls(**{**given, "calls": frozenset(calls) if calls is not None else None})
