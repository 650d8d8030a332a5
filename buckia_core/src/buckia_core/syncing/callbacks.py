"""From events to the simple progress callback of the Python API."""

from __future__ import annotations

from collections.abc import Callable

from buckia_core.planning.plan import Action
from buckia_core.syncing.events import Event, Finished, Listener, Planned, Status
from buckia_core.syncing.request import no_listener

ProgressCallback = Callable[[int, int, str, str], None]
"""Called as `(current, total, action, path)`: how many operations are over, of how many, what the last one was
(`upload`, `download`, `delete`, `move`, `adopt`, `forget`, `conflict` or `skip`), and its path or key."""

_WORDS = {
    Action.DELETE_LOCAL: "delete",
    Action.DELETE_REMOTE: "delete",
    Action.MOVE_REMOTE: "move",
    Action.KEEP_BOTH: "conflict",
    Action.REFUSE: "skip",
}


def combine_listeners(events: Listener | None, callback: ProgressCallback | None) -> Listener:
    """Return one listener that serves both."""
    if callback is None:
        return events or no_listener
    counted = _Counted(callback)
    if events is None:
        return counted

    def both(event: Event) -> None:
        events(event)
        counted(event)

    return both


class _Counted:
    def __init__(self, callback: ProgressCallback) -> None:
        self._callback = callback
        self._current = self._total = 0

    def __call__(self, event: Event) -> None:
        match event:
            case Planned(plan):
                self._total = len(plan.operations)
            case Finished(operation, status=status, path=path) if status is not Status.FAILED:
                self._current += 1
                action = _WORDS.get(operation.action, operation.action.value)
                self._callback(self._current, self._total, action, path)
            case Finished():
                self._current += 1
            case _:
                pass
