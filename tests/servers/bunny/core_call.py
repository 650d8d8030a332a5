"""A call of the core API, and its pages and parameters (PROVIDERS 1.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .accounts import Account, World
from .pull_zones import PullZone
from .response import Refused, Response, core_error
from .zones import StorageZone


@dataclass(frozen=True, slots=True)
class CoreCall:
    """An authorized call."""

    world: World
    account: Account
    query: Mapping[str, str]
    given: Mapping[str, Any]
    """The body."""
    id: int
    """The number in the path."""

    def storage_zone(self) -> StorageZone:
        """Return the storage zone that the path names. Raises Refused (404)."""
        zone = self.account.storage_zones.get(self.id)
        if zone is None or zone.deleted:
            raise core_error(404, "storageZone.not_found", "The requested storage zone was not found", "StorageZone")
        return zone

    def pull_zone(self) -> PullZone:
        """Return the pull zone that the path names. Raises Refused (404)."""
        zone = self.account.pull_zones.get(self.id)
        if zone is None:
            raise core_error(404, "pullZone.not_found", "The requested pull zone was not found", "PullZone")
        return zone

    def text(self, name: str) -> str:
        """Return a text of the body that has to be there, whatever the case of its name. Raises Refused (400)."""
        value = next((one for key, one in self.given.items() if key.lower() == name.lower()), None)
        if not isinstance(value, str) or not value:
            raise invalid(name, f"{name} is required")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a flag of the query."""
        return self.query.get(name, str(default)).lower() == "true"

    def paged(self, items: list[dict[str, Any]]) -> Response:
        """Answer with a page; without a page's number, or with 0, with all as a plain array, as it always was."""
        page, size = self._number("page", 0), self._number("perPage", 1000)
        if page == 0:
            return Response.of_json(items)
        if not 5 <= size <= 1000:
            raise invalid("perPage", "perPage must be between 5 and 1000")
        start = (page - 1) * size
        more = start + size < len(items)
        shown = items[start : start + size]
        return Response.of_json({"Items": shown, "CurrentPage": page, "TotalItems": len(items), "HasMoreItems": more})

    def _number(self, name: str, default: int) -> int:
        text = self.query.get(name, "")
        if text and not text.isdecimal():
            raise invalid(name, f"{name} must be a number")
        return int(text) if text else default


def invalid(field: str, message: str) -> Refused:
    """Return the refusal of a value."""
    return core_error(400, "validation_error", message, field)


def done() -> Response:
    """Return the response without a body."""
    return Response(204)
