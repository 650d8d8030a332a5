"""Listeners of events, and the progress callback of the Python API."""

from __future__ import annotations

import pytest

from buckia_core.planning.plan import Action, Operation, Plan, Reason
from buckia_core.syncing.events import (
    Event,
    Finished,
    Planned,
    Scanning,
    Status,
    Transferred,
    combine_listeners,
    no_listener,
)
from buckia_core.testing import Fault, Faulty


def operation(action: Action, key: str = "a") -> Operation:
    return Operation(action, key, "", Reason.NEW_LOCAL)


@pytest.mark.parametrize(
    ("action", "word"),
    [
        (Action.UPLOAD, "upload"),
        (Action.DOWNLOAD, "download"),
        (Action.DELETE_LOCAL, "delete"),
        (Action.DELETE_REMOTE, "delete"),
        (Action.MOVE_REMOTE, "move"),
        (Action.ADOPT, "adopt"),
        (Action.FORGET, "forget"),
        (Action.CONFLICT, "conflict"),
        (Action.KEEP_BOTH, "conflict"),
        (Action.SKIP, "skip"),
        (Action.REFUSE, "skip"),
    ],
)
def test_the_word_for_each_action(action, word):
    calls: list[tuple[int, int, str, str]] = []
    listener = combine_listeners(None, lambda *arguments: calls.append(arguments))
    listener(Scanning(1, 1))
    listener(Planned(Plan([operation(action)])))
    listener(Transferred(operation(action), 5))
    listener(Finished(operation(action), Status.DONE, "path/a"))
    assert calls == [(1, 1, word, "path/a")]


def test_both_kinds_of_listener_are_called():
    events: list[Event] = []
    calls = []
    listener = combine_listeners(events.append, lambda *arguments: calls.append(arguments))
    sent: list[Event] = [
        Planned(Plan([operation(Action.UPLOAD)])),
        Finished(operation(Action.UPLOAD), Status.DONE, "a"),
    ]
    for event in sent:
        listener(event)
    assert events == sent and len(calls) == 1


def test_without_a_callback_the_listener_is_the_listener():
    events: list[Event] = []
    combine_listeners(events.append, None)(Scanning(1, 2))
    assert events == [Scanning(1, 2)]
    assert combine_listeners(None, None) is no_listener


def test_a_failed_operation_counts_but_is_not_reported(sides):
    """The callback has no way to say that something failed; the result does."""
    sides.here("a=1 b=1 c=1")
    sides.adapter = Faulty(sides.bucket, [Fault("upload_file", key="b")])
    calls = []
    sides.sync(progress_callback=lambda *arguments: calls.append(arguments), max_workers=1)
    assert [(current, total) for current, total, *_ in calls] == [(1, 3), (3, 3)]
    assert {path.rsplit("/", 1)[-1] for *_, path in calls} == {"a", "c"}
