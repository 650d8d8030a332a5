"""The worker: operations whose file or object changed after they were planned."""

from __future__ import annotations

import os
import time

import pytest

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.errors import (
    AdapterError,
    IntegrityError,
    NotSupported,
    PermissionDenied,
    PreconditionFailed,
    Transient,
    Unauthenticated,
)
from buckia_core.syncing.events import Status
from buckia_core.syncing.transfer import download, upload
from buckia_core.testing import Fault, Faulty
from tests.unit.syncing.sides import Sides
from tests.unit.syncing.transfer.test_transfer import During


def meanwhile(sides: Sides, operation: str, happens, **more) -> Sides:
    sides.adapter = During(sides.bucket, operation, happens, **more)
    return sides


# --- planned again -----------------------------------------------------------------------------------------


def test_n41_an_object_that_appears_before_the_upload_is_a_conflict_and_not_overwritten(sides):
    sides.here("a=mine")
    meanwhile(sides, "upload_file", lambda: sides.there("a=yours"))
    result = sides.sync()
    assert result.success and result.conflicts == 1
    assert sorted(sides.objects().values()) == ["mine", "yours"] and sides.files() == sides.objects()


def test_n41_the_same_object_that_appears_before_the_upload_is_adopted(sides):
    sides.here("a=same")
    meanwhile(sides, "upload_file", lambda: sides.there("a=same"))
    assert sides.sync().success
    assert sides.did == ["adopt a"] and sides.objects() == {"a": "same"}


def test_n41_an_object_that_is_overwritten_before_the_download_is_downloaded_as_it_is_then(sides):
    sides.there("a=one")
    meanwhile(sides, "download_file", lambda: sides.there("a=two"))
    assert sides.sync().downloaded == 1
    assert sides.files() == {"a": "two"}


def test_p16_a_file_that_is_edited_before_it_is_replaced_becomes_a_conflict(sides):
    sides.in_step("a=1").there("a=yours")
    meanwhile(sides, "download_file", lambda: sides.here("a=edited"))
    result = sides.sync()
    assert result.success and result.conflicts == 1
    assert sorted(sides.files().values()) == ["edited", "yours"] and sides.files() == sides.objects()


def test_p16_a_file_that_is_edited_before_it_is_deleted_stays(sides):
    sides.in_step("a=1 b=1").delete_there("a").here("b=2")
    meanwhile(sides, "upload_file", lambda: sides.here("a=edited"))
    result = sides.sync(max_workers=1)
    assert result.success
    assert sides.files() == sides.objects() == {"a": "edited", "b": "2"}


@pytest.mark.parametrize("number", [1, 5])
def test_p16_an_object_that_is_edited_before_it_is_deleted_stays(sides, number):
    """One delete, or a batch of them."""
    names = [f"a{index}" for index in range(number)]
    sides.in_step(" ".join(f"{name}=1" for name in names) + " b=1").delete_here(*names).here("b=2")
    meanwhile(sides, "upload_file", lambda: sides.there("a0=edited"))
    result = sides.sync(max_workers=1)
    assert result.success
    assert sides.files() == sides.objects() == {"a0": "edited", "b": "2"}
    assert result.deleted_remote == number - 1


@pytest.mark.parametrize("number", [1, 5])
@pytest.mark.parametrize("keep", ["always", "never"])
def test_an_object_that_is_gone_before_it_is_deleted_is_no_failure(sides, number, keep):
    names = [f"a{index}" for index in range(number)]
    sides.settings = {"keep_replaced": keep}
    sides.in_step(" ".join(f"{name}=1" for name in names) + " b=1").delete_here(*names).here("b=2")
    meanwhile(sides, "upload_file", lambda: sides.delete_there("a0"))
    result = sides.sync(max_workers=1)
    assert result.success, result.errors
    assert sides.objects() == {"b": "2"} and sides.baseline().keys() == {"b"}


def test_an_object_that_is_gone_before_it_is_replaced_is_written_anew(sides):
    sides.settings = {"keep_replaced": "always"}
    sides.in_step("a=1").here("a=2")
    meanwhile(sides, "download_file", lambda: sides.delete_there("a"))
    assert sides.sync().success
    assert sides.objects() == {"a": "2"}


