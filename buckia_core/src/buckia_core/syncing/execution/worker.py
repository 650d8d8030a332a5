"""Worker: executes operations in the threads or processes of a run. It does not use the state database."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.adapters.contract.protocols import ServerCopy
from buckia_core.adapters.contract.types import IfAbsent, delete_one, stat_or_none
from buckia_core.config import KeepReplaced
from buckia_core.errors import AdapterError, InvalidKey, NotFound, PreconditionFailed, Transient, Unauthenticated
from buckia_core.planning.manifest import RemoteObject, is_same_version
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.planning.policy import Side
from buckia_core.planning.reconcile import Outcome
from buckia_core.syncing.disk.case_collisions import CaseCollisions
from buckia_core.syncing.disk.database import readable_copy
from buckia_core.syncing.disk.file_locator import FileLocator
from buckia_core.syncing.disk.paths import local_path
from buckia_core.syncing.disk.trash import Trash
from buckia_core.syncing.error_messages import FATAL_ERRORS, is_generic_error
from buckia_core.syncing.events import Status
from buckia_core.syncing.execution.local_delete import delete_local
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.execution.replan import replan
from buckia_core.syncing.execution.request_runner import RequestRunner
from buckia_core.syncing.planner.bucket_context import BucketContext
from buckia_core.syncing.state.baseline_rows import baseline_row, dirty_row, unreceived_row
from buckia_core.syncing.state.resume_store import ResumeStore
from buckia_core.syncing.transfer.download import Download
from buckia_core.syncing.transfer.download_staging import BUFFERED_DOWNLOAD_MAX
from buckia_core.syncing.transfer.errors import FileChangedDuringUpload, StateChanged
from buckia_core.syncing.transfer.in_flight import InFlightTransfers, no_progress
from buckia_core.syncing.transfer.upload import UploadResult, upload

_MAX_ATTEMPTS = 4


@dataclass(slots=True)
class Worker:
    """Executes operations of one run, in any number of threads.

    Attributes:
        bucket: The bucket, and the decider that replans keys.
        mappings: Mappings by id.
        trash: The trash for replaced and deleted files and objects.
        temp_prefix: Prefix of the names of staging files.
        algorithm: The digest algorithm of the baseline.
        keep_replaced: Which objects are downloaded to the trash before they are replaced or deleted.
        capabilities: Capabilities of the bucket, probed if the plan writes to it.
        resume_store: Checkpoints of interrupted large transfers; `None` if they start over.
        run_started_ns: Start of the run; files that are modified after that are hashed again by the next run.
        in_flight: Tracks the running transfers.
        requests: Sends the requests of batches.
        plan_again: Decides a key whose file or object has changed; raises the error of one that is left as it is.
    """

    bucket: BucketContext
    mappings: dict[str, PathMapping]
    trash: Trash
    temp_prefix: str
    algorithm: str
    keep_replaced: KeepReplaced
    capabilities: Capabilities
    resume_store: ResumeStore | None
    run_started_ns: int
    in_flight: InFlightTransfers = field(default_factory=InFlightTransfers)
    requests: RequestRunner = field(default_factory=RequestRunner)
    plan_again: Callable[..., Outcome] = replan

    @property
    def adapter(self) -> BaseSync:
        """The bucket."""
        return self.bucket.adapter

    def run(self, operation: Operation, locator: FileLocator | None = None) -> OperationResult:
        """Execute one operation. If its file or object has changed, plan the key again and execute that.

        `locator` is shared by the operations of a batch. Errors are part of the result; only errors that end the run
        are raised.
        """
        result = OperationResult(operation)
        try:
            self._run(result, locator)
        except FATAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001  # whatever a file does, the others get their turn
            result.fail(error, self.path(result.operation))
        return result

    def _run(self, result: OperationResult, locator: FileLocator | None) -> None:
        for _ in range(_MAX_ATTEMPTS):
            # A retry needs a new locator: directories of the shared one may have been replaced.
            shared, locator = locator, None
            with nullcontext(shared) if shared is not None else self.bucket.locator() as fresh:
                outcome = self._attempt(result, fresh)
            if outcome is None:
                return
            if isinstance(outcome, Operation):
                result.operation = outcome
            else:
                # Both sides are in sync, or the next run decides.
                result.operation = result.operation._replace(action=Action.ADOPT)
                return
        raise Transient("it kept changing while it was synced; it is left for the next run")

    def _attempt(self, result: OperationResult, locator: FileLocator) -> Outcome | None:
        """Execute once; return the new decision if the file or object has changed, `None` if it succeeded."""
        try:
            self._execute(result, locator)
        except (StateChanged, PreconditionFailed, NotFound, FileNotFoundError):
            # A missing file or directory was removed after the check. A missing bucket is raised by the new plan.
            return self.plan_again(self.bucket, self.mappings, result.operation)
        except FileChangedDuringUpload as error:
            local = result.operation.local
            assert local is not None
            result.upserts = [dirty_row(local, error.remote)]
            return self.plan_again(self.bucket, self.mappings, result.operation, result.upserts[0])
        return None

    def path(self, operation: Operation) -> str:
        """Return the local path of an operation's key, for reports."""
        return local_path(operation.key, self.mappings[operation.mapping_id])

    def _execute(self, result: OperationResult, locator: FileLocator) -> None:
        operation = result.operation
        match operation.action:
            case Action.UPLOAD:
                self._upload(operation, result, locator)
            case Action.DOWNLOAD:
                self._download(operation, result, locator)
            case Action.DELETE_LOCAL:
                result.directories += delete_local(operation, self.mappings[operation.mapping_id], locator, self.trash)
                result.deletes.append(operation.key)
            case Action.DELETE_REMOTE:
                self.verify_absent(operation, locator)
                # The check comes last, because the backup may take long.
                self.backup_remote(operation)
                self.verify_remote(operation)
                try:
                    delete_one(self.adapter.delete_files, operation.key)
                except AdapterError as error:
                    if is_generic_error(error):
                        self.verify_remote(operation)
                    raise
                result.deletes.append(operation.key)
            case Action.MOVE_REMOTE:
                self._move_remote(operation, result, locator)
            case Action.ADOPT:
                self._adopt(operation, result)
            case Action.FORGET:
                result.deletes.append(operation.key)
            case Action.KEEP_BOTH:
                self._keep_both(operation, result, locator)
            case Action.CONFLICT:
                result.status = Status.UNRESOLVED
            case Action.REFUSE:
                result.status, result.message = Status.FAILED, operation.explanation
            case Action.SKIP if operation.reason is Reason.EDIT_NOT_RECEIVED:
                local, remote, base = operation.local, operation.remote, operation.base
                assert local is not None and remote is not None and base is not None
                result.upserts = [unreceived_row(local, remote, base, self.run_started_ns)]
            case Action.SKIP:
                pass
            case _:
                assert_never(operation.action)

    def _upload(self, operation: Operation, result: OperationResult, locator: FileLocator) -> None:
        local = operation.local
        assert local is not None
        if operation.remote is not None:
            self.backup_remote(operation)
        try:
            location = locator.locate(operation.key, self.mappings[operation.mapping_id])
            if location is None:
                raise StateChanged
            uploaded = upload(
                self.adapter,
                location,
                local,
                operation.remote,
                algorithm=self.algorithm,
                key=operation.key,
                track_progress=partial(self.in_flight.track, operation),
                resume_store=self.resume_store,
            )
        except FileNotFoundError:
            raise StateChanged from None
        self.finish_upload(uploaded, result)

    def finish_upload(self, uploaded: UploadResult, result: OperationResult) -> None:
        """Add an upload to the result."""
        result.bytes_up += uploaded.bytes_sent
        result.remote = uploaded.remote._replace(digests=uploaded.digests)
        result.upserts = [baseline_row(uploaded.local, uploaded.remote, uploaded.digests, self.run_started_ns)]

    def _download(self, operation: Operation, result: OperationResult, locator: FileLocator) -> None:
        with self.prepare_download(operation, locator) as file:
            file.fetch()
            self.commit_download(file, result)

    def prepare_download(self, operation: Operation, locator: FileLocator, *, is_preserved: bool = False) -> Download:
        """Create the download of an operation. It adds the replaced file to the trash, unless that is preserved."""
        assert operation.remote is not None
        mapping = self.mappings[operation.mapping_id]
        if operation.after_deletes and self.bucket.filesystem_rules[mapping.id].merges_names and not mapping.is_file:
            # The delete phase should have removed the differently spelled directory; unsynced files may have kept it.
            CaseCollisions().check(mapping, operation.key)
        location = locator.locate_for_write(operation.key, mapping)
        is_large = operation.size > BUFFERED_DOWNLOAD_MAX
        return Download(
            self.adapter,
            operation.remote,
            location,
            mapping_id=operation.mapping_id,
            temp_prefix=self.temp_prefix,
            planned=operation.local,
            algorithm=self.algorithm,
            preserve=lambda file: self.trash.add(
                file, operation.key, operation.explanation, keep_source=True, original=location
            ),
            is_preserved=is_preserved,
            track_progress=partial(self.in_flight.track, operation) if is_large else no_progress,
            resume_store=self.resume_store,
        )

    def commit_download(self, file: Download, result: OperationResult) -> None:
        """Commit a fetched download, and add it to the result."""
        downloaded = file.commit()
        result.bytes_down += downloaded.bytes_received
        result.remote = downloaded.remote._replace(digests=downloaded.digests)
        result.directories.append(file.directory.path)
        result.upserts = [baseline_row(downloaded.local, downloaded.remote, downloaded.digests, self.run_started_ns)]

    def _move_remote(self, operation: Operation, result: OperationResult, locator: FileLocator) -> None:
        assert operation.local is not None and operation.source is not None
        assert isinstance(self.adapter, ServerCopy)
        try:
            copied = self.adapter.copy_file(operation.source, operation.key, expect=IfAbsent())
        except NotFound:
            # The source object is gone, so the file must be uploaded.
            raise StateChanged from None
        except (PreconditionFailed, Unauthenticated):
            raise
        except AdapterError:
            # A server-side copy is only an optimization. If it fails, the file is uploaded.
            result.operation = operation._replace(action=Action.UPLOAD, source=None)
            self._upload(result.operation, result, locator)
        else:
            now = locator.stat_entry(operation.key, self.mappings[operation.mapping_id])
            if now is None or not is_same_version(now, operation.local):
                result.upserts = [dirty_row(operation.local, copied)]
            else:
                result.upserts = [baseline_row(now, copied, operation.local.digests, self.run_started_ns)]
        self._delete_source(operation.source, operation, result, locator)

    def _delete_source(
        self, source: RemoteObject, operation: Operation, result: OperationResult, locator: FileLocator
    ) -> None:
        """Delete the source object, if neither it nor its local file has changed during the copy."""
        try:
            # The file may have been in another synced folder.
            for mapping in self.mappings.values():
                if mapping.includes(source.key):
                    self.verify_absent(operation._replace(key=source.key, mapping_id=mapping.id), locator)
            self.verify_remote(operation._replace(key=source.key, remote=source))
        except StateChanged:
            # The next run decides.
            return
        delete_one(self.adapter.delete_files, source.key)
        result.deletes.append(source.key)

    def _adopt(self, operation: Operation, result: OperationResult) -> None:
        assert operation.local is not None and operation.remote is not None
        digests = operation.local.digests or operation.remote.digests
        result.upserts = [baseline_row(operation.local, operation.remote, digests, self.run_started_ns)]

    def _keep_both(self, operation: Operation, result: OperationResult, locator: FileLocator) -> None:
        """Create a conflict copy of the local version, download the remote version, and upload the copy."""
        assert operation.local is not None
        mapping = self.mappings[operation.mapping_id]
        location = locator.locate_for_write(operation.key, mapping)
        from buckia_core.syncing.execution import conflict_copy  # noqa: PLC0415  # most runs have none to make

        with readable_copy(location, operation.local) as (source, local):
            copy = conflict_copy.make_conflict_copy(source, operation.key, local, self.algorithm)
        file: Download | None = None
        try:
            # A new copy is a hard link, and preserves the file. The copy of an earlier run is a separate file, which
            # does not contain later edits.
            with self.prepare_download(operation, locator, is_preserved=copy.is_new) as file:
                file.fetch()
                self.commit_download(file, result)
        except BaseException:
            # After the commit, the copy is the only instance of the local version.
            if copy.is_new and (file is None or not file.committed):
                with suppress(OSError):
                    copy.location.directory.unlink(copy.location.name)
            raise
        kept = copy.location.stat_entry(copy.key, mapping.id)
        if kept is not None:
            try:
                uploaded = upload(
                    self.adapter,
                    copy.location,
                    kept,
                    None,
                    algorithm=self.algorithm,
                    key=copy.key,
                    resume_store=self.resume_store,
                )
            except (StateChanged, FileChangedDuringUpload, PreconditionFailed, FileNotFoundError):
                # The copy is an ordinary new file, which the next run uploads.
                return
            result.bytes_up += uploaded.bytes_sent
            result.extra_uploads += 1
            row = baseline_row(uploaded.local, uploaded.remote, uploaded.digests, self.run_started_ns)
            if not mapping.is_file:
                result.upserts.append(row)

    def needs_backup(self, operation: Operation) -> bool:
        """Tell whether `backup_remote` downloads the object that the operation replaces or deletes."""
        if operation.remote is None or operation.action is Action.DOWNLOAD:
            return False
        known, loses_data = self.capabilities, operation.loser is Side.REMOTE
        return self.keep_replaced.applies(loses_data=loses_data, versions=known.versions, free_reads=known.free_reads)

    def backup_remote(self, operation: Operation) -> None:
        """Download the object to the trash before it is replaced or deleted, as `keep_replaced` says.

        Raises:
            StateChanged: The object is gone.
        """
        if (seen := operation.remote) is None or not self.needs_backup(operation):
            return
        try:
            self.trash.add_from(
                operation.key,
                self.path(operation),
                seen.size,
                operation.explanation,
                lambda target: self.adapter.download_file(operation.key, target, expect=seen),
            )
        except NotFound:
            # Deleted by another client, so the key is planned again.
            raise StateChanged from None

    def verify_absent(self, operation: Operation, locator: FileLocator) -> None:
        """Verify that the file was not created again, as some editors delete and rewrite a file.

        Raises:
            StateChanged: The file exists.
            OSError, BuckiaError: The check failed.
        """
        mapping = self.mappings[operation.mapping_id]
        if self.bucket.filesystem_rules[mapping.id].case_insensitive or sys.platform == "darwin":
            # `stat` may find a file with another spelling.
            return
        try:
            found = locator.stat_entry(operation.key, mapping)
        except InvalidKey:
            # A directory counts as absent. For a link or a device, the scan would not have planned a delete.
            location = locator.locate(operation.key, mapping)
            if location is None or not location.is_directory:
                raise
            return
        if found is not None:
            raise StateChanged

    def verify_remote(self, operation: Operation) -> None:
        """Verify that the object is the one in the plan, or gone.

        Raises:
            StateChanged: It has changed.
        """
        now = stat_or_none(self.adapter.stat_file, operation.key)
        if now is not None and operation.remote is not None and now.fingerprint != operation.remote.fingerprint:
            raise StateChanged
