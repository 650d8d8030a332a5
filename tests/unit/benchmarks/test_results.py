"""Medians and ratios of comparisons, and the file that keeps them."""

from __future__ import annotations

import pytest

from tests.benchmarks.measure import Samples
from tests.benchmarks.results import OURS, Ratio, Results, Row


def row(title: str = "Upload", *, disk: str = "tmpfs", **walls: list[float]) -> Row:
    """Return a row; CPU time is half of wall time, but a quarter for rclone."""
    samples = {
        tool: Samples(wall, [each / (4 if tool == "rclone" else 2) for each in wall], [50.0] * len(wall))
        for tool, wall in walls.items()
    }
    return Row(title, disk, "http", "1.0", samples)


def test_the_median_is_that_of_the_samples():
    assert row(buckia=[5.0, 1.0, 2.0]).median(OURS, "wall") == 2.0
    assert row(buckia=[4.0, 2.0]).median(OURS, "cpu") == 1.5
    assert row(buckia=[4.0, 2.0]).median(OURS, "memory") == 50.0


def test_each_quantity_has_its_own_best_peer():
    compared = row(buckia=[3.0], s5cmd=[2.0], rclone=[2.4])
    assert compared.ratio("wall") == Ratio(3.0 / 2.0, "s5cmd")
    assert compared.ratio("cpu") == Ratio(1.5 / 0.6, "rclone")


def test_the_best_peer_is_not_us():
    assert row(buckia=[1.0], s5cmd=[2.0], rclone=[3.0]).best_peer("wall") == "s5cmd"


def test_without_peers_there_is_no_ratio():
    assert row(buckia=[1.0]).ratio("wall") is None
    assert row(s5cmd=[1.0]).ratio("wall") is None


def test_a_row_takes_the_place_of_the_same_one():
    results = Results()
    for each in (row(buckia=[1.0]), row(buckia=[2.0], disk="disk"), row(buckia=[3.0])):
        results.add(each)
    assert [(each.disk, each.median(OURS, "wall")) for each in results.rows] == [("tmpfs", 3.0), ("disk", 2.0)]


@pytest.mark.parametrize("rows", [[], [row(buckia=[1.0, 2.0], s5cmd=[3.0, 4.5])], [row("a"), row("b")]])
def test_what_is_saved_can_be_loaded(tmp_path, rows):
    results = Results({"memory": "24 GiB"}, {"s5cmd": "2.3.0"}, rows, {"files (tmpfs, https)": "no haproxy"})
    results.save(tmp_path / "samples.json")
    assert Results.load(tmp_path / "samples.json") == results
