"""Object versions: list, restore, download and delete them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice, takewhile
from pathlib import Path
from typing import BinaryIO

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import Versioned
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition, delete_one
from buckia_core.adapters.transfers.sources import DigestVerifier, iter_chunks
from buckia_core.errors import BuckiaError, IntegrityError, NotFound, NotSupported, PreconditionFailed
from buckia_core.localfs.directory import Tree
from buckia_core.localfs.files import existing_permissions, write_all
from buckia_core.localfs.staging_file import NEW_FILE_MODE, PRIVATE_MODE, StagingFile
from buckia_core.planning.keys import TEMP_PREFIX, is_internal
from buckia_core.planning.manifest import RemoteObject, time_to_ns
from buckia_core.planning.versions import (
    ObjectVersion,
    Restoration,
    plan_restore_to_time,
    plan_restore_version,
    plan_undelete,
)
from buckia_core.syncing.error_messages import FATAL_ERRORS, error_message

_BATCH_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of restoring one key.

    Attributes:
        restoration: The planned operation.
        error: Why it failed; `None` on success.
    """

    restoration: Restoration
    error: Exception | None = None


class BucketVersions:
    """The object versions of a bucket.

    Args:
        adapter: The bucket.
        workers: Keys to restore in parallel; by default, the number that the adapter recommends.

    Raises:
        NotSupported: The adapter can't list versions.
    """

    def __init__(self, adapter: BaseSync, workers: int | None = None) -> None:
        if not isinstance(adapter, Versioned):
            raise NotSupported("the provider keeps no versions that could be listed", provider=adapter.provider)
        self._adapter: BaseSync = adapter
        self._source: Versioned = adapter
        self._workers = workers or adapter.capabilities.workers

    def list(self, prefix: str = "") -> Iterator[ObjectVersion]:
        """Yield all versions of the objects whose key begins with a prefix: keys in order, the newest version first.

        Raises:
            AdapterError: The listing failed.
        """
        return self._source.list_versions(prefix)

    def plan(
        self,
        key: str = "",
        *,
        version: str | None = None,
        at: datetime | None = None,
        recursive: bool = False,
        delete_new: bool = False,
    ) -> Sequence[Restoration]:
        """Plan to restore an object, or all objects below a directory. Changes nothing.

        With neither `version` nor `at`, deleted objects are restored to their last version.

        Args:
            key: An object; with `recursive`, a directory, or nothing for the whole bucket.
            version: Id of the version to restore.
            at: Time of the state to restore, by the provider's clock, with a time zone.
            recursive: Restore all objects below the key, except Buckia's internal ones.
            delete_new: Delete objects that did not exist at that time.

        Raises:
            ValueError: The time has no time zone.
            NotFound: There is no version of that id.
            AdapterError: As `list`.
        """
        if recursive:
            start = key.rstrip("/")
            # The prefix `images` also matches `images-old`.
            below = (each for each in self.list(start) if not start or f"{each.key}/".startswith(f"{start}/"))
            # Probe objects of adapters are not restored.
            found = (each for each in below if not is_internal(each.key))
        else:
            found = (each for each in takewhile(lambda each: each.key == key, self.list(key)))
        if version is not None:
            wanted = plan_restore_version(found, version)
            if wanted is None:
                message = f"{key!r}: there is no version {version!r} of it that has content"
                raise NotFound(message, provider=self._adapter.provider, key=key)
            return [wanted]
        if at is not None:
            if at.tzinfo is None:
                raise ValueError("a time that is restored needs a time zone")
            return tuple(plan_restore_to_time(found, time_to_ns(at), delete_new=delete_new))
        return tuple(plan_undelete(found))

    def restore(self, plan: Iterable[Restoration]) -> Iterator[Restored]:
        """Restore planned keys in parallel, and yield the results in order. No version is lost.

        A key is not restored if it has changed after the plan was made, or if its current content would be lost.
        """
        keeps_versions = self._adapter.probe().versions
        waiting = iter(plan)
        with ThreadPoolExecutor(self._workers, thread_name_prefix="buckia-restore") as pool:
            while batch := tuple(islice(waiting, _BATCH_SIZE)):
                yield from pool.map(partial(self._restore_or_error, keeps_versions), batch)

    def fetch(self, key: str, version: str, target: Path) -> RemoteObject:
        """Download one version to a temporary file, verify it, and move it to `target`, which it replaces.

        Raises:
            NotFound: There is no such version.
            IntegrityError: The content is not that of the version. `target` is untouched.
            OSError: The target can't be written.
        """
        found = self._source.stat_version(key, version)
        head, name = os.path.split(os.path.abspath(target))
        with Tree(head) as tree, StagingFile(tree.root) as staged:
            mode = existing_permissions(tree.root, name, follow=True)
            descriptor = staged.create(TEMP_PREFIX, PRIVATE_MODE if mode is not None else NEW_FILE_MODE)
            with self._source.open_version(key, version) as reader:
                self._copy(reader, descriptor, found)
            staged.finish(mode, found.mtime_ns)
            staged.fsync()
            staged.commit(tree.root, name)
        return found

    def remove(self, key: str, version: str) -> None:
        """Delete one version for good. Deleting a delete marker undeletes the object.

        Raises:
            PermissionDenied: The version is locked, or the credentials do not allow it.
        """
        self._source.delete_version(key, version)

    def _copy(self, reader: BinaryIO, descriptor: int, found: RemoteObject) -> None:
        check = DigestVerifier(found.digests)
        count = 0
        for chunk in check.hash_stream(iter_chunks(reader)):
            write_all(descriptor, chunk)
            count += len(chunk)
        if count != found.size:
            message = f"{found.key!r}: {count} bytes came where there should be {found.size}"
            raise IntegrityError(message, provider=self._adapter.provider, key=found.key)
        check.verify(provider=self._adapter.provider, key=found.key)

    def _restore_or_error(self, keeps_versions: bool, restoration: Restoration) -> Restored:
        try:
            self._restore(keeps_versions, restoration)
        except FATAL_ERRORS:
            raise
        except (BuckiaError, OSError) as error:
            return Restored(restoration, error)
        except Exception as error:  # noqa: BLE001  # one key must not stop the others
            return Restored(restoration, BuckiaError(error_message(error)))
        return Restored(restoration)

    def _restore(self, keeps_versions: bool, restoration: Restoration) -> None:
        adapter, key, current = self._adapter, restoration.key, restoration.current
        if current is not None and not keeps_versions:
            message = "the bucket keeps no versions now, so what is there would be lost: switch versioning on first"
            raise NotSupported(f"{key!r}: {message}", provider=adapter.provider, key=key)
        if restoration.version is not None:
            expect: Precondition = IfAbsent() if current is None else IfUnchanged(current.as_object())
            self._source.restore_version(key, restoration.version.version, expect=expect)
            return
        assert current is not None
        if adapter.stat_file(key).fingerprint != current.fingerprint:
            raise PreconditionFailed(
                f"{key!r}: it has changed after the plan was made", provider=adapter.provider, key=key
            )
        delete_one(adapter.delete_files, key)
