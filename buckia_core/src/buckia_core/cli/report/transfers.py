"""Reporter of transfers of chosen objects: lines, records, progress, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from buckia_core.cli.exit_codes import ExitCode, exit_code_for, worst_exit_code
from buckia_core.cli.report import json_records
from buckia_core.cli.terminal.formatting import format_count, format_size
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.progress import Progress
from buckia_core.planning.manifest import RemoteObject

_DONE = {"download": "downloaded", "upload": "uploaded", "copy": "copied", "move": "moved"}


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer, done or planned.

    Attributes:
        action: `download`, `upload`, `copy` or `move`.
        key: The key that records have: of the object that is read or, for all other actions, written.
        source, target: What is read and written, for people.
        size: Bytes; `None` if unknown.
        replaces: A target exists, and is replaced.
        fields: Fields that its records have in addition.
    """

    action: str
    key: str
    source: str
    target: str
    size: int | None
    replaces: bool = False
    fields: Mapping[str, object] | None = None


class TransferReporter:
    """Shows transfers of one command, and counts them.

    Args:
        bucket: The bucket's name in the configuration, for records.
    """

    def __init__(self, output: Output, bucket: str, progress: Progress) -> None:
        self._output = output
        self._bucket = bucket
        self._progress = progress
        self._done: dict[str, int] = {}
        self._bytes = self._replaced = self._skipped = self._planned = 0
        self._failures: list[BaseException] = []
        self.interrupted = False

    def planned(self, transfer: Transfer) -> None:
        """Show a transfer of a dry run."""
        self._planned += 1
        line = f"would {transfer.action} {transfer.source} -> {transfer.target}{_size(transfer)}"
        reason = "replaces what is there" if transfer.replaces else "new"
        self._output.result(self._record(transfer, "planned", reason), line + " (replaces)" * transfer.replaces)

    def done(self, transfer: Transfer, found: RemoteObject) -> None:
        """Show a finished transfer; `found` is the object."""
        self._done[transfer.action] = self._done.get(transfer.action, 0) + 1
        self._bytes += found.size
        self._replaced += transfer.replaces
        self._progress.operation_finished()
        if self._output.options.json:
            extra = {**(transfer.fields or {}), "replaced": transfer.replaces}
            self._output.record(json_records.remote_object(self._bucket, found) | extra)
        else:
            line = f"{transfer.source} -> {transfer.target}, {format_size(found.size)}"
            self._output.say(line + " (replaced)" * transfer.replaces)
        self._output.flush()

    def skipped(self, transfer: Transfer, reason: str) -> None:
        """Show a transfer that is not necessary, or not wanted."""
        self._skipped += 1
        self._progress.operation_finished()
        if self._output.options.json:
            self._output.record(self._record(transfer, "done", reason) | {"action": "skip"})
        else:
            self._output.say(f"skipped {transfer.target}: {reason}")

    def failed(self, name: str, error: BaseException, message: str, transfer: Transfer | None = None) -> None:
        """Show a failure; without a transfer, that of a name that nothing was found for."""
        self._failures.append(error)
        self._progress.operation_finished()
        self._output.failed(name, message)
        if not self._output.options.json:
            return
        if transfer is None:
            record = {"type": "error", "bucket": self._bucket, "error": type(error).__name__, "message": message}
            self._output.record(record)
        else:
            self._output.record(self._record(transfer, "failed", "failed") | {"error": message})

    def finish(self) -> ExitCode:
        """Show the counts, if there was more than one transfer, and return the exit code."""
        self._progress.close()
        done = sum(self._done.values())
        if done + self._skipped + len(self._failures) > 1 or (self.interrupted and not self._planned):
            parts = [f"{number} {_DONE[action]}" for action, number in self._done.items()] or ["nothing transferred"]
            parts[-1] += f" ({format_size(self._bytes)})" * bool(done)
            parts += [f"{self._replaced} of them replaced"] * bool(self._replaced)
            parts += [f"{self._skipped} skipped"] * bool(self._skipped)
            parts += [f"{len(self._failures)} failed"] * bool(self._failures)
            start = "Interrupted: " if self.interrupted else ""
            self._output.say(f"{self._bucket}: {start}{', '.join(parts)}")
        if self._planned:
            self._output.note(f"Dry run, nothing was changed: {format_count(self._planned, 'transfer')}.")
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if not self._failures:
            return ExitCode.DONE
        if done + self._skipped + self._planned:
            return ExitCode.FAILED
        return worst_exit_code(map(exit_code_for, self._failures))

    def _record(self, transfer: Transfer, status: str, reason: str) -> dict[str, object]:
        return {
            "type": "operation",
            "bucket": self._bucket,
            "action": transfer.action,
            "key": transfer.key,
            "path": None,
            "size": transfer.size,
            "reason": reason,
            "status": status,
            "error": None,
            **(transfer.fields or {}),
        }


def _size(transfer: Transfer) -> str:
    return "" if transfer.size is None else f", {format_size(transfer.size)}"
