"""One operation, done: what the threads (or other processes) of a run do. Nothing here touches the state database."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import assert_never

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import ServerCopy
from buckia_core.adapters.contract.types import IfAbsent, stat_or_none
from buckia_core.errors import (
    AdapterError,
    InvalidKey,
    NotFound,
    PreconditionFailed,
    Transient,
    Unauthenticated,
)
from buckia_core.planning.manifest import RemoteObject
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation
from buckia_core.planning.policy import Side
from buckia_core.planning.reconcile import Outcome
from buckia_core.syncing.disk.paths import FileLocator, local_path
from buckia_core.syncing.disk.spelling import Spellings
from buckia_core.syncing.disk.trash import Trash
from buckia_core.syncing.error_messages import FATAL_ERRORS, is_generic_error
from buckia_core.syncing.events import Status
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.execution.replan import again
from buckia_core.syncing.planner.backup_policy import BackupPolicy
from buckia_core.syncing.planner.bucket_handle import BucketHandle
from buckia_core.syncing.state.baseline_rows import baseline_row, dirty_row
from buckia_core.syncing.state.resume_store import ResumeStore
from buckia_core.syncing.transfer.download import Download
from buckia_core.syncing.transfer.errors import StateChanged, no_progress, same_file
from buckia_core.syncing.transfer.in_flight import InFlightTransfers
from buckia_core.syncing.transfer.staging_file import BUFFERED_DOWNLOAD_MAX
from buckia_core.syncing.transfer.upload import FileChangedDuringUpload, upload

_ROUNDS = 4


Step = Callable[[OperationResult, FileLocator], None]
"""Does an operation, or ends what was begun of it."""


@dataclass(slots=True)
class Worker:
    """Executes operations of one run, in any number of threads.

    Attributes:
        site: The bucket, and what decides a key again.
        mappings: By id.
        trash: Where replaced and deleted versions go.
        temporary: How names of temporary files begin.
        algorithm: The digest that the baseline keeps.
        keeping: Which versions in the bucket are fetched into the trash before they are replaced or deleted.
        unfinished: What large transfers leave that break off, and take up again.
        since_ns: When the run began; files younger than that are hashed again by the next one.
        flights: Told which transfers are under way.
    """

    site: BucketHandle
    mappings: dict[str, PathMapping]
    trash: Trash
    temporary: str
    algorithm: str
    keeping: BackupPolicy
    unfinished: ResumeStore
    since_ns: int
    flights: InFlightTransfers = field(default_factory=InFlightTransfers)

    @property
    def adapter(self) -> BaseSync:
        """The bucket."""
        return self.site.adapter

    def run(
        self, operation: Operation, begun: Step | None = None, places: FileLocator | None = None
    ) -> OperationResult:
        """Execute one operation; if its ground has shifted, plan the key again and execute that.

        `begun` ends what was begun of it already. `places` are those of a group, which its operations share. Whatever
        the file fails with is in the result, and not raised, save what ends the run.
        """
        done = OperationResult(operation)
        try:
            self._run(done, begun, places)
        except FATAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001  # whatever a file does, the others get their turn
            done.fail(error, self.path(done.operation))
        return done

    def _run(self, done: OperationResult, begun: Step | None, places: FileLocator | None) -> None:
        for _ in range(_ROUNDS):
            step, begun = begun or self._execute, None
            # Those of the group may be of directories that have been replaced by others.
            shared, places = places, None
            with nullcontext(shared) if shared is not None else self.site.locator() as fresh:
                outcome = self._attempt(step, done, fresh)
            if outcome is None:
                return
            if isinstance(outcome, Operation):
                done.operation = outcome
            else:
                # Both sides agree, or the next run sees what is left: there is nothing to do now.
                done.operation = replace(done.operation, action=Action.ADOPT)
                return
        raise Transient("it kept changing while it was synced; it is left for the next run")

    def _attempt(self, step: Step, done: OperationResult, places: FileLocator) -> Outcome | None:
        """Execute once; return what to do instead if the ground has shifted, `None` if it is done."""
        try:
            step(done, places)
        except (StateChanged, PreconditionFailed, FileNotFoundError):
            # A file that is missing, or the directory above it, was there a moment ago.
            return again(self.site, self.mappings, done.operation)
        except NotFound as error:
            if error.key is None:
                # The bucket itself is missing, which says nothing about this object.
                raise
            return again(self.site, self.mappings, done.operation)
        except FileChangedDuringUpload as torn:
            local = done.operation.local
            assert local is not None
            done.put = [dirty_row(local, torn.remote)]
            return again(self.site, self.mappings, done.operation, done.put[0])
        return None

    def path(self, operation: Operation) -> str:
        """Return the local path of an operation's key, for reports."""
        return local_path(operation.key, self.mappings[operation.root])

    def _execute(self, done: OperationResult, places: FileLocator) -> None:
        operation = done.operation
        match operation.action:
            case Action.UPLOAD:
                self._upload(operation, done, places)
            case Action.DOWNLOAD:
                self._download(operation, done, places)
            case Action.DELETE_LOCAL:
                self._delete_local(operation, done, places)
            case Action.DELETE_REMOTE:
                self.check_still_absent(operation, places)
                # Keeping may take long, so the look at what is deleted comes after it.
                self.keep_remote(operation)
                self.check_remote(operation)
                try:
                    self._delete_remote(operation.key)
                except AdapterError as error:
                    if is_generic_error(error):
                        self.check_remote(operation)
                    raise
                done.drop.append(operation.key)
            case Action.MOVE_REMOTE:
                self._move_remote(operation, done, places)
            case Action.ADOPT:
                self._adopt(operation, done)
            case Action.FORGET:
                done.drop.append(operation.key)
            case Action.KEEP_BOTH:
                self._keep_both(operation, done, places)
            case Action.CONFLICT:
                done.status = Status.UNRESOLVED
            case Action.REFUSE:
                done.status, done.error = Status.FAILED, operation.explanation
            case Action.SKIP:
                pass
            case _:
                assert_never(operation.action)

    def _upload(self, operation: Operation, done: OperationResult, places: FileLocator) -> None:
        local = operation.local
        assert local is not None
        if operation.remote is not None:
            self.keep_remote(operation)
        try:
            place = places.find(operation.key, self.mappings[operation.root])
            if place is None:
                raise StateChanged
            sent = upload(
                self.adapter,
                place,
                local,
                operation.remote,
                algorithm=self.algorithm,
                key=operation.key,
                under_way=partial(self.flights.of, operation),
                unfinished=self.unfinished,
            )
        except FileNotFoundError:
            raise StateChanged from None
        done.bytes_up += sent.moved
        done.put = [baseline_row(sent.local, sent.remote, sent.digests, self.since_ns)]

    def _download(self, operation: Operation, done: OperationResult, places: FileLocator) -> None:
        with self.coming(operation, places) as file:
            file.fetch()
            self.place(file, done)

    def coming(self, operation: Operation, places: FileLocator, *, is_kept: bool = False) -> Download:
        """Return the download of an operation; what it replaces goes into the trash, if it is not kept already."""
        assert operation.remote is not None
        mapping = self.mappings[operation.root]
        if operation.after_deletes and self.site.filesystem_rules[mapping.id].merges_names and not mapping.is_file:
            # What had the other spelling should be deleted by now; what no sync knows may have kept it there.
            Spellings().check(mapping, operation.key)
        place = places.of(operation.key, mapping)
        return Download(
            self.adapter,
            operation.remote,
            place,
            root=operation.root,
            temporary=self.temporary,
            planned=operation.local,
            algorithm=self.algorithm,
            keep=lambda file: self.trash.keep(file, operation.key, operation.explanation, leave=True, was_at=place),
            is_kept=is_kept,
            under_way=partial(self.flights.of, operation) if operation.size > BUFFERED_DOWNLOAD_MAX else no_progress,
            unfinished=self.unfinished,
        )

    def place(self, file: Download, done: OperationResult) -> None:
        """End a download that was fetched."""
        came = file.place()
        done.bytes_down += came.moved
        done.directories.append(file.directory.path)
        done.put = [baseline_row(came.local, came.remote, came.digests, self.since_ns)]

    def _delete_local(self, operation: Operation, done: OperationResult, places: FileLocator) -> None:
        assert operation.local is not None
        mapping = self.mappings[operation.root]
        place = places.find(operation.key, mapping)
        now = place.look(operation.key, mapping.id) if place is not None else None
        if place is not None and now is not None:
            if not same_file(now, operation.local):
                raise StateChanged
            # Of a link that is followed, the content is kept, and only the link goes.
            kept = self.trash.keep(place, operation.key, operation.explanation, leave=place.link is not None)
            if place.link is None and not self.trash.is_still(kept, operation.local):
                # It was edited in between. Where something else is by now, the edit stays in the trash.
                self.trash.give_back(kept, place)
                raise StateChanged
            if place.link is not None:
                place.link.directory.unlink(place.link.name)
            done.directories.append((place.link or place).directory.path)
            places.prune(operation.key, mapping)
        done.drop.append(operation.key)

    def _move_remote(self, operation: Operation, done: OperationResult, places: FileLocator) -> None:
        assert operation.local is not None and operation.source is not None
        assert isinstance(self.adapter, ServerCopy)
        try:
            moved = self.adapter.copy_file(operation.source, operation.key, expect=IfAbsent())
        except NotFound:
            # Its object is gone, so it is an upload after all.
            raise StateChanged from None
        except (PreconditionFailed, Unauthenticated):
            raise
        except AdapterError:
            # To copy is only the shorter way. Where it is refused, for whatever reason, the file goes up itself.
            done.operation = replace(operation, action=Action.UPLOAD, source=None)
            self._upload(done.operation, done, places)
        else:
            now = places.look(operation.key, self.mappings[operation.root])
            if now is None or not same_file(now, operation.local):
                done.put = [dirty_row(operation.local, moved)]
            else:
                done.put = [baseline_row(now, moved, operation.local.digests, self.since_ns)]
        self._delete_source(operation.source, operation, done, places)

    def _delete_source(
        self, source: RemoteObject, operation: Operation, done: OperationResult, places: FileLocator
    ) -> None:
        """Delete the object under its old key, if neither it nor the place of its file changed while it was copied."""
        try:
            # The file may have been in another folder that is synced.
            for mapping in self.mappings.values():
                if mapping.includes(source.key):
                    self.check_still_absent(replace(operation, key=source.key, root=mapping.id), places)
            self.check_remote(replace(operation, key=source.key, remote=source))
        except StateChanged:
            # The next run sees what is there now.
            return
        self._delete_remote(source.key)
        done.drop.append(source.key)

    def _delete_remote(self, key: str) -> None:
        outcomes = {outcome.key: outcome for outcome in self.adapter.delete_files([key])}
        if key not in outcomes:
            raise AdapterError("the provider did not say whether it is deleted", key=key)
        if error := outcomes[key].error:
            raise error

    def _adopt(self, operation: Operation, done: OperationResult) -> None:
        assert operation.local is not None and operation.remote is not None
        digests = operation.local.digests or operation.remote.digests
        done.put = [baseline_row(operation.local, operation.remote, digests, self.since_ns)]

    def _keep_both(self, operation: Operation, done: OperationResult, places: FileLocator) -> None:
        """Give the local version another name, let the remote one have the name, and upload the other."""
        assert operation.local is not None
        mapping = self.mappings[operation.root]
        place = places.of(operation.key, mapping)
        from buckia_core.syncing.execution import conflict_copy  # noqa: PLC0415  # most runs have none to make

        copy = conflict_copy.make(place, operation.key, operation.local, self.algorithm)
        file: Download | None = None
        try:
            # The version that loses the name has another one by now. A copy of an earlier run is a file of its own,
            # though, and does not get what is written to this one meanwhile.
            with self.coming(operation, places, is_kept=copy.fresh) as file:
                file.fetch()
                self.place(file, done)
        except BaseException:
            # Once the name is taken, the copy is all there is of the local version.
            if copy.fresh and (file is None or not file.placed):
                with suppress(OSError):
                    copy.place.directory.unlink(copy.place.name)
            raise
        kept = copy.place.look(copy.key, mapping.id)
        if kept is not None:
            try:
                sent = upload(
                    self.adapter,
                    copy.place,
                    kept,
                    None,
                    algorithm=self.algorithm,
                    key=copy.key,
                    unfinished=self.unfinished,
                )
            except (StateChanged, FileChangedDuringUpload, PreconditionFailed, FileNotFoundError):
                # It is a new local file like any other; the next run takes care of it.
                return
            done.bytes_up += sent.moved
            done.extra_uploads += 1
            if not mapping.is_file:
                done.put.append(baseline_row(sent.local, sent.remote, sent.digests, self.since_ns))

    def keep_remote(self, operation: Operation) -> None:
        """Fetch the version in the bucket that is about to go into the trash, if it has to be kept.

        Raises:
            Stale: The object is gone.
        """
        seen = operation.remote
        if seen is None or not self.keeping.applies(operation.loser is Side.REMOTE):
            return
        path = local_path(operation.key, self.mappings[operation.root])
        try:
            self.trash.fetch(
                operation.key,
                path,
                seen.size,
                operation.explanation,
                lambda target: self.adapter.download_file(operation.key, target, expect=seen),
            )
        except NotFound:
            # Somebody deleted it meanwhile; what that leaves to do is planned again.
            raise StateChanged from None

    def check_still_absent(self, operation: Operation, places: FileLocator) -> None:
        """Make sure that no file has come back, as some editors delete a file and write it anew.

        Raises:
            Stale: One has.
            OSError, BuckiaError: That can't be found out.
        """
        mapping = self.mappings[operation.root]
        if self.site.filesystem_rules[mapping.id].case_insensitive or sys.platform == "darwin":
            # What is found there may be a file of another name.
            return
        try:
            found = places.look(operation.key, mapping)
        except InvalidKey:
            # A directory is no file. Of a link or a device, the scan would not have concluded anything.
            place = places.find(operation.key, mapping)
            if place is None or not place.is_directory:
                raise
            return
        if found is not None:
            raise StateChanged

    def check_remote(self, operation: Operation) -> None:
        """Make sure that the object is still the one that was planned to be deleted.

        Raises:
            Stale: It is not.
        """
        now = stat_or_none(self.adapter.stat_file, operation.key)
        if now is not None and operation.remote is not None and now.fingerprint != operation.remote.fingerprint:
            raise StateChanged
