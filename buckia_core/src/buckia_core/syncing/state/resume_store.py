"""What is kept of transfers that did not come to their end, so that a later run goes on with them.

Each is a small file of its own in the state's directory. So workers write theirs at any moment, in whatever thread or
process, and what a killed run left is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import ResumableUpload
from buckia_core.errors import AdapterError, StateError
from buckia_core.localfs.directory import Directory, Tree
from buckia_core.localfs.files import NotAFile, make_private, open_file, remove, write_all
from buckia_core.localfs.opening import CREATE, InTheWay
from buckia_core.planning.keys import TEMP_PREFIX
from buckia_core.syncing.state.errors import state_error
from buckia_core.syncing.state.locations import StateFiles, check_state_dir

_PART = ".part"
_NAME = re.compile(r"[0-9a-f]{32}\.(json|part)")
"""What a note is called, and what it is called until it is complete. All else in the directory is not ours."""


class TransferKind(Enum):
    """Which way a transfer went."""

    UPLOAD = "upload"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class ResumeRecord:
    """What is known of one transfer.

    Attributes:
        kind: Which way.
        identity: The bucket, as its adapter tells it.
        key: The object.
        content: What was transferred: a digest of the file, or the object's fingerprint.
        path: The temporary file of a download; of an upload, nothing.
        text: How far it is, in words of whoever transferred it.
    """

    kind: TransferKind
    identity: str
    key: str
    content: str
    path: str
    text: str


class ResumeStore:
    """The unfinished transfers of one bucket of one project. Safe for threads, and can be pickled."""

    def __init__(self, files: StateFiles) -> None:
        self._state_files = files
        self._notes = Notes(str(files.directory), files.unfinished.name)
        self._identity = files.identity

    def take_over(self, stem: str) -> None:
        """Take over the notes about this bucket that Buckia 0.6 kept under a name; others stay.

        Raises:
            StateError: They can't be read or written.
        """
        former = Notes(str(self._state_files.directory), stem)
        for name, kept in former.all():
            if kept is None or not self._state_files.is_of(kept.identity):
                continue
            about = replace(kept, identity=self._identity, text="")
            if not self._notes.has(own := _name(kept.kind, kept.key)):
                FileCheckpoint(self._notes, own, about).write(kept.text)
            former.remove(name)
        former.remove_directory()

    def take_up(self, kind: TransferKind, key: str, content: str, adapter: BaseSync, path: str = "") -> FileCheckpoint:
        """Return the note of a transfer. What is left of another content under the key is abandoned."""
        about = ResumeRecord(kind, self._identity, key, content, path, "")
        kept = self.find(kind, key)
        if kept is not None and replace(kept, text="") != about:
            with suppress(AdapterError):
                self.abandon(kept, adapter)
        return FileCheckpoint(self._notes, _name(kind, key), about)

    def find(self, kind: TransferKind, key: str) -> ResumeRecord | None:
        """Return what is kept of a transfer."""
        return self._notes.read(_name(kind, key))

    def all(self) -> Iterator[ResumeRecord]:
        """Yield what is kept of all transfers, without what is damaged.

        Raises:
            StateError: The system does not let them be read.
        """
        yield from (kept for _, kept in self._notes.all() if kept is not None)

    def uploads(self) -> dict[str, str]:
        """Return how far each upload is, by key; also those that Buckia 0.6 left and no run has taken over yet.

        Raises:
            StateError: They can't be read, or the state directory may not be believed.
            ConfigError: As `check_state_dir`.
        """
        check_state_dir(self._state_files.directory)
        former = Notes(str(self._state_files.directory), self._state_files.former_stem)
        left = (kept for _, kept in former.all() if kept is not None and self._state_files.is_of(kept.identity))
        found = [*left, *self.all()]
        return {each.key: each.text for each in found if each.kind is TransferKind.UPLOAD}

    def temporaries(self) -> frozenset[str]:
        """Return the names of the temporary files that downloads still need."""
        return frozenset(os.path.basename(kept.path) for kept in self.all() if kept.kind is TransferKind.DOWNLOAD)

    def tidy(self, wanted: Callable[[ResumeRecord], bool], adapter: BaseSync) -> None:
        """Abandon what is not wanted any more, and remove what can't be read, such as after a loss of power.

        For the start of a run: nothing is being written.

        Raises:
            StateError: The system does not let them be read or removed.
        """
        for name, kept in self._notes.all():
            if kept is None:
                self._notes.remove(name)
            elif not wanted(kept):
                # If the provider can't be asked now, the next run asks it.
                with suppress(AdapterError):
                    self.abandon(kept, adapter)

    def abandon(self, kept: ResumeRecord, adapter: BaseSync) -> None:
        """Give up a transfer: remove what is left of it at the provider, or on this disk, and forget it.

        Raises:
            AdapterError: The provider could not be asked. It stays known.
        """
        if kept.kind is TransferKind.DOWNLOAD:
            # The state may have come from somebody else, and nothing but a temporary file is to go for what it says.
            if os.path.basename(kept.path).startswith(TEMP_PREFIX):
                with suppress(OSError):
                    os.unlink(kept.path)
        elif kept.identity == self._identity and isinstance(adapter, ResumableUpload):
            adapter.abort_upload(kept.key, kept.text)
        self._notes.remove(_name(kept.kind, kept.key))


class FileCheckpoint:
    """The `Note` of one transfer, in a file."""

    def __init__(self, notes: Notes, name: str, about: ResumeRecord) -> None:
        self._notes = notes
        self._name = name
        self._about = about

    def read(self) -> str | None:
        """See `Note`."""
        kept = self._notes.read(self._name)
        return kept.text if kept is not None and replace(kept, text="") == self._about else None

    def write(self, text: str) -> None:
        """See `Note`."""
        about = self._about
        self._notes.write(self._name, json.dumps(asdict(about) | {"kind": about.kind.value, "text": text}))

    def clear(self) -> None:
        """See `Note`."""
        self._notes.remove(self._name)


@dataclass(frozen=True, slots=True)
class Notes:
    """The directory of the notes of one bucket. It may have come with a checkout: no link in it is followed.

    Every call raises `StateError` where the system does not let it do its work, or something is in its way.

    Attributes:
        below: The state directory.
        stem: What the directory is called below `unfinished`.
    """

    below: str
    stem: str

    def read(self, name: str) -> ResumeRecord | None:
        """Return a note; `None` if there is none, or it is damaged, such as after a loss of power."""
        with self._opened() as directory:
            return None if directory is None else _read(directory, name)

    def all(self) -> list[tuple[str, ResumeRecord | None]]:
        """Return all notes by name, with `None` for what can't be used."""
        with self._opened() as directory:
            if directory is None:
                return []
            return [(name, _read(directory, name)) for name in sorted(directory.names()) if _NAME.fullmatch(name)]

    def has(self, name: str) -> bool:
        """Tell whether there is a note."""
        return self.read(name) is not None

    def write(self, name: str, text: str) -> None:
        """Write a note, in place of the one that is there."""
        with self._opened(make=True) as directory:
            assert directory is not None
            part = f"{uuid.uuid4().hex}{_PART}"
            try:
                descriptor = directory.open(part, CREATE, 0o600)
                try:
                    write_all(descriptor, text.encode("ascii"))
                finally:
                    os.close(descriptor)
                directory.replace(part, directory, name)
            except BaseException:
                with suppress(OSError):
                    remove(directory, part)
                raise

    def remove(self, name: str) -> None:
        """Remove a note."""
        with self._opened() as directory:
            if directory is not None:
                remove(directory, name)

    def remove_directory(self) -> None:
        """Remove the directory if it is empty."""
        with self._opened() as directory:
            if directory is None or directory.names():
                return
        with Tree(self.below) as tree, suppress(FileNotFoundError):
            tree.directory("unfinished").remove_directory(self.stem)

    @contextmanager
    def _opened(self, *, make: bool = False) -> Iterator[Directory | None]:
        path = os.path.join(self.below, "unfinished", self.stem)
        try:
            if make:
                os.makedirs(self.below, 0o700, exist_ok=True)
            try:
                tree = Tree(self.below, reads=True)
            except FileNotFoundError:
                yield None
                return
            with tree:
                if make:
                    make_private(tree.root, "unfinished")
                    make_private(tree.directory("unfinished"), self.stem)
                try:
                    found = tree.directory(f"unfinished/{self.stem}")
                except FileNotFoundError:
                    found = None
                yield found
        except InTheWay as error:
            raise StateError(f"{error}; remove it. Nothing there was changed") from error
        except OSError as error:
            raise state_error(error, Path(path)) from error


def _name(kind: TransferKind, key: str) -> str:
    return hashlib.sha256(f"{kind.value}\0{key}".encode()).hexdigest()[:32] + ".json"


def _read(directory: Directory, name: str) -> ResumeRecord | None:
    try:
        with open_file(directory, name) as file:
            fields = json.loads(file.read().decode("ascii"))
        if not all(isinstance(value, str) for value in fields.values()):
            return None
        return ResumeRecord(**fields | {"kind": TransferKind(fields["kind"])})
    except (FileNotFoundError, NotAFile, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
