"""What is kept of transfers that did not come to their end, so that a later run goes on with them.

Each is a small file of its own in the state's directory. So workers write theirs at any moment, in whatever thread or
process, and what a killed run left is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path

from buckia_core.adapters.base import BaseSync
from buckia_core.adapters.protocols import ResumableUpload
from buckia_core.errors import AdapterError
from buckia_core.planning.keys import TEMPORARY
from buckia_core.syncing.state_errors import state_error
from buckia_core.syncing.state_files import StateFiles

_PART = ".part"


class Kind(Enum):
    """Which way a transfer went."""

    UPLOAD = "upload"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of one transfer.

    Attributes:
        kind: Which way.
        identity: The bucket, as its adapter tells it.
        key: The object.
        content: What was transferred: a digest of the file, or the object's fingerprint.
        path: The temporary file of a download; of an upload, nothing.
        text: How far it is, in words of whoever transferred it.
    """

    kind: Kind
    identity: str
    key: str
    content: str
    path: str
    text: str


class Unfinished:
    """The unfinished transfers of one bucket of one project. Safe for threads, and can be pickled."""

    def __init__(self, files: StateFiles) -> None:
        self._state_files = files
        self._directory = files.unfinished
        self._identity = files.identity

    def take_over(self, stem: str) -> None:
        """Take over the notes about this bucket that Buckia 0.6 kept under a name; others stay.

        Raises:
            StateError: They can't be read or written.
        """
        directory = self._state_files.former_unfinished(stem)
        try:
            for file in _files(directory):
                kept = _read(file)
                if kept is None or not self._state_files.is_of(kept.identity):
                    continue
                own = self._file(kept.kind, kept.key)
                if not own.exists():
                    KeptNote(own, replace(kept, identity=self._identity, text="")).write(kept.text)
                file.unlink(missing_ok=True)
            if directory.is_dir() and not _files(directory):
                directory.rmdir()
        except OSError as error:
            raise state_error(error, directory) from error

    def take_up(self, kind: Kind, key: str, content: str, adapter: BaseSync, path: str = "") -> KeptNote:
        """Return the note of a transfer. What is left of another content under the key is abandoned."""
        about = Kept(kind, self._identity, key, content, path, "")
        kept = self.find(kind, key)
        if kept is not None and replace(kept, text="") != about:
            with suppress(AdapterError):
                self.abandon(kept, adapter)
        return KeptNote(self._file(kind, key), about)

    def find(self, kind: Kind, key: str) -> Kept | None:
        """Return what is kept of a transfer."""
        return _read(self._file(kind, key))

    def all(self) -> Iterator[Kept]:
        """Yield what is kept of all transfers, without what is damaged.

        Raises:
            StateError: The system does not let them be read.
        """
        try:
            yield from filter(None, map(_read, _files(self._directory)))
        except OSError as error:
            raise state_error(error, self._directory) from error

    def uploads(self) -> dict[str, str]:
        """Return how far each upload is, by key; also those that Buckia 0.6 left and no run has taken over yet."""
        former = filter(None, map(_read, _files(self._state_files.former_unfinished(self._state_files.former_stem))))
        found = [*(each for each in former if self._state_files.is_of(each.identity)), *self.all()]
        return {each.key: each.text for each in found if each.kind is Kind.UPLOAD}

    def temporaries(self) -> frozenset[str]:
        """Return the names of the temporary files that downloads still need."""
        return frozenset(os.path.basename(kept.path) for kept in self.all() if kept.kind is Kind.DOWNLOAD)

    def tidy(self, wanted: Callable[[Kept], bool], adapter: BaseSync) -> None:
        """Abandon what is not wanted any more, and remove what can't be read, such as after a loss of power.

        For the start of a run: nothing is being written.

        Raises:
            StateError: The system does not let them be read or removed.
        """
        try:
            for file in _files(self._directory):
                kept = _read(file)
                if kept is None:
                    file.unlink(missing_ok=True)
                elif not wanted(kept):
                    # If the provider can't be asked now, the next run asks it.
                    with suppress(AdapterError):
                        self.abandon(kept, adapter)
        except OSError as error:
            raise state_error(error, self._directory) from error

    def abandon(self, kept: Kept, adapter: BaseSync) -> None:
        """Give up a transfer: remove what is left of it at the provider, or on this disk, and forget it.

        Raises:
            AdapterError: The provider could not be asked. It stays known.
        """
        if kept.kind is Kind.DOWNLOAD:
            # The state may have come from somebody else, and nothing but a temporary file is to go for what it says.
            if os.path.basename(kept.path).startswith(TEMPORARY):
                with suppress(OSError):
                    os.unlink(kept.path)
        elif kept.identity == self._identity and isinstance(adapter, ResumableUpload):
            adapter.abandon_upload(kept.key, kept.text)
        self._file(kept.kind, kept.key).unlink(missing_ok=True)

    def _file(self, kind: Kind, key: str) -> Path:
        name = hashlib.sha256(f"{kind.value}\0{key}".encode()).hexdigest()[:32]
        return self._directory / f"{name}.json"


class KeptNote:
    """The `Note` of one transfer, in a file."""

    def __init__(self, file: Path, about: Kept) -> None:
        self._file = file
        self._about = about

    def read(self) -> str | None:
        """See `Note`."""
        kept = _read(self._file)
        return kept.text if kept is not None and replace(kept, text="") == self._about else None

    def write(self, text: str) -> None:
        """See `Note`."""
        about = self._about
        record = asdict(about) | {"kind": about.kind.value, "text": text}
        for directory in (self._file.parent.parent, self._file.parent):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._file.with_name(f"{uuid.uuid4().hex}{_PART}")
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(json.dumps(record))
            os.replace(part, self._file)
        finally:
            part.unlink(missing_ok=True)

    def clear(self) -> None:
        """See `Note`."""
        self._file.unlink(missing_ok=True)


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except FileNotFoundError:
        return []


def _read(file: Path) -> Kept | None:
    """Return the note in a file; `None` if there is none, or it is damaged, such as after a loss of power.

    Raises:
        OSError: It can't be read, which says nothing of what it holds.
    """
    try:
        fields = json.loads(file.read_text(encoding="ascii"))
        return Kept(**fields | {"kind": Kind(fields["kind"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None
