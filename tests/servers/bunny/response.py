"""What the server answers, and the refusals of its two APIs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Response:
    """A response. The body comes in chunks, `length` bytes together."""

    status: int
    chunks: Iterable[bytes] = ()
    length: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_bytes(cls, status: int, body: bytes, content_type: str = "text/plain", **headers: str) -> Self:
        """Return a response with a body that is here already."""
        return cls(status, (body,), len(body), {"Content-Type": content_type, **headers})

    @classmethod
    def of_json(cls, body: Any, status: int = 200) -> Self:
        """Return a response with a JSON body."""
        return cls.of_bytes(status, json.dumps(body).encode(), "application/json")


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        """`body` is what the API answers, as JSON."""
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}

    def response(self) -> Response:
        """Return the response to send."""
        response = Response.of_json(self.body, self.status)
        return Response(response.status, response.chunks, response.length, {**response.headers, **self.headers})


class HungUp(Exception):
    """A request that is answered by the end of its connection."""


def storage_error(status: int, message: str) -> Refused:
    """Return an error of Edge Storage: one object (PROVIDERS 1.9)."""
    return Refused(status, {"HttpCode": status, "Message": message})


def storage_done(status: int, message: str) -> Response:
    """Return the response of Edge Storage to what was carried out (PROVIDERS 1.3)."""
    return Response.of_json({"HttpCode": status, "Message": message}, status)


def core_error(status: int, key: str, message: str, field: str = "") -> Refused:
    """Return an error of the core API (PROVIDERS 1.7). The keys are chosen."""
    return Refused(status, {"ErrorKey": key, "Field": field, "Message": message})


def no_object() -> Refused:
    """Return the 404 of Edge Storage (PROVIDERS 1.3)."""
    return storage_error(404, "Object Not Found")


def over_limit() -> Refused:
    """Return the 400 that means: too many of this at a time, come again (PROVIDERS 1.5)."""
    return storage_error(400, "Unable to process request")
