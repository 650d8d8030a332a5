"""The JSON of a request, read with the checks that every call makes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .errors import Refused, bad_request


class Params:
    """What a call was given. A field that is null counts as absent: b2sdk sends null for what it leaves out."""

    def __init__(self, fields: Mapping[str, Any], *, from_query: bool = False) -> None:
        """Take the fields of a call. Those of a query (docs: "GET" calls) are text, numbers too."""
        self._from_query = from_query
        self._fields = {name: value for name, value in fields.items() if value is not None}

    @classmethod
    def parse(cls, body: bytes) -> Params:
        """Read a body. What is no JSON object is refused with `bad_json` (b2sdk `BadJson`)."""
        try:
            fields = json.loads(body or b"{}")
        except ValueError as error:
            raise Refused(400, "bad_json", f"not valid JSON: {error}") from error
        if not isinstance(fields, dict):
            raise Refused(400, "bad_json", "not a JSON object")
        return cls(fields)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def text(self, name: str) -> str:
        """Return a string that must be there."""
        value = self.text_or_none(name)
        if value is None:
            raise bad_request(f"required field {name} is missing")
        return value

    def text_or_none(self, name: str) -> str | None:
        """Return a string, or None where there is none."""
        value: str | None = self._typed(name, str, "a string")
        return value

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """Return a whole number, refused outside of `low` to `high`; 0 is the default, as null is."""
        value = self.number_or_none(name) or default
        if not low <= value <= high:
            raise bad_request(f"{name} out of range: {value}")
        return value

    def number_or_none(self, name: str) -> int | None:
        """Return a whole number, or None where there is none."""
        text = self._fields.get(name)
        if self._from_query and isinstance(text, str) and text.isdigit():
            return int(text)
        value: int | None = self._typed(name, int, "a number")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean; absent is False."""
        return bool(self._typed(name, bool, "a boolean"))

    def mapping(self, name: str) -> dict[str, Any] | None:
        """Return an object, or None where there is none."""
        value: dict[str, Any] | None = self._typed(name, dict, "an object")
        return value

    def texts(self, name: str) -> list[str] | None:
        """Return an array of strings, or None where there is none."""
        values = self.array(name)
        if values is not None and not all(isinstance(value, str) for value in values):
            raise bad_request(f"{name} must be an array of strings")
        return values

    def array(self, name: str) -> list[Any] | None:
        """Return an array, or None where there is none."""
        value: list[Any] | None = self._typed(name, list, "an array")
        return value

    def _typed(self, name: str, kind: type[Any], what: str) -> Any:
        value = self._fields.get(name)
        if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise bad_request(f"{name} must be {what}")
        return value
