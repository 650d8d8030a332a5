"""Any exception of one file fails only that file, and the next run tries it again."""

from __future__ import annotations

import errno
import importlib
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from buckia_core.adapters.contract.types import DeleteOutcome
from buckia_core.adapters.wrappers.wrapper import Wrapper
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError
from buckia_core.syncing.events import Status, SyncResult
from buckia_core.syncing.execution import batch
from buckia_core.syncing.planner.evidence import EvidenceCollector
from buckia_core.testing.faults import Fault, Faulty
from tests.unit.syncing.sides import Sides

MANY = " ".join(f"k{index:02}={index}" for index in range(40))


def deep() -> Any:
    return json.loads("[" * 100_000)


def digits() -> Any:
    return int("9" * 5000)


def wide() -> Any:
    return (0.0 + 2**5000).is_integer()


def coded() -> Any:
    return "\ud800".encode()


def shape() -> Any:
    return {"files": None}["files"]["name"]  # type: ignore[index]


def asserted() -> Any:
    raise AssertionError


ODD: list[tuple[str, Callable[[], Any]]] = [
    ("RecursionError", deep),
    ("ValueError", digits),
    ("OverflowError", wide),
    ("UnicodeEncodeError", coded),
    ("TypeError", shape),
    ("AssertionError", asserted),
]


def failing(sides: Sides, operation: Any, key: str | None, error: Callable[[], Any], **more: Any) -> Faulty:
    return Faulty(sides.bucket, [Fault(operation, error, key=key, times=None, **more)])


@pytest.mark.parametrize(("name", "error"), ODD, ids=[name for name, _ in ODD])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize(("side", "operation"), [("here", "upload_file"), ("there", "download_file")])
def test_one_of_many_fails_alone_and_is_named_as_an_internal_error(sides, side, operation, workers, name, error):
    getattr(sides, side)(MANY)
    sides.adapter = failing(sides, operation, "k07", error)
    result = sides.sync(max_workers=workers)
    assert [failed.key for failed in result.errors] == ["k07"]
    assert result.errors[0].message.startswith(f"internal error, {name}")
    assert result.uploaded + result.downloaded == 39
    assert "k07" not in sides.baseline()
    sides.adapter = None
    result = sides.sync()
    assert result.uploaded + result.downloaded == 1 and sides.files() == sides.objects()


@pytest.mark.parametrize("count", [1, 5])
def test_deletes_fail_alone(sides, count):
    keys = [f"k{index}" for index in range(count)]
    sides.in_step("a=1 " + " ".join(f"{key}=1" for key in keys)).delete_here(*keys)
    sides.here("b=2")
    sides.adapter = failing(sides, "delete_files", None, deep)
    result = sides.sync()
    assert (result.failed, result.uploaded, result.deleted_remote) == (count, 1, 0)
    assert sides.baseline().keys() == {"a", "b", *keys}
    sides.adapter = None
    sides.sync()
    assert sides.objects().keys() == {"a", "b"} == sides.baseline().keys()


def test_a_listing_before_deletes_that_fails_leaves_each_key_to_a_check_of_its_own(sides):
    sides.in_step("a=1 k1=1 k2=1 k3=1").delete_here("k1", "k2", "k3")
    sides.adapter = Faulty(sides.bucket, [Fault("list_files", deep, at=2)])
    assert sides.sync().deleted_remote == 3


def test_an_outcome_that_is_missing_is_a_failure_and_one_of_another_key_is_nothing(sides):
    class Forgetful(Wrapper):
        def delete_files(self, keys):
            outcomes = self.inner.delete_files([key for key in keys if key != "k2"])
            return [*outcomes, DeleteOutcome("who?", AdapterError("what?"))]

    sides.in_step("a=1 k1=1 k2=1 k3=1").delete_here("k1", "k2", "k3")
    sides.adapter = Forgetful(sides.bucket)
    result = sides.sync()
    assert [failed.key for failed in result.errors] == ["k2"] and result.deleted_remote == 2


@pytest.fixture
def odd_file(monkeypatch):
    """Whoever hashes the local file `b` meets an exception."""
    hash_local = EvidenceCollector.hash_local

    def hashed(self, mapping, entry, algorithms, locator=None):
        return deep() if entry.key == "b" else hash_local(self, mapping, entry, algorithms, locator)

    monkeypatch.setattr(EvidenceCollector, "hash_local", hashed)


