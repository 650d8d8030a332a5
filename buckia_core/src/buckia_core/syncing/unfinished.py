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
from buckia_core.syncing.state import file_name

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

    def __init__(self, directory: Path, identity: str) -> None:
        self._directory = directory
        self._identity = identity

    @classmethod
    def of(cls, state_dir: Path, bucket: str, identity: str) -> Unfinished:
        """Return those of a bucket, as the configuration calls it, whose adapter tells this identity."""
        return cls(state_dir / "unfinished" / file_name(bucket), identity)

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
        """Yield what is kept of all transfers, as far as it can be read."""
        yield from filter(None, map(_read, self._files()))

    def temporaries(self) -> frozenset[str]:
        """Return the names of the temporary files that downloads still need."""
        return frozenset(os.path.basename(kept.path) for kept in self.all() if kept.kind is Kind.DOWNLOAD)

    def tidy(self, wanted: Callable[[Kept], bool], adapter: BaseSync) -> None:
        """Abandon what is not wanted any more, and remove what can't be read, such as after a loss of power.

        For the start of a run: nothing is being written.
        """
        for file in self._files():
            kept = _read(file)
            if kept is None:
                file.unlink(missing_ok=True)
            elif not wanted(kept):
                # If the provider can't be asked now, the next run asks it.
                with suppress(AdapterError):
                    self.abandon(kept, adapter)

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

    def _files(self) -> list[Path]:
        try:
            return sorted(self._directory.iterdir())
        except FileNotFoundError:
            return []

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
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_name(f"{uuid.uuid4().hex}{_PART}")
        try:
            part.write_text(json.dumps(record), encoding="ascii")
            os.replace(part, self._file)
        finally:
            part.unlink(missing_ok=True)

    def clear(self) -> None:
        """See `Note`."""
        self._file.unlink(missing_ok=True)


def _read(file: Path) -> Kept | None:
    try:
        fields = json.loads(file.read_text(encoding="ascii"))
        return Kept(**fields | {"kind": Kind(fields["kind"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
