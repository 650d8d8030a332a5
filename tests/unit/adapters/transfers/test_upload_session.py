"""Upload sessions: their checkpoint, and which are resumed."""

from __future__ import annotations

import pytest

from buckia_core.adapters.contract.resume import MultipartSource, PartLayout
from buckia_core.adapters.transfers.upload_session import (
    UploadSession,
    abort_unless_resumable,
    is_resumable,
    resume_session,
    spec_digest,
    upload_id_from_checkpoint,
)
from buckia_core.errors import IntegrityError, PermissionDenied, PreconditionFailed, Transient, Unauthenticated

SESSION = UploadSession("u", 5, "x")


class MemoryCheckpoint:
    """A checkpoint in memory."""

    def __init__(self, text):
        self.text = text

    def read(self):
        return self.text

    def write(self, text):
        self.text = text

    def clear(self):
        self.text = None


def refuse(session):
    pytest.fail(f"{session} is aborted")


@pytest.fixture
def source(tmp_path):
    return lambda text: MultipartSource(
        tmp_path / "f", 12, PartLayout(5, "md5"), ["", "", ""], MemoryCheckpoint(text), lambda _: None
    )


@pytest.mark.parametrize("session", [SESSION, UploadSession("u", 5, "x", began=1_700_000_000_000)])
def test_json_round_trip(session):
    assert UploadSession.from_json(session.to_json()) == session
    assert upload_id_from_checkpoint(session.to_json()) == "u"


def test_checkpoints_of_earlier_versions_are_read():
    text = '{"upload_id": "u", "part_size": 5, "becoming": "x", "began": 0}'
    assert UploadSession.from_json(text) == SESSION


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "{", "[]", "5", '"u"', '{"upload_id": "u"}', SESSION.to_json().replace("5", "{}")),
        *("[" * 100_000, SESSION.to_json().replace("5", "Infinity"), SESSION.to_json().replace('"u"', r'"\ud800"')),
    ],
    ids=lambda text: str(text)[:60],
)
def test_another_text_has_no_session(text):
    assert UploadSession.from_json(text) is None
    assert upload_id_from_checkpoint(text or "") is None


def test_an_equal_session_is_resumed(source):
    assert resume_session(source(SESSION.to_json()), "x", refuse) == SESSION


@pytest.mark.parametrize("other", [UploadSession("u", 6, "x"), UploadSession("u", 5, "y")], ids=["parts", "object"])
@pytest.mark.parametrize("fails", [False, True])
def test_a_different_session_is_aborted(source, other, fails):
    aborted = []

    def abort(session):
        aborted.append(session)
        if fails:
            raise PermissionDenied("no")

    assert resume_session(source(other.to_json()), "x", abort) is None
    assert aborted == [other]


def test_without_a_checkpoint_nothing_is_resumed(source):
    assert resume_session(source(None), "x", refuse) is None


def test_spec_digest():
    decided = ("text/plain", [("a", "1")], {"k": None})
    assert spec_digest(*decided) == spec_digest(*decided)
    assert spec_digest(*decided) != spec_digest("text/plain", [("a", "2")], {"k": None})
    assert spec_digest(b"x") != spec_digest(b"y")


@pytest.mark.parametrize(
    ("error", "resumable"),
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
def test_is_resumable(error, resumable):
    assert is_resumable(error) is resumable


def test_parts_are_kept_after_an_error_that_passes(source):
    held = source("session")
    with pytest.raises(Transient), abort_unless_resumable(held, lambda: pytest.fail("it is aborted")):
        raise Transient("x")
    assert held.checkpoint.read() == "session"


def test_parts_are_removed_after_another_error(source):
    held, aborted = source("session"), []
    with pytest.raises(PreconditionFailed), abort_unless_resumable(held, lambda: aborted.append(1)):
        raise PreconditionFailed("x")
    assert aborted == [1]
    assert held.checkpoint.read() is None


def test_a_checkpoint_stays_where_the_parts_could_not_be_removed(source):
    def fail():
        raise Transient("gone")

    held = source("session")
    with pytest.raises(PreconditionFailed), abort_unless_resumable(held, fail):
        raise PreconditionFailed("x")
    assert held.checkpoint.read() == "session"