def test_evidence_that_can_not_be_read_while_planning_fails_one_key(sides, odd_file):
    result = sides.here("a=1 b=1 c=1").there("a=1 b=1 c=1").sync()
    assert (result.failed, result.adopted) == (1, 2)
    assert result.errors[0].message.startswith("refused: internal error, RecursionError")
    assert sides.baseline().keys() == {"a", "c"}


def test_a_file_that_can_not_be_hashed_is_no_move_but_an_upload(sides, odd_file):
    sides.in_step("a=1 k=1").delete_here("a").here("b=1").sync()
    assert sides.did == ["delete_remote a", "upload b"]


def test_a_group_that_can_not_be_brought_to_the_disk_fails_file_by_file(sides, monkeypatch):
    def refuse(files):
        list(files)
        raise OSError(errno.EIO, "Input/output error")

    sides.there(MANY)
    with monkeypatch.context() as patch:
        patch.setattr(batch, "flush_group", refuse)
        result = sides.sync(max_workers=1)
    assert result.failed + result.downloaded == 40 and result.failed >= 2
    errors = {event.operation.key: event.error for event in sides.finished if event.status is Status.FAILED}
    assert errors == {key: f"Input/output error: {sides.folder / key}" for key in errors}
    assert sides.sync().failed == 0 and sides.files() == sides.objects()


def test_a_comparison_fails_alone(sides, odd_file):
    result = sides.here("a=1 b=1 c=1").there("a=1 b=1 c=1").client().check()
    assert result.same == 2
    assert [(each.key, each.what.split(":")[:2]) for each in result.differ] == [
        ("b", ["can't be compared", " internal error, RecursionError"])
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError])
def test_what_is_about_no_file_passes(sides, error):
    def ends() -> Any:
        raise error

    sides.here("a=1 b=1")
    sides.adapter = failing(sides, "upload_file", "a", ends)
    with pytest.raises(error):
        sides.sync(max_workers=1)


def test_the_message_has_no_secret_and_the_traceback_is_in_the_log(sides, caplog):
    secret = Secret("wJalrXUtnFEMIK7MDENGbPxRfiCY")

    def echoes() -> Any:
        raise ValueError(f"not a number: {secret.reveal()}")

    sides.here("a=1")
    sides.adapter = failing(sides, "upload_file", "a", echoes)
    with caplog.at_level(logging.DEBUG, "buckia_core"):
        result = sides.sync()
    assert secret.reveal() not in repr(result) and "***" in result.errors[0].message
    assert secret.reveal().encode() not in sides.state_file.read_bytes()
    assert [record for record in caplog.records if record.exc_info and record.exc_info[0] is ValueError]


def test_what_a_server_repeats_is_nowhere_in_events_results_and_history(sides):
    secret = Secret("wJalrXUtnFEMIK7MDENGbPxRfiCY")

    def echoes() -> AdapterError:
        return AdapterError(f"your key is {secret.reveal()}\x1b[2J", key="a")

    sides.here("a=1 b=1").there("b=2")
    sides.adapter = Faulty(sides.bucket, [Fault(each, echoes, times=None) for each in ("upload_file", "open_file")])
    result = sides.sync(conflict="ask")
    texts = [repr(result), repr(sides.events), repr(sides.client().history()), repr(sides.client().conflicts())]
    assert not [text for text in texts if secret.reveal() in text or "\x1b" in text]
    assert "your key is ***" in texts[0]
    stored = b"".join(path.read_bytes() for path in sides.state_dir.rglob("*") if path.is_file())
    assert secret.reveal().encode() not in stored


def test_what_earlier_versions_wrote_down_is_cleaned_when_it_is_read(sides):
    secret = Secret("wJalrXUtnFEMIK7MDENGbPxRfiCY")
    record = SyncResult(bucket="bucket", started=datetime.now(UTC)).as_record()
    record["errors"] = [{"key": "a", "message": f"said {secret.reveal()}"}]
    assert SyncResult.from_record(record).errors[0].message == "said ***"


def test_our_loggers_redact_whatever_handlers_an_application_has(caplog):
    secret = Secret("wJalrXUtnFEMIK7MDENGbPxRfiCY")
    for name in (
        "syncing.engine",
        "syncing.error_messages",
        "adapters.wrappers.retry",
        "adapters.wrappers.call_logging",
    ):
        module = importlib.import_module(f"buckia_core.{name}")
        logger = getattr(module, "log", None) or module._log
        try:
            int(secret.reveal())
        except ValueError:
            logger.exception("it said %s", secret.reveal())
    assert len(caplog.records) == 4 and secret.reveal() not in caplog.text