def test_n40_a_file_that_is_gone_before_it_is_sent_is_no_failure(sides):
    sides.here("a=1 b=1")
    meanwhile(sides, "upload_file", lambda: sides.delete_here("b"), after=True)
    result = sides.sync(max_workers=1)
    assert result.success and sides.objects() == {"a": "1"}


def test_n40_a_large_file_that_changes_while_it_is_sent_is_sent_again(sides, monkeypatch):
    monkeypatch.setattr(upload, "BUFFERED_UPLOAD_MAX", 0)
    monkeypatch.setattr(download, "RESUMABLE_DOWNLOAD_MIN", 0)
    sides.here("a=first")
    meanwhile(sides, "upload_file", lambda: sides.here("a=second-and-longer"), after=True)
    assert sides.sync().success
    assert sides.objects() == {"a": "second-and-longer"}
    sides.sync()
    assert sides.did == []


def test_n40_a_large_file_that_is_deleted_while_it_is_sent_is_gone_on_both_sides_after_the_next_run(sides, monkeypatch):
    monkeypatch.setattr(upload, "BUFFERED_UPLOAD_MAX", 0)
    monkeypatch.setattr(download, "RESUMABLE_DOWNLOAD_MIN", 0)
    sides.here("a=first b=1")
    meanwhile(sides, "upload_file", lambda: sides.delete_here("a"), after=True)
    result = sides.sync(max_workers=1)
    assert result.success and result.skipped == 1
    sides.adapter = None
    assert sides.sync().deleted_remote == 1
    assert sides.objects() == {"b": "1"} and sides.baseline().keys() == {"b"}


def test_n40_a_file_that_keeps_changing_is_left_for_the_next_run(sides, monkeypatch):
    monkeypatch.setattr(upload, "BUFFERED_UPLOAD_MAX", 0)
    monkeypatch.setattr(download, "RESUMABLE_DOWNLOAD_MIN", 0)
    numbers = iter(range(1000))

    def write():
        (sides.folder / "a").write_text(f"version {next(numbers):04}")
        os.utime(sides.folder / "a", ns=(time.time_ns(), time.time_ns()))

    sides.here("a=first b=1")
    meanwhile(sides, "upload_file", write, after=True, times=1000)
    result = sides.sync(max_workers=1)
    assert [error.key for error in result.errors] == ["a"]
    assert "kept changing" in result.errors[0].message
    sides.adapter = None
    assert sides.sync().success
    assert sides.files() == sides.objects()


# --- one failed file fails alone ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation", ["upload_file", "download_file", "delete_files"], ids=["upload", "download", "delete"]
)
@pytest.mark.parametrize("after", [False, True], ids=["call lost", "reply lost"])
def test_one_that_fails_fails_alone_and_is_done_by_the_next_run(sides, operation, after):
    sides.in_step("a=1 b=1 c=1 d=1")
    sides.here("a=2 new=2").there("b=2 new-there=2").delete_here("c").delete_there("d")
    sides.settings = {"keep_replaced": "never"}
    sides.adapter = Faulty(sides.bucket, [Fault(operation, after=after)])
    first = sides.sync(max_workers=1)
    assert first.failed == 1 and len(first.errors) == 1
    assert first.uploaded + first.downloaded + first.deleted == 5
    sides.adapter = None
    second = sides.sync()
    assert second.success and second.unchanged >= 3
    assert sides.files() == sides.objects() == {"a": "2", "b": "2", "new": "2", "new-there": "2"}
    sides.sync()
    assert sides.did == []


def test_a_reply_that_was_lost_is_no_conflict(sides):
    sides.here("a=1")
    sides.adapter = Faulty(sides.bucket, [Fault("upload_file", after=True)])
    assert sides.sync().failed == 1
    sides.adapter = None
    assert sides.sync().conflicts == 0
    assert sides.did == ["adopt a"] and list(sides.files()) == ["a"]


def test_errors_are_reported_with_their_keys_in_order(sides):
    sides.here("c=1 a=1 b=1")
    sides.adapter = Faulty(sides.bucket, [Fault("upload_file", lambda: PermissionDenied("not allowed"), times=None)])
    result = sides.sync()
    assert [str(error) for error in result.errors] == ["a: not allowed", "b: not allowed", "c: not allowed"]
    assert {event.status for event in sides.finished} == {Status.FAILED}


