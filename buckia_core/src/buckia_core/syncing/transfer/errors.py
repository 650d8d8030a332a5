"""Errors of transfers that make the worker plan the key again."""

from __future__ import annotations

from buckia_core.planning.manifest import RemoteObject


class DatabaseFound(Exception):
    """The file is an SQLite database, so its upload needs a snapshot."""


class StateChanged(Exception):
    """The file or the object changed after the plan was made."""


class FileChangedDuringUpload(Exception):
    """The file changed while it was uploaded; `remote` is the object in the bucket now."""

    def __init__(self, remote: RemoteObject) -> None:
        super().__init__()
        self.remote = remote
