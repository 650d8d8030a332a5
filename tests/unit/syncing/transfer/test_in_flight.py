"""Progress of in-flight transfers, which adds up to their size."""

from __future__ import annotations

import io

from buckia_core.planning.plan import Action, Operation, Reason
from buckia_core.syncing.transfer.in_flight import CountingReader, InFlightTransfers, allocated_size

OPERATION = Operation(Action.UPLOAD, "a", "root", Reason.NEW_LOCAL)


def test_a_transfer_is_reported_in_steps_and_its_rest_at_the_end():
    flights, so_far = InFlightTransfers(), 10
    with flights.track(OPERATION, lambda: so_far):
        assert list(flights.poll()) == [(OPERATION, 10)]
        assert list(flights.poll()) == []
        so_far = 25
        assert list(flights.poll()) == [(OPERATION, 15)]
    assert list(flights.poll()) == []
    assert flights.finish(OPERATION, 40) == 15
    assert flights.finish(OPERATION, 40) == 40


def test_what_a_failed_transfer_reported_is_subtracted():
    flights = InFlightTransfers()
    with flights.track(OPERATION, lambda: 7):
        list(flights.poll())
    assert flights.finish(OPERATION, 0) == -7


def test_a_reader_that_is_read_again_counts_from_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    with io.FileIO(path) as file:
        reader = CountingReader(file)
        reader.seek(0, io.SEEK_END)
        assert (reader.tell(), reader.count) == (100, 0)
        reader.seek(0)
        assert reader.read(60) == bytes(range(60))
        assert reader.count == 60
        reader.seek(20)
        assert reader.count == 20
        assert reader.read() == bytes(range(20, 100))
        assert reader.count == 100


def test_a_file_that_is_not_there_yet_has_no_size(tmp_path):
    assert allocated_size(str(tmp_path / "none")) == 0


def test_a_hole_does_not_count_as_written(tmp_path):
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.write(b"x" * 4096)
        file.truncate(64 << 20)
    assert 0 < allocated_size(str(path)) <= 64 << 20
    if hasattr(path.stat(), "st_blocks") and path.stat().st_blocks * 512 < 1 << 20:
        assert allocated_size(str(path)) < 1 << 20
