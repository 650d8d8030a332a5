"""Uploads in parts that were begun: what a note keeps of one, and when its parts are of use to another attempt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Self

from buckia_core.adapters.contract.resume import MultipartSource
from buckia_core.errors import AdapterError, PermissionDenied, Unauthenticated


@dataclass(frozen=True, slots=True)
class UploadSession:
    """An upload in parts that was begun. Its text is what `MultipartSource.note` keeps.

    Attributes:
        upload_id: The provider's id of it.
        part_size: Bytes of each part but the last.
        becoming: A digest of what the beginning decided about the object; see `spec_digest`.
        began: When that was by the provider's clock, as the provider counts; 0 where nobody asks.
    """

    upload_id: str
    part_size: int
    becoming: str
    began: int = 0

    def text(self) -> str:
        """Return it as a text."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str | None) -> Self | None:
        """Return what a text tells; `None` if there is none, or it is something else."""
        try:
            told = json.loads(text or "{}")
            return cls(str(told["upload_id"]), int(told["part_size"]), str(told["becoming"]), int(told.get("began", 0)))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


def spec_digest(*decided: object) -> str:
    """Return a digest of what the beginning of an upload decides about the object, such as its type and metadata.

    Other values give another digest, in whatever process. Those that JSON does not know go by their `str`.
    """
    return hashlib.sha256(json.dumps(decided, default=str).encode()).hexdigest()


def resume_session(
    source: MultipartSource, becoming: str, abandon: Callable[[UploadSession], object]
) -> UploadSession | None:
    """Return the upload that the note is about, if it would become the same object; `None` if there is none.

    Any other is abandoned. That this fails is no error: what is left is shown to a person who asks.
    """
    begun = UploadSession.of(source.note.read())
    if begun is None or (begun.part_size, begun.becoming) == (source.parts.size, becoming):
        return begun
    with suppress(AdapterError):
        abandon(begun)
    return None


def is_resumable(error: BaseException) -> bool:
    """Tell whether the parts are of use after an error: it passes, or somebody can see to it that it does."""
    if isinstance(error, AdapterError):
        return error.retryable or isinstance(error, (PermissionDenied, Unauthenticated))
    return not isinstance(error, Exception)


def upload_id_from_checkpoint(text: str) -> str | None:
    """Return the id of the upload that the text of a note is about; `None` if it is about none."""
    begun = UploadSession.of(text)
    return None if begun is None else begun.upload_id
