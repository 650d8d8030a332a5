"""`RunLock`: allows one run at a time for a project and bucket. It is released when its process ends."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from buckia_core.errors import LockHeld, StateError
from buckia_core.localfs.file_lock import HELD, open_lock_file, try_lock
from buckia_core.syncing.state.errors import state_error


class RunLock:
    """Lock of a run: a context manager that holds the lock file at `path`.

    Raises:
        LockHeld: On entering, if another process, or another client in this one, holds it.
        StateError: It can't be locked for another reason, such as a file system without locks.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            file = open_lock_file(str(self._path))
        except OSError as error:
            raise state_error(error, self._path) from error
        try:
            try_lock(file)
        except OSError as error:
            holder = ""
            if error.errno in HELD:
                with suppress(OSError):
                    file.seek(0)
                    holder = file.read(20).strip()
            file.close()
            if error.errno not in HELD:
                raise StateError(
                    f"{self._path}: it can't be locked ({error.strerror}), so two syncs at once could not be kept "
                    "apart; keep the state on a disk that has locks (network disks have to be mounted with them)"
                ) from error
            who = f" (process {holder})" if holder else ""
            raise LockHeld(f"another sync of this project and bucket is running{who}: {self._path}") from None
        except BaseException:
            file.close()
            raise
        self._file = file
        # The process id is for messages only; the lock works without it, such as on a full disk.
        with suppress(OSError):
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            with suppress(OSError):
                self._file.truncate(0)
            with suppress(OSError):
                # `close` retries an earlier failed write, and closes the file in any case.
                self._file.close()
            self._file = None