def test_a_precondition_that_always_fails_comes_to_an_end(sides):
    sides.here("a=1")
    sides.adapter = Faulty(sides.bucket, [Fault("upload_file", lambda: PreconditionFailed("no"), times=None)])
    result = sides.sync()
    assert result.failed == 1 and "kept changing" in result.errors[0].message


def test_n48_credentials_that_are_not_accepted_any_more_end_the_run(sides):
    sides.here(" ".join(f"k{index:02}=1" for index in range(20)))
    sides.adapter = Faulty(sides.bucket, [Fault("upload_file", lambda: Unauthenticated("expired"), at=3, times=None)])
    with pytest.raises(Unauthenticated, match="expired"):
        sides.sync(max_workers=1)
    assert sides.baseline().keys() == {"k00", "k01"} == sides.objects().keys()
    sides.adapter = None
    assert sides.sync().uploaded == 18


# --- moves -------------------------------------------------------------------------------------------------


def test_n39_a_renamed_file_is_moved_on_the_server(sides):
    sides.in_step("a=long-enough b=1")
    os.rename(sides.folder / "a", sides.folder / "c")
    sides.adapter = counted = Faulty(sides.bucket, [])
    result = sides.sync()
    assert (result.moved, result.uploaded, result.deleted, result.bytes_up) == (1, 0, 0, 0)
    assert sides.objects() == {"b": "1", "c": "long-enough"}
    assert ("copy_file", "c") in counted.calls
    sides.sync()
    assert sides.did == []


@pytest.mark.parametrize("operation", ["copy_file", "delete_files"])
@pytest.mark.parametrize("after", [False, True])
def test_a_move_that_fails_loses_nothing_and_is_done_by_the_next_run(sides, operation, after):
    sides.in_step("a=long-enough")
    os.rename(sides.folder / "a", sides.folder / "c")
    sides.adapter = Faulty(sides.bucket, [Fault(operation, after=after)])
    # A copy that fails is an upload instead; a source that could not be deleted is deleted by the next run.
    result = sides.sync()
    assert result.failed == (operation == "delete_files")
    assert sides.objects()["c"] == "long-enough"
    assert sides.baseline().keys() >= {"c"}
    sides.adapter = None
    assert sides.sync().success
    assert sides.objects() == sides.files() == {"c": "long-enough"}


def test_a_move_whose_source_is_gone_is_an_upload(sides):
    sides.in_step("a=long-enough")
    os.rename(sides.folder / "a", sides.folder / "c")
    meanwhile(sides, "copy_file", lambda: sides.delete_there("a"))
    assert sides.sync().success
    assert sides.objects() == {"c": "long-enough"}


