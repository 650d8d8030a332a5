"""The pages of a listing: bounds on what a server can make of them."""

from __future__ import annotations

from buckia_core.errors import AdapterError

MAX_EMPTY_PAGES = 1000
"""Pages without an entry that may follow each other. Deleted versions make some, each stands for a thousand of them."""


class PageGuard:
    """Follows the pages of one listing, so that a server can't make it endless."""

    def __init__(self, action: str, *, provider: str) -> None:
        """Name the listing; `action` is how errors begin, such as `listing`."""
        self._action = action
        self._provider = provider
        self._markers: set[object] = set()
        self._empty = 0

    def next_page(self, marker: object, *, empty: bool) -> None:
        """Take note of a page that another one follows.

        Args:
            marker: Where the next page begins, such as a token; compared, not understood.
            empty: The page had no entry.

        Raises:
            AdapterError: The listing begins again where it was before, or goes on without an entry. It is not
                `retryable`: what a repeat would leave out looks deleted.
        """
        self._empty = self._empty + 1 if empty else 0
        if marker in self._markers:
            raise self.invalid_response("it begins again where it began before")
        if self._empty > MAX_EMPTY_PAGES:
            raise self.invalid_response(f"{self._empty} empty pages follow each other")
        self._markers.add(marker)

    def invalid_response(self, problem: str) -> AdapterError:
        """Return the error for a listing that can't be trusted to be complete; it is not `retryable`."""
        words = f"{self._action}: the server's answer can't be used: {problem}"
        return AdapterError(words, provider=self._provider, retryable=False)
