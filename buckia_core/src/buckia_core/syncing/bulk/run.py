"""Execution of a bulk transfer, by the executor of a sync: batches, the event loop, verification, resumption.

Nothing is planned again: a file or an object that changes meanwhile is a failure. No baseline is written. Unfinished
transfers of large files have records and a lock of their own, beside those of syncs.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import Coroutines
from buckia_core.config import BucketConfig, KeepReplaced
from buckia_core.errors import LockHeld, PreconditionFailed, StateError, Unauthenticated
from buckia_core.localfs.durability import fsync_directory
from buckia_core.planning.keys import FilesystemRules
from buckia_core.planning.manifest import BaselineEntry
from buckia_core.planning.mapping import PathMapping
from buckia_core.planning.plan import Action, Operation
from buckia_core.planning.reconcile import Outcome
from buckia_core.syncing.disk.trash import Trash
from buckia_core.syncing.execution.concurrency import MAX_WORKERS, AdaptiveConcurrency
from buckia_core.syncing.execution.executor import Execution
from buckia_core.syncing.execution.operation_result import OperationResult
from buckia_core.syncing.execution.request_runner import RequestRunner
from buckia_core.syncing.execution.worker import Worker
from buckia_core.syncing.planner.bucket_context import BucketContext
from buckia_core.syncing.scan.local import temporary_prefix
from buckia_core.syncing.state.locations import StateFiles, prepare_state_dir
from buckia_core.syncing.state.lock import RunLock
from buckia_core.syncing.state.resume_store import ResumeRecord, ResumeStore, TransferKind
from buckia_core.syncing.transfer.download import RESUMABLE_DOWNLOAD_MIN
from buckia_core.syncing.transfer.in_flight import InFlightTransfers


@dataclass(frozen=True, slots=True)
class BulkTransfer:
    """Transfers of one command.

    Attributes:
        adapter: The bucket.
        config: Its configuration: workers, digest algorithm, and which replaced objects are kept.
        state_dir: The directory of the trash and of unfinished transfers.
        mappings: The place of each source, by id.
        rules: Rules of the file system of each mapping, by its id.
        stopped: Set from outside to end early; transfers in flight are finished.
        on_progress: Receives the bytes that a transfer has moved since the last call.
        on_note: Receives a remark for the user.
    """

    adapter: BaseSync
    config: BucketConfig
    state_dir: Path
    mappings: Mapping[str, PathMapping]
    rules: Mapping[str, FilesystemRules]
    stopped: threading.Event
    on_progress: Callable[[Operation, int], None]
    on_note: Callable[[str], None]

    def run(self, operations: Sequence[Operation]) -> Iterator[OperationResult]:
        """Execute uploads and downloads, and yield the result of each as soon as it is there.

        Raises:
            Unauthenticated: The provider rejects the credentials.
            StateError: Files would be replaced, and the directory of the trash can't be used. Nothing was changed.
            OSError: A directory of downloaded files can't be flushed.
        """
        directories: set[str] = set()
        fatal: Exception | None = None
        with ExitStack() as stack:
            worker = self._make_worker(operations, stack)
            stack.enter_context(worker.requests)
            workers, fixed = self.config.max_workers or worker.capabilities.workers, bool(self.config.max_workers)
            pool = ThreadPoolExecutor(self.config.max_workers or MAX_WORKERS, thread_name_prefix="buckia-work")
            execution = Execution(
                worker,
                stack.enter_context(pool),
                AdaptiveConcurrency(workers, fixed=fixed),
                AdaptiveConcurrency.for_requests(workers, fixed=fixed, maximum=worker.capabilities.max_requests),
                self.stopped,
                worker.capabilities.delete_batch_size,
                self.on_progress,
                lambda results: directories.update(*(each.directories for each in results)),
            )
            results = execution.run(operations)
            try:
                for result in results:
                    if isinstance(result.error, Unauthenticated):
                        fatal = fatal or result.error
                        self.stopped.set()
                    yield result
            finally:
                results.close()
                for directory in directories:
                    fsync_directory(directory)
        if fatal is not None:
            raise fatal

    def _make_worker(self, operations: Sequence[Operation], stack: ExitStack) -> Worker:
        adapter, config = self.adapter, self.config
        files = StateFiles.for_adapter(self.state_dir, config.name, adapter)
        own = own_files(files)
        temp_prefix = temporary_prefix(own.stem)
        writes = any(each.action is Action.UPLOAD for each in operations)
        capabilities = adapter.probe() if writes else adapter.capabilities
        keep, resume_store = config.keep_replaced, None
        trash = Trash(files.trash, below=files.directory)
        replaces = any(each.local and each.remote for each in operations)
        if replaces or any(each.size > RESUMABLE_DOWNLOAD_MIN for each in operations):
            try:
                prepare_state_dir(files.directory)
                stack.enter_context(RunLock(own.lock))
                resume_store = ResumeStore(own)
                _discard_others(resume_store, operations, adapter, temp_prefix)
            except LockHeld:
                pass  # another command of this kind runs, and has the records
            except StateError as error:
                replaces_files = any(each.local and each.action is Action.DOWNLOAD for each in operations)
                if replaces_files or (replaces and keep is KeepReplaced.ALWAYS):
                    # The promise that what is replaced is in the trash would be broken.
                    raise type(error)(f"{error}. What is replaced could not be kept, so nothing was changed") from error
                keep, trash = KeepReplaced.NEVER, _NoTrash(files.trash, below=files.directory)
                consequence = "replaced objects are not kept, and interrupted transfers start over"
                self.on_note(f"{error}. So {consequence}.")
        # Links are followed where files are read, and nowhere where keys decide what is written.
        follow = writes and config.follow_symlinks
        loop = adapter if capabilities.coroutines and isinstance(adapter, Coroutines) else None
        return Worker(
            bucket=BucketContext(adapter, None, config.checksum_algorithm, dict(self.rules), follow),
            mappings=dict(self.mappings),
            trash=trash,
            temp_prefix=temp_prefix,
            algorithm=config.checksum_algorithm,
            keep_replaced=keep,
            capabilities=capabilities,
            resume_store=resume_store,
            run_started_ns=time.time_ns(),
            in_flight=InFlightTransfers(self.stopped),
            requests=RequestRunner(self.stopped, loop),
            plan_again=_refuse_changed,
        )


def own_files(files: StateFiles) -> StateFiles:
    """Return the paths of lock and unfinished transfers of commands.

    They are not those of syncs, because the next sync discards transfers that it does not plan.
    """
    return files._replace(identity=f"{files.identity}#objects")


class _NoTrash(Trash):
    """Trash without a directory, which keeps nothing."""

    def add(self, *_: object, **__: object) -> str:
        """Keep nothing."""
        return ""


def _refuse_changed(
    bucket: BucketContext,  # noqa: ARG001  # the signature of `replan`
    mappings: Mapping[str, PathMapping],  # noqa: ARG001
    operation: Operation,
    base: BaselineEntry | None = None,
) -> Outcome:
    if base is not None:
        message = "the file changed while it was uploaded, and the bucket has what was read before"
    else:
        message = "the file or the object changed or went away meanwhile; run the command again"
    raise PreconditionFailed(f"{operation.key!r}: {message}", key=operation.key)


def _discard_others(store: ResumeStore, operations: Iterable[Operation], adapter: BaseSync, temp_prefix: str) -> None:
    """Discard unfinished transfers that this command does not resume, so that nothing is left over for good."""
    kinds = {Action.UPLOAD: TransferKind.UPLOAD, Action.DOWNLOAD: TransferKind.DOWNLOAD}
    wanted = {(kinds[each.action], each.key) for each in operations if each.action in kinds}

    def remove_file(record: ResumeRecord) -> None:
        if record.path and os.path.basename(record.path).startswith(temp_prefix):
            with suppress(OSError):
                os.unlink(record.path)

    store.prune(lambda record: (record.kind, record.key) in wanted, adapter, remove_file)
