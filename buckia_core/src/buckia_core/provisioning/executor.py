"""Executor: executes a plan step by step, records each step in the journal, and undoes a plan that fails.

error         every step of this provision is undone in reverse order, and the error is raised
killed        the journal says what was begun; the same command goes on
past ENTRY    of a rotation: the new key is in use, so an error undoes nothing, and the same command goes on
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.provisioning import creation, removal
from buckia_core.provisioning.plan import Plan, Step, StepKind
from buckia_core.provisioning.request import Action
from buckia_core.provisioning.share import add_share, undo_share
from buckia_core.provisioning.work import Work

_log = redacted_logger(__name__)

_DO: dict[StepKind, Callable[[Work], None]] = {
    StepKind.BUCKET: creation.create_bucket,
    StepKind.PUBLISH: creation.publish,
    StepKind.RESET: removal.reset_password,
    StepKind.CREDENTIALS: creation.issue_credentials,
    StepKind.VERIFY: creation.verify,
    StepKind.ENTRY: creation.add_entry,
    StepKind.SHARE: add_share,
    StepKind.REVOKE: removal.revoke_old_key,
    StepKind.FORGET: removal.forget_old_secrets,
    StepKind.EMPTY: removal.empty_bucket,
    StepKind.UNPUBLISH: removal.unpublish,
    StepKind.DELETE_BUCKET: removal.delete_bucket,
    StepKind.DELETE_KEYS: removal.delete_keys,
    StepKind.DELETE_SECRETS: removal.delete_secrets,
    StepKind.DELETE_ENTRY: creation.remove_entry,
}

_UNDO: dict[StepKind, Callable[[Work], None]] = {
    StepKind.BUCKET: creation.undo_bucket,
    StepKind.PUBLISH: creation.undo_publish,
    StepKind.CREDENTIALS: creation.undo_credentials,
    StepKind.ENTRY: creation.undo_entry,
    StepKind.SHARE: undo_share,
}


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step is done; `resumed` says that an earlier run did it."""

    step: Step
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class StepUndone:
    """A step was undone after an error; `problem` says why it could not be."""

    step: Step
    problem: str = ""


Listener = Callable[[StepDone | StepUndone], None]
"""Called after each step, in the thread that executes the plan. After an error of its own it is not called again."""


class _Teller:
    """Calls a listener until it fails. A closed pipe must not stop a provision halfway, nor what undoes it."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.error: Exception | None = None

    def __call__(self, event: StepDone | StepUndone) -> None:
        if self.error is not None:
            return
        try:
            self._listener(event)
        except Exception as error:  # noqa: BLE001  # raised by `execute`, at its end
            self.error = error


def execute(plan: Plan, work: Work, listener: Listener = lambda _: None) -> None:
    """Execute the steps that are not done.

    Raises:
        BuckiaError: A step failed. Unless it can't be, what the provision made is undone; `listener` hears of it.
        Exception: All steps are done, and the listener raised this.
    """
    tell = _Teller(listener)
    for step in plan.steps:
        if step.kind in work.progress.done:
            tell(StepDone(step, resumed=True))
            continue
        try:
            _DO[step.kind](work)
        except Exception:
            if _can_undo(plan, work):
                _undo(plan, work, tell)
            raise
        work.progress.done.append(step.kind.value)
        work.save()
        tell(StepDone(step))
    if plan.request.action is Action.DESTROY:
        work.journal.remove()
    else:
        work.progress.finished = True
        work.save()
    if tell.error is not None:
        raise tell.error


def add_entry_again(plan: Plan, work: Work, listener: Listener) -> None:
    """Add the entry of a finished provision, which the user removed. The journal stays, and nothing is undone.

    Raises:
        BuckiaError: It can't be added.
    """
    for step in plan.steps:
        if step.kind in (StepKind.ENTRY, StepKind.SHARE):
            _DO[step.kind](work)
            listener(StepDone(step))
        else:
            listener(StepDone(step, resumed=True))


def _can_undo(plan: Plan, work: Work) -> bool:
    match plan.request.action:
        case Action.BUCKET | Action.SHARE_BUCKET | Action.REGISTER:
            return True
        case Action.ROTATE:
            return StepKind.ENTRY not in work.progress.done and StepKind.RESET not in work.progress.done
        case _:
            return False


def _undo(plan: Plan, work: Work, listener: Listener) -> None:
    """Undo what the provision made, this run or a killed one. The journal stays if something remains."""
    progress, complete = work.progress, True
    rotated = plan.request.action is Action.ROTATE
    for step in reversed(plan.steps):
        undo = _UNDO.get(step.kind)
        if undo is None or not _began(step.kind, work):
            continue
        try:
            undo(work)
        except Exception as error:  # noqa: BLE001  # what else can be undone is undone, and the first error is raised
            complete = False
            _log.debug("undoing %s failed", step.kind, exc_info=True)
            listener(StepUndone(step, f"{type(error).__name__}: {error}"))
        else:
            listener(StepUndone(step))
        if step.kind.value in progress.done:
            progress.done.remove(step.kind.value)
    if not complete:
        work.save()
    elif rotated and progress.previous is not None:
        work.progress = progress.previous
        work.save()
    else:
        work.journal.remove()


def _began(kind: StepKind, work: Work) -> bool:
    """Tell whether there may be something of a step to undo: a step that failed may have done its work."""
    progress = work.progress
    match kind:
        case StepKind.ENTRY:
            return progress.begun_entry
        case StepKind.SHARE:
            return StepKind.ENTRY in progress.done
        case StepKind.BUCKET:
            return progress.begun_bucket
        case StepKind.PUBLISH:
            return progress.public_before is not None
        case _:
            return progress.bucket is not None or bool(progress.references)
