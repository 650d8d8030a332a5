"""Page guard: stops a listing that a broken server would make endless."""

from __future__ import annotations

from buckia_core.errors import AdapterError

MAX_EMPTY_PAGES = 1000
"""Consecutive pages without an entry. Deleted versions cause some: one page for each thousand of them."""


class PageGuard:
    """Checks the sequence of pages of one listing."""

    def __init__(self, action: str, *, provider: str) -> None:
        """Create the guard; `action` starts its error messages, such as `listing`."""
        self._action = action
        self._provider = provider
        self._markers: set[object] = set()
        self._empty = 0

    def next_page(self, marker: object, *, empty: bool) -> None:
        """Record that another page follows.

        Args:
            marker: The opaque token of the next page.
            empty: The present page has no entries.

        Raises:
            AdapterError: A marker is repeated, or there are too many empty pages. Not `retryable`: an object that a
                retry leaves out would look deleted.
        """
        self._empty = self._empty + 1 if empty else 0
        if marker in self._markers:
            raise self.invalid_response("it begins again where it began before")
        if self._empty > MAX_EMPTY_PAGES:
            raise self.invalid_response(f"{self._empty} empty pages follow each other")
        self._markers.add(marker)

    def invalid_response(self, problem: str) -> AdapterError:
        """Return the error for a listing that may be incomplete; it is not `retryable`."""
        message = f"{self._action}: the server's response can't be used: {problem}"
        return AdapterError(message, provider=self._provider, retryable=False)
