"""A response before it is written to the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .errors import Refused


@dataclass(frozen=True, slots=True)
class Response:
    """What a client gets."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of_json(cls, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """Return a response with a JSON body."""
        body = json.dumps(content).encode()
        return cls(status, {"Content-Type": "application/json;charset=utf-8", **(headers or {})}, body)

    @classmethod
    def from_refused(cls, refused: Refused) -> Response:
        """Return the response to a call that was refused."""
        return cls.of_json(refused.as_json(), refused.status, refused.headers())
