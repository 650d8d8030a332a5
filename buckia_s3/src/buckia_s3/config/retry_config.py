"""The setting `retry_config`: retries of single requests, with the names of obstore. See `S3Sync`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.config.convert import ConvertContext, InvalidValue, convert, invalid_value
from buckia_core.config.setting_fields import SettingSpec
from buckia_core.config.setting_messages import suggest
from buckia_s3.config.client_options import parse_seconds

_NAMES = ("max_retries", "retry_timeout", "backoff")
_BACKOFF = ("init_backoff", "max_backoff", "base")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryConfig:
    """RetryConfig: how to retry a failed request. Times are in seconds.

    Attributes:
        max_retries: Retries after the first attempt; 0 means none.
        retry_timeout: Start no retry later than this after the first attempt.
        init_backoff: Longest wait before the first retry. Each wait is random between zero and its maximum.
        max_backoff: Longest wait of all. If the server asks for a longer one, the request fails.
        base: Factor by which the longest wait grows with each retry.
    """

    max_retries: int = 2
    retry_timeout: float = 180.0
    init_backoff: float = 2.0
    max_backoff: float = 20.0
    base: float = 2.0

    @property
    def policy(self) -> RetryPolicy:
        """The same as `RetryPolicy` of `buckia_core`."""
        return RetryPolicy(
            self.max_retries + 1,
            self.retry_timeout,
            initial_wait=self.init_backoff,
            max_wait=self.max_backoff,
            multiplier=self.base,
        )


def parse_retry_config(value: object) -> RetryConfig:
    """Parse a mapping of options.

    Raises:
        InvalidValue: A name is unknown, or a value is invalid.
    """
    if isinstance(value, RetryConfig):
        return value
    given = dict(_check_mapping(value, ""))
    _refuse_unknown(given, _NAMES, "")
    backoff = given.pop("backoff", None)
    spans = {} if backoff is None else dict(_check_mapping(backoff, ".backoff"))
    _refuse_unknown(spans, _BACKOFF, ".backoff")
    read: dict[str, Any] = {}
    for at, values in (("", given), (".backoff", spans)):
        for name, each in values.items():
            if each is None:
                continue
            try:
                read[name] = _parse_value(name, each)
            except InvalidValue as error:
                raise InvalidValue(error.clause, at=f"{at}.{name}") from None
    return RetryConfig(**read)


def _parse_value(name: str, value: object) -> object:
    match name:
        case "max_retries":
            return convert(value, int, SettingSpec(help="", minimum=0), _ANYWHERE)
        case "base":
            return convert(value, float, SettingSpec(help="", minimum=1), _ANYWHERE)
        case _:
            return parse_seconds(value)


_ANYWHERE = ConvertContext(Path(), {})


def _check_mapping(value: object, at: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise invalid_value(value, "a mapping of names to values", at=at)
    return value


def _refuse_unknown(values: Mapping[str, object], names: tuple[str, ...], at: str) -> None:
    for name in values:
        if name not in names:
            raise InvalidValue(f"is unknown.{suggest(str(name), names)}", at=f"{at}.{name}", unknown=True)
