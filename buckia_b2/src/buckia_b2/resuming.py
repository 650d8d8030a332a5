"""Large files that go on where an earlier attempt ended.

    the server has of a part          what is done
    ----------------------------------------------------
    nothing                           it is sent
    as many bytes of the same SHA-1   nothing
    anything else                     it is sent again

A large file counts from when it was begun. So one that was begun before the newest version that is there now would end
up below it, and is begun anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial

from buckia_b2.bodies import FileBody
from buckia_b2.bucket import Bucket
from buckia_b2.errors import PROVIDER
from buckia_b2.large_files import LargeFiles, Part, digests_of, part_size_for
from buckia_b2.settings import B2Settings
from buckia_b2.target import Target
from buckia_b2.upload_urls import UploadUrls
from buckia_core.adapters.resuming import Parts, PartsSource
from buckia_core.adapters.sources import DigestCheck
from buckia_core.errors import AdapterError, IntegrityError, PermissionDenied, Unauthenticated
from buckia_core.planning.manifest import RemoteObject

_DIGEST = "sha1"


@dataclass(frozen=True, slots=True)
class _Begun:
    """A large file that was begun: its id, when that was by B2's clock, bytes of a part, digest of what it is to be."""

    file_id: str
    began: int
    part_size: int
    becoming: str

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str | None) -> _Begun | None:
        try:
            told = json.loads(text or "{}")
            return cls(str(told["file_id"]), int(told["began"]), int(told["part_size"]), str(told["becoming"]))
        except (ValueError, TypeError, KeyError):
            return None


def file_id_of(text: str) -> str | None:
    """Return the id of the large file that the text of a note is about; `None` if it is about none."""
    begun = _Begun.of(text)
    return None if begun is None else begun.file_id


@dataclass(frozen=True, slots=True)
class Resumer:
    """Uploads files in parts, and leaves the parts on the server where a later attempt can use them."""

    settings: B2Settings
    bucket: Bucket
    large: LargeFiles

    def parts_of(self, size: int) -> Parts | None:
        """See `ResumableUpload`."""
        if size <= self.settings.multipart_threshold:
            return None
        return Parts(part_size_for(size, self.settings.part_size), _DIGEST)

    def abandon(self, key: str, text: str) -> None:
        """See `ResumableUpload.abandon_upload`."""
        begun = _Begun.of(text)
        if begun is not None:
            self.large.cancel(begun.file_id, key)

    def upload(self, source: PartsSource, target: Target) -> RemoteObject:
        """See `ResumableUpload.upload_parts`; who calls looks after whether another writer came between."""
        begun = self._usable(source, target)
        there: dict[int, Part] = {}
        if begun is not None:
            try:
                there = self.large.parts(begun.file_id, target.key)
            except AdapterError as error:
                if error.status not in (400, 404):
                    raise
                landed = self.large.landed(begun.file_id, target)
                if landed is not None:
                    return landed
                begun = None
        self.bucket.check(target.key, target.expect)
        if begun is not None and not self._would_be_newest(begun, target):
            self._drop(begun, target)
            begun, there = None, {}
        if begun is None:
            begun = self._begin(source, target)
        urls = self.large.urls(begun.file_id, target.key)
        try:
            sha1s = list(self.large.pieces.run(self._pieces(source, target, urls, there)))
            return self.large.finish(begun.file_id, sha1s, target)
        except BaseException as error:
            if not _may_go_on(error):
                self._drop(begun, target)
                source.note.clear()
            raise

    def _begin(self, source: PartsSource, target: Target) -> _Begun:
        """Begin a large file whose info tells the SHA-1 of the whole, which takes another reading of it."""
        whole, parts = digests_of(source.path, source.size, source.parts.size, DigestCheck(()))
        if parts != list(source.digests):
            raise IntegrityError(
                f"{target.key!r}: the file changed while it was sent",
                provider=PROVIDER,
                key=target.key,
                retryable=False,
            )
        told = self.large.begin(target.with_sha1(whole))
        begun = _Begun(told["fileId"], int(told["uploadTimestamp"]), source.parts.size, self._becoming(target))
        source.note.write(begun.text())
        return begun

    def _usable(self, source: PartsSource, target: Target) -> _Begun | None:
        """Return the large file that the note is about, if the object would be the same; any other is cancelled."""
        begun = _Begun.of(source.note.read())
        if begun is None:
            return None
        if (begun.part_size, begun.becoming) == (source.parts.size, self._becoming(target)):
            return begun
        self._drop(begun, target)
        return None

    def _would_be_newest(self, begun: _Begun, target: Target) -> bool:
        newest = self.bucket.newest(target.key)
        return newest is None or int(newest["uploadTimestamp"]) < begun.began

    def _drop(self, begun: _Begun, target: Target) -> None:
        with suppress(AdapterError):
            self.large.cancel(begun.file_id, target.key)

    def _becoming(self, target: Target) -> str:
        """Return a digest of what the beginning of a large file decides about the object."""
        decided = [target.content_type, sorted(target.file_info(large=True).items()), self.bucket.marks.fields]
        return hashlib.sha256(json.dumps(decided).encode()).hexdigest()

    def _pieces(
        self, source: PartsSource, target: Target, urls: UploadUrls, there: dict[int, Part]
    ) -> Iterator[Callable[[], str]]:
        for number in range(1, len(source.digests) + 1):
            yield partial(self._settle, source, target, urls, number, there.get(number))

    def _settle(self, source: PartsSource, target: Target, urls: UploadUrls, number: int, there: Part | None) -> str:
        """See to it that the server has a part; return its SHA-1."""
        start, size = source.stretch(number)
        sha1 = source.digests[number - 1]
        if there == Part(size, sha1):
            return sha1
        body = FileBody(source.path, start, size, key=target.key, sha1=sha1, passing=source.passing)
        return self.large.send(urls, number, body, target.key)


def _may_go_on(error: BaseException) -> bool:
    """Tell whether parts are of use after an error: it passes, or somebody can see to it that it does."""
    if isinstance(error, AdapterError):
        return error.retryable or isinstance(error, (PermissionDenied, Unauthenticated))
    return not isinstance(error, Exception)
