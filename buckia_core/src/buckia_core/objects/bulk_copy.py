"""Copies and moves of many objects, in parallel, within a bucket or between two."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition
from buckia_core.errors import InvalidSetting, Unauthenticated
from buckia_core.objects.copy import delete_copied, object_name
from buckia_core.objects.progress import ProgressListener
from buckia_core.objects.store import ObjectStore
from buckia_core.planning.manifest import RemoteObject


@dataclass(frozen=True, slots=True)
class CopyTask:
    """One object to copy.

    Attributes:
        found: The version to copy.
        key: The key of the copy.
        replaces: The object under that key, which is replaced; `None` if there is none.
        is_known: Whether that is known. Otherwise whatever is there is replaced.
    """

    found: RemoteObject
    key: str
    replaces: RemoteObject | None = None
    is_known: bool = True

    @property
    def expect(self) -> Precondition | None:
        """What must hold of the object that is replaced."""
        if not self.is_known:
            return None
        return IfAbsent() if self.replaces is None else IfUnchanged(self.replaces)


@dataclass(frozen=True, slots=True)
class CopyOutcome:
    """Outcome of a task: the copy, or the error."""

    task: CopyTask
    copied: RemoteObject | None = None
    error: Exception | None = None


def check_targets(
    target: ObjectStore, sources: Sequence[tuple[ObjectStore, Sequence[CopyTask]]]
) -> list[list[CopyTask]]:
    """Check all tasks of a command before the first one runs, and return those of each source, none of them twice.

    Args:
        target: The bucket of the copies.
        sources: The bucket of each source, and its tasks.

    Raises:
        InvalidSetting: A copy would replace an object that is a source itself, such as in a move of a folder into
            itself, or two objects would have copies under one key, of which one would be lost.
    """
    names = [[object_name(store.adapter, task.found.key) for task in tasks] for store, tasks in sources]
    all_names = {name for each in names for name in each}
    planned: dict[str, tuple[str, str]] = {}
    checked: list[list[CopyTask]] = []
    for (_, tasks), own_names in zip(sources, names, strict=True):
        checked.append([])
        for task, name in zip(tasks, own_names, strict=True):
            copy = object_name(target.adapter, task.key)
            if copy in all_names:
                what = "itself" if copy == name else f"{task.key!r}, which is to be copied, too"
                raise InvalidSetting(f"{task.found.key!r} would replace {what}; nothing was changed")
            if copy not in planned:
                planned[copy] = (name, task.found.key)
                checked[-1].append(task)
            elif planned[copy][0] != name:
                both = f"{planned[copy][1]!r} and {task.found.key!r} would both become {task.key!r}"
                raise InvalidSetting(f"{both}; nothing was changed")
    return checked


def copy_all(
    source: ObjectStore,
    target: ObjectStore,
    tasks: Sequence[CopyTask],
    *,
    move: bool,
    stopped: threading.Event,
    progress: ProgressListener | None = None,
) -> Iterator[CopyOutcome]:
    """Copy objects, and yield the outcome of each in their order. An error of one does not stop the others.

    With `move`, each source is deleted when its copy is verified, if it still is what was copied.

    Args:
        source: The bucket of the objects.
        target: The bucket of the copies.
        tasks: The objects.
        move: Delete the sources.
        stopped: Set from outside to end early; what is in flight is finished.
        progress: Receives the bytes that pass through this machine, from several threads.

    Raises:
        Unauthenticated: The provider rejects the credentials.
    """
    one_bucket = source.adapter.identity == target.adapter.identity

    def run(task: CopyTask) -> CopyOutcome | None:
        if stopped.is_set():
            return None
        try:
            if move and not one_bucket:
                _check_not_the_same(task)
            copied = target.copy_object(task.found, task.key, source=source, expect=task.expect, progress=progress)
            if move:
                delete_copied(source.adapter, task.found, task.key)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  # an error of one object must not stop the others
            return CopyOutcome(task, error=error)
        return CopyOutcome(task, copied)

    workers = min(map(_workers, (source, target)))
    waiting, running = iter(tasks), deque[Future[CopyOutcome | None]]()
    with ThreadPoolExecutor(workers, thread_name_prefix="buckia-copy") as pool:
        while True:
            while len(running) < 2 * workers and not stopped.is_set() and (task := next(waiting, None)) is not None:
                running.append(pool.submit(run, task))
            if not running:
                return
            outcome = running.popleft().result()
            if outcome is None:
                continue
            yield outcome
            if isinstance(outcome.error, Unauthenticated):
                stopped.set()
                raise outcome.error


def _workers(store: ObjectStore) -> int:
    configured = None if store.config is None else store.config.max_workers
    return configured or store.adapter.capabilities.workers


def _check_not_the_same(task: CopyTask) -> None:
    """Check that what a copy would replace is not the source itself, under another name of the bucket.

    Raises:
        InvalidSetting: It may be, and deleting it would lose it.
    """
    if task.replaces is not None and _traits(task.replaces) == _traits(task.found):
        raise InvalidSetting(
            f"{task.found.key!r} and {task.key!r} may be one object, so it was not moved; if they are not, delete it"
        )


def _traits(found: RemoteObject) -> tuple[int, str, int]:
    # Some servers tell milliseconds in listings only.
    return found.size, found.fingerprint, found.modified_ns // 10**9
