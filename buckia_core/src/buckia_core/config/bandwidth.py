"""`BandwidthTimetable`: bytes per second for each direction, which may depend on the time of the week."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from buckia_core.config.parsers import parse_bytes

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_MINUTES = 24 * 60
_SLOT = re.compile(r"(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}-)?([01]?\d|2[0-3]):([0-5]\d),(\S+)", re.IGNORECASE)
_EXPECTED = (
    "a number of bytes above 0 per second, such as 500k or 4M; one for each direction (up:down), such as 10M:1M; or a "
    "timetable, such as 08:00,512k 19:00,10M 23:00,off"
)
_MAX_SLOTS = 500


@dataclass(frozen=True, slots=True)
class Rates:
    """Bytes per second; `None` for no limit.

    Attributes:
        up: Of uploads.
        down: Of downloads.
        total: Of both together.
    """

    up: int | None = None
    down: int | None = None
    total: int | None = None

    def __str__(self) -> str:
        if self.up is None and self.down is None:
            return _show(self.total)
        return f"{_show(self.up)}:{_show(self.down)}"


@dataclass(frozen=True, slots=True)
class BandwidthTimetable:
    """Rates by time of the week, in local time.

        10M                                   both directions together
        10M:1M                                uploads, downloads
        08:00,512k 19:00,10M 23:00,off        every day
        Mon-08:00,1M:off Sat-00:00,off        by weekday

    Attributes:
        slots: Minute of the week at which rates begin to apply, counted from Monday 00:00, and the rates; ascending.
            Before the first slot, those of the last one apply. A single slot always applies.
    """

    slots: tuple[tuple[int, Rates], ...]

    @classmethod
    def parse(cls, value: object) -> Self:
        """Parse a number of bytes, or one of the forms above.

        Raises:
            ValueError: The value is neither. The message is what is expected.
        """
        if not isinstance(value, str) or "," not in value:
            return cls(((0, _parse_rates(value)),))
        slots: dict[int, Rates] = {}
        texts = value.split()
        for text in texts:
            match = _SLOT.fullmatch(text)
            if match is None or len(texts) > _MAX_SLOTS:
                raise ValueError(_EXPECTED)
            minute, rates = int(match[2]) * 60 + int(match[3]), _parse_rates(match[4])
            days = range(7) if match[1] is None else (_DAYS.index(match[1].title()),)
            slots |= {day * _DAY_MINUTES + minute: rates for day in days}
        return cls(tuple(sorted(slots.items(), key=lambda slot: slot[0])))

    def rates_at(self, time: datetime) -> Rates:
        """Return the rates that apply at a local time."""
        minute = time.weekday() * _DAY_MINUTES + time.hour * 60 + time.minute
        return self.slots[bisect_right(self.slots, minute, key=lambda slot: slot[0]) - 1][1]

    def __str__(self) -> str:
        if len(self.slots) == 1:
            return str(self.slots[0][1])
        return " ".join(f"{_show_minute(minute)},{rates}" for minute, rates in self.slots)


def parse_bwlimit(value: object) -> str:
    """Return a bandwidth limit in one spelling.

    Raises:
        ValueError: As `BandwidthTimetable.parse`.
    """
    return str(BandwidthTimetable.parse(value))


def _parse_rates(value: object) -> Rates:
    if not isinstance(value, str) or ":" not in value:
        return Rates(total=_parse_rate(value))
    up, _, down = value.partition(":")
    return Rates(_parse_rate(up), _parse_rate(down))


def _parse_rate(value: object) -> int | None:
    if isinstance(value, str) and value.strip().lower() == "off":
        return None
    try:
        return parse_bytes(value)
    except ValueError as error:
        raise ValueError(_EXPECTED) from error


def _show(rate: int | None) -> str:
    if rate is None:
        return "off"
    power = max((power for power in range(5) if rate % 1024**power == 0), default=0)
    return f"{rate // 1024**power}{' kMGT'[power]}".strip()


def _show_minute(minute: int) -> str:
    day, rest = divmod(minute, _DAY_MINUTES)
    return f"{_DAYS[day]}-{rest // 60:02}:{rest % 60:02}"