REFUSALS = [
    NotSupported("archived", provider="memory"),
    PermissionDenied("you may not read it", provider="memory", status=403),
    AdapterError("invalid request", provider="memory", status=400),
    IntegrityError("other bytes", provider="memory"),
    Transient("it broke off", provider="memory"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda error: type(error).__name__)
def test_a_move_whose_copy_is_refused_is_an_upload_and_a_delete(sides, refusal):
    sides.in_step("a=long-enough")
    os.rename(sides.folder / "a", sides.folder / "c")
    sides.adapter = counted = Faulty(sides.bucket, [Fault("copy_file", lambda: refusal, times=None)])
    result = sides.sync()
    assert (result.failed, result.uploaded, result.moved, result.bytes_up) == (0, 1, 0, 11)
    assert sides.objects() == sides.files() == {"c": "long-enough"}
    assert sides.baseline().keys() == {"c"}
    order = [operation for operation, _ in counted.calls if operation in ("upload_file", "delete_files")]
    assert order == ["upload_file", "delete_files"]
    assert sides.sync().success and sides.did == []


def test_a_move_whose_upload_fails_as_well_leaves_its_source(sides):
    sides.in_step("a=long-enough")
    os.rename(sides.folder / "a", sides.folder / "c")
    faults = [
        Fault(operation, lambda: PermissionDenied("no"), times=None) for operation in ("copy_file", "upload_file")
    ]
    sides.adapter = Faulty(sides.bucket, faults)
    assert sides.sync().failed == 1
    assert sides.objects() == {"a": "long-enough"}


def test_a_source_that_was_edited_while_its_copy_was_refused_stays(sides):
    sides.in_step("a=long-enough")
    os.rename(sides.folder / "a", sides.folder / "c")

    def refuse() -> None:
        sides.there("a=edited")
        raise PermissionDenied("no")

    meanwhile(sides, "copy_file", refuse)
    assert sides.sync().failed == 0
    assert sides.objects() == {"a": "edited", "c": "long-enough"}


def test_credentials_that_are_refused_end_a_move(sides):
    sides.in_step("a=long-enough")
    os.rename(sides.folder / "a", sides.folder / "c")
    counted = sides.adapter = Faulty(sides.bucket, [Fault("copy_file", lambda: Unauthenticated("who?"), times=None)])
    with pytest.raises(Unauthenticated):
        sides.sync()
    assert not {"upload_file", "delete_files"} & {operation for operation, _ in counted.calls}
    assert sides.objects() == {"a": "long-enough"}


def test_a_move_whose_source_was_edited_loses_neither(sides):
    sides.in_step("a=long-enough")
    os.rename(sides.folder / "a", sides.folder / "c")
    meanwhile(sides, "copy_file", lambda: sides.there("a=edited"))
    sides.sync()
    sides.adapter = None
    assert sides.sync().success
    assert sides.objects() == sides.files() == {"a": "edited", "c": "long-enough"}


@pytest.mark.parametrize("happens", ["there", "here"])
def test_a_source_that_is_written_anew_while_it_is_copied_stays(sides, happens):
    sides.in_step("a=long-enough")
    os.rename(sides.folder / "a", sides.folder / "c")
    meanwhile(sides, "copy_file", lambda: getattr(sides, happens)("a=edited"), after=True)
    assert sides.sync().success
    assert sides.objects().keys() == {"a", "c"} and sides.baseline().keys() == {"a", "c"}
    sides.adapter = None
    assert sides.sync().success
    assert sides.objects() == sides.files() == {"a": "edited", "c": "long-enough"}


def test_a_file_that_is_edited_while_it_is_moved_is_uploaded_next(sides):
    sides.in_step("a=long-enough")
    os.rename(sides.folder / "a", sides.folder / "c")
    meanwhile(sides, "copy_file", lambda: sides.here("c=edited"), after=True)
    sides.sync()
    sides.sync()
    assert sides.objects() == sides.files() == {"c": "edited"}


# --- what is kept ------------------------------------------------------------------------------------------


def test_what_is_deleted_or_replaced_here_is_in_the_trash(sides):
    sides.in_step("a=old b=gone").there("a=new").delete_there("b")
    sides.sync()
    assert sides.trashed() == {"a": ["old"], "b": ["gone"]}
    assert {each.why for each in sides.client().trash().list()} == {"changed in the bucket", "deleted in the bucket"}


@pytest.mark.parametrize(("keep", "kept"), [("always", {"a": ["old"], "b": ["gone"]}), ("never", {})])
def test_what_a_person_replaces_in_the_bucket_is_kept_if_that_is_wanted(sides, keep, kept):
    sides.settings = {"keep_replaced": keep}
    sides.in_step("a=old b=gone").here("a=new").delete_here("b")
    sides.sync()
    assert sides.trashed() == kept


@pytest.mark.parametrize("keep", ["auto", "always", "never"])
def test_a_bucket_that_keeps_versions_is_read_for_them_only_if_that_is_wanted(sides, keep):
    sides.bucket = MemorySync(MemorySettings(versions=True))
    sides.settings = {"keep_replaced": keep}
    sides.in_step("a=old b=gone c=1").here("a=new c=mine").delete_here("b").there("c=theirs")
    sides.sync(conflict="local_wins")
    assert sides.objects() == {"a": "new", "c": "mine"}
    assert sides.trashed() == ({"a": ["old"], "b": ["gone"], "c": ["theirs"]} if keep == "always" else {})


def test_a_version_that_could_not_be_kept_is_not_replaced(sides):
    sides.settings = {"keep_replaced": "always"}
    sides.in_step("a=old b=gone b2=gone b3=gone").here("a=new").delete_here("b", "b2", "b3")
    sides.adapter = Faulty(sides.bucket, [Fault("download_file", lambda: Transient("no"), times=None)])
    result = sides.sync()
    assert result.failed == 4
    assert sides.objects() == {"a": "old", "b": "gone", "b2": "gone", "b3": "gone"}
