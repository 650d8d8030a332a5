"""Journal: how far a provision is, in one JSON file in `.buckia-state/provision/`. It has no secrets.

It is written before and after each step, so that a repeat after a kill knows what the killed run began. After the last
step it stays, as the record of what was provisioned, until the bucket is destroyed. It is sealed (`seal`): one that
somebody else wrote is refused, as it could name any bucket, secret or address.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from buckia_core.adapters.contract.provisioner import BucketRecord, KeyRecord
from buckia_core.config.trust.bounded_read import read_text
from buckia_core.errors import ConfigError, StateDenied, StateError
from buckia_core.localfs.opening import is_link
from buckia_core.localfs.replace import replace_file
from buckia_core.provisioning.request import Request
from buckia_core.provisioning.seal import is_sealed, prepare_key, seal_of
from buckia_core.syncing.state.errors import state_error
from buckia_core.syncing.state.locations import (
    STATE_DIRECTORY,
    check_state_dir,
    prepare_state_dir,
    state_file_name,
)

_VERSION = 1


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a provision is.

    Attributes:
        request: What was asked for.
        label: Label of the keys that it creates. Its last part is random, so that nobody else's key has it.
        done: Ids of the steps that are done.
        bucket: The bucket, once it is known.
        begun_bucket: The bucket did not exist when its creation began; if it exists now, the provision created it.
        created: The provision created the bucket.
        public_before: What made the bucket public before it was published; `None` if that did not begin.
        public_url: Start of the public URLs of the bucket, once it is published.
        key: The key, once it is known.
        credentials: Settings of the entry for the key: public parts, and references to secrets.
        references: References of the secrets that were, or were about to be, written.
        previous: The finished provision whose key a rotation replaces.
        begun_entry: The entry, which was absent when its creation began, or its new credentials may be in `.buckia`.
        finished: All steps are done.
    """

    request: Request
    label: str
    done: list[str] = field(default_factory=list)
    bucket: BucketRecord | None = None
    begun_bucket: bool = False
    created: bool = False
    public_before: list[str] | None = None
    public_url: str | None = None
    key: KeyRecord | None = None
    credentials: dict[str, str] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)
    previous: Progress | None = None
    begun_entry: bool = False
    finished: bool = False

    @property
    def all_references(self) -> list[str]:
        """References of its secrets, and of those that it replaces."""
        return [*self.references, *(self.previous.references if self.previous else ())]

    @property
    def suffix(self) -> str:
        """The random part of the label."""
        return self.label.rpartition("/")[2]


def new_label(bucket_name: str) -> str:
    """Return a new label for keys of a bucket."""
    return f"{label_prefix(bucket_name)}{secrets.token_hex(4)}"


def label_prefix(bucket_name: str) -> str:
    """Return how the labels of all keys of a bucket begin."""
    return f"buckia/{bucket_name}/"


class Journal:
    """File with the progress of the provision of one entry of `.buckia`.

    Args:
        project: Directory of the `.buckia` file.
        name: Name of the entry.
    """

    def __init__(self, project: Path, name: str) -> None:
        self.name = name
        self._state = project / STATE_DIRECTORY
        self.directory = self._state / "provision"
        self.path = self.directory / f"{state_file_name(name)}.json"
        self.lock_path = self.directory / f"{state_file_name(name)}.lock"

    def prepare(self) -> None:
        """Create the directory, and the key of the seal.

        Raises:
            ConfigError: The user's configuration is invalid.
            StateError: It can't be created or trusted.
        """
        prepare_state_dir(self._state)
        try:
            self.directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise state_error(error, self.directory) from error
        self._check()
        prepare_key()

    def read(self) -> Progress | None:
        """Return the progress; `None` if nothing was provisioned here. Never blocks on a pipe.

        Raises:
            ConfigError: The user's configuration is invalid.
            StateDenied: Somebody else wrote it, or can write it.
            StateError: It can't be read.
        """
        self._check()
        try:
            document = json.loads(read_text(self.path))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise state_error(error, self.path) from error
        except (ConfigError, RecursionError, ValueError) as error:
            raise StateError(f"{self.path}: it is not a journal of provisioning: {error}") from error
        try:
            return self._parse(document)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise StateError(f"{self.path}: it is not a journal of provisioning: {error}") from error

    def _check(self) -> None:
        """Check that nobody else can write the directories."""
        check_state_dir(self._state)
        try:
            linked = is_link(os.lstat(self.directory))
        except FileNotFoundError:
            return
        except OSError as error:
            raise state_error(error, self.directory) from error
        if linked:
            raise state_error(OSError(errno.ELOOP, ""), self.directory)

    def _parse(self, document: Any) -> Progress:
        if (version := document.pop("version")) != _VERSION:
            raise ValueError(f"its version is {version!r}; another version of Buckia wrote it")
        seal = document.pop("seal", None)
        if not is_sealed(document, seal):
            raise StateDenied(
                f"{self.path}: it is not a journal that you wrote on this machine, so Buckia does not use it: it "
                "decides what is deleted, and where the keys of the account are sent. Remove the file, and name the "
                "vendor with --vendor"
            )
        progress = _from_json(document)
        if progress.request.name != self.name:
            raise ValueError(f"it is about {progress.request.name!r}")
        return progress

    def write(self, progress: Progress) -> None:
        """Replace the progress, durably.

        Raises:
            StateError: It can't be written.
        """
        values = _to_json(progress)
        document = {"version": _VERSION, "seal": seal_of(values), **values}
        try:
            replace_file(self.path, json.dumps(document, indent=1).encode())
        except OSError as error:
            raise state_error(error, self.path) from error

    def remove(self) -> None:
        """Remove the progress, if there is one.

        Raises:
            StateError: It can't be removed.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise state_error(error, self.path) from error


def _to_json(progress: Progress) -> dict[str, Any]:
    values = {each.name: getattr(progress, each.name) for each in fields(progress)}
    for name in ("bucket", "key"):
        values[name] = None if values[name] is None else asdict(values[name])
    previous = None if progress.previous is None else _to_json(progress.previous)
    return {**values, "request": progress.request.to_json(), "previous": previous}


def _from_json(document: Any) -> Progress:
    values = dict(document)
    values["request"] = Request.from_json(values["request"])
    for name, kind in (("bucket", BucketRecord), ("key", KeyRecord)):
        values[name] = None if values[name] is None else kind(**values[name])
    values["previous"] = None if values["previous"] is None else _from_json(values["previous"])
    return Progress(**values)
