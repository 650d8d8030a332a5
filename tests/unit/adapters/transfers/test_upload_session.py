"""Uploads that were begun: what is kept of them, and who goes on with them."""

from __future__ import annotations

import pytest

from buckia_core.adapters.contract.resume import MultipartSource, PartLayout
from buckia_core.adapters.transfers.upload_session import (
    UploadSession,
    is_resumable,
    resume_session,
    spec_digest,
    upload_id_from_checkpoint,
)
from buckia_core.errors import IntegrityError, PermissionDenied, PreconditionFailed, Transient, Unauthenticated

BEGUN = UploadSession("u", 5, "x")


class Kept:
    """A note."""

    def __init__(self, text):
        self.text = text

    def read(self):
        return self.text

    def write(self, text):
        self.text = text

    def clear(self):
        self.text = None


def refuse(begun):
    pytest.fail(f"{begun} is abandoned")


@pytest.fixture
def source(tmp_path):
    return lambda text: MultipartSource(
        tmp_path / "f", 12, PartLayout(5, "md5"), ["", "", ""], Kept(text), lambda _: None
    )


@pytest.mark.parametrize("begun", [BEGUN, UploadSession("u", 5, "x", began=1_700_000_000_000)])
def test_its_text(begun):
    assert UploadSession.from_json(begun.to_json()) == begun
    assert upload_id_from_checkpoint(begun.to_json()) == "u"


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "5", '"u"', '{"upload_id": "u"}', BEGUN.to_json().replace("5", "{}")]
)
def test_another_text_is_about_none(text):
    assert UploadSession.from_json(text) is None
    assert upload_id_from_checkpoint(text or "") is None


def test_the_same_is_taken_up(source):
    assert resume_session(source(BEGUN.to_json()), "x", refuse) == BEGUN


@pytest.mark.parametrize("other", [UploadSession("u", 6, "x"), UploadSession("u", 5, "y")], ids=["parts", "object"])
@pytest.mark.parametrize("fails", [False, True])
def test_what_would_become_something_else_is_abandoned(source, other, fails):
    abandoned = []

    def abandon(begun):
        abandoned.append(begun)
        if fails:
            raise PermissionDenied("no")

    assert resume_session(source(other.to_json()), "x", abandon) is None
    assert abandoned == [other]


def test_without_a_note_there_is_nothing_to_take_up(source):
    assert resume_session(source(None), "x", refuse) is None


def test_what_an_object_becomes():
    decided = ("text/plain", [("a", "1")], {"k": None})
    assert spec_digest(*decided) == spec_digest(*decided)
    assert spec_digest(*decided) != spec_digest("text/plain", [("a", "2")], {"k": None})
    assert spec_digest(b"x") != spec_digest(b"y")


@pytest.mark.parametrize(
    ("error", "of_use"),
    [
        (Transient("x"), True),
        (PermissionDenied("x"), True),
        (Unauthenticated("x"), True),
        (PreconditionFailed("x"), False),
        (IntegrityError("x", retryable=False), False),
        (OSError("x"), False),
        (KeyboardInterrupt(), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_when_parts_are_of_use(error, of_use):
    assert is_resumable(error) is of_use
