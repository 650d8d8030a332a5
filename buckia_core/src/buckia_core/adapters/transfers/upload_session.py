"""Upload session: a multipart upload that a later attempt can resume, as its checkpoint describes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import NamedTuple, Self

from buckia_core.adapters.contract.resume import MultipartSource
from buckia_core.errors import AdapterError, PermissionDenied, Unauthenticated


class UnfinishedUpload(NamedTuple):
    """A multipart upload that was neither completed nor aborted, as a provider lists it.

    Attributes:
        key: Key of the object that it would create.
        upload_id: The provider's id of the upload.
        started_ns: Time of its creation by the provider's clock, in nanoseconds since 1970.
    """

    key: str
    upload_id: str
    started_ns: int


@dataclass(frozen=True, slots=True)
class UploadSession:
    """A multipart upload that has been created, and may be complete in parts. `MultipartSource.checkpoint` keeps it.

    Attributes:
        upload_id: The provider's id of the upload.
        part_size: Bytes of each part but the last.
        spec_digest: Digest of the object's type, metadata and so on, which the upload fixed when it was created; see
            `spec_digest`.
        began: When it was created, in the unit of the provider's clock; 0 if the adapter does not need it.
    """

    upload_id: str
    part_size: int
    spec_digest: str
    began: int = 0

    def to_json(self) -> str:
        """Return the text for the checkpoint."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | None) -> Self | None:
        """Parse the text of a checkpoint; `None` if there is none, or it is not from `to_json`."""
        try:
            fields = json.loads(text or "{}")
            # Buckia 0.6 wrote the digest as `becoming`.
            digest = fields["spec_digest"] if "spec_digest" in fields else fields["becoming"]
            upload_id = str(fields["upload_id"])
            # Raises an error for half a surrogate pair, which no request can carry.
            upload_id.encode()
            return cls(upload_id, int(fields["part_size"]), str(digest), int(fields.get("began", 0)))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return None


def spec_digest(*fixed: object) -> str:
    """Return a digest of what the creation of an upload fixes about the object, such as its type and metadata.

    Equal values give equal digests in every process. Values that JSON can't represent are hashed by their `str`.
    """
    return hashlib.sha256(json.dumps(fixed, default=str).encode()).hexdigest()


def resume_session(
    source: MultipartSource, digest: str, abort: Callable[[UploadSession], object]
) -> UploadSession | None:
    """Return the session in the checkpoint if it creates the same object in the same parts; else abort it.

    A session that can't be aborted is no error: the command that lists unfinished uploads shows it.

    Args:
        source: The file to upload.
        digest: `spec_digest` of the object to create.
        abort: Removes the parts of a session that is not resumed.
    """
    session = UploadSession.from_json(source.checkpoint.read())
    if session is None or (session.part_size, session.spec_digest) == (source.layout.part_size, digest):
        return session
    with suppress(AdapterError):
        abort(session)
    return None


def is_resumable(error: BaseException) -> bool:
    """Tell whether to keep the parts after an error: it is temporary, a matter of permissions, or an interruption."""
    if isinstance(error, AdapterError):
        return error.retryable or isinstance(error, (PermissionDenied, Unauthenticated))
    return not isinstance(error, Exception)


@contextmanager
def abort_unless_resumable(source: MultipartSource, abort: Callable[[], object]) -> Iterator[None]:
    """After an error that is not `is_resumable`, call `abort`, and clear the checkpoint if that succeeds."""
    try:
        yield
    except BaseException as error:
        if not is_resumable(error):
            with suppress(AdapterError):
                abort()
                source.checkpoint.clear()
        raise


def upload_id_from_checkpoint(text: str) -> str | None:
    """Return the upload id in the text of a checkpoint; `None` if there is none."""
    session = UploadSession.from_json(text)
    return None if session is None else session.upload_id
