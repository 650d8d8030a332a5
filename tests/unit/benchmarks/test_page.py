"""The page with the figures, its tables and its picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.benchmarks.chart import Bars, draw
from tests.benchmarks.measure import Samples
from tests.benchmarks.page import PAGE, PICTURE, SAMPLES, figures, fill, machine, picture, summary
from tests.benchmarks.results import Results, Row
from tests.benchmarks.tables import spread, table

PAGE_OF_TEST = """# Page
before
<!-- summary -->
old
<!-- end of summary -->
between
<!-- machine -->
<!-- end of machine -->
<!-- figures -->
<!-- end of figures -->
after
"""


def row(title: str, disk: str, network: str, **walls: float) -> Row:
    return Row(title, disk, network, "1.0 (abc)", {tool: Samples([w], [w / 2], [64.0]) for tool, w in walls.items()})


@pytest.fixture
def results() -> Results:
    rows = [
        row("Upload 2 files", "disk", "http", buckia=9.0, s5cmd=3.0),
        row("Upload 2 files", "tmpfs", "http", buckia=3.0, s5cmd=2.0, rclone=4.0),
        row("Upload 2 files, bunny.net", "tmpfs", "http", buckia=1.0),
    ]
    return Results({"memory": "24 GiB"}, {"s5cmd": "2.3.0"}, rows, {"files-2 (tmpfs, https)": "haproxy is missing"})


def test_the_page_of_the_project_shows_its_samples():
    results = Results.load(SAMPLES)
    assert PAGE.read_text("utf-8") == fill(PAGE.read_text("utf-8"), results), "run: python -m tests.benchmarks.page"
    assert PICTURE.read_text("utf-8") == picture(results), "run: python -m tests.benchmarks.page"


def test_filling_keeps_what_is_outside_of_the_markers(results):
    filled = fill(PAGE_OF_TEST, results)
    assert re.sub(r"(?s)(<!-- (\w+) -->\n).*?(<!-- end of \2 -->)", r"\1\3", filled) == PAGE_OF_TEST.replace(
        "old\n", ""
    )
    assert summary(results) in filled and machine(results) in filled and figures(results) in filled
    assert fill(filled, results) == filled


@pytest.mark.parametrize("lost", ["<!-- summary -->", "<!-- end of figures -->"])
def test_a_page_without_a_marker_is_refused(results, lost):
    with pytest.raises(ValueError, match="markers"):
        fill(PAGE_OF_TEST.replace(lost, ""), results)


def test_the_summary_compares_with_the_best_of_the_others(results):
    assert summary(results).splitlines()[2:] == [
        "| Upload 2 files | disk | http | 9.00 | s5cmd: 3.00 | **3.00** | 4.50 | s5cmd: 1.50 | **3.00** |",
        "| Upload 2 files | tmpfs | http | 3.00 | s5cmd: 2.00 | **1.50** | 1.50 | s5cmd: 1.00 | **1.50** |",
    ]


def test_figures_have_one_table_for_each_task(results):
    tables = figures(results)
    assert re.findall(r"^### (.*)$", tables, re.MULTILINE) == ["Upload 2 files", "Upload 2 files, bunny.net"]
    assert "| tmpfs, http | rclone | 1 | 4.00 (4.00–4.00) | 2.00 | 2.00 (2.00–2.00) | 2.00 | 64 |" in tables
    assert "| tmpfs, http | buckia | 1 | 1.00 (1.00–1.00) |  | 0.50 (0.50–0.50) |  | 64 |" in tables


def test_what_was_not_measured_is_named(results):
    assert "- not measured: files-2 (tmpfs, https): haproxy is missing" in machine(results)
    assert "- versions: s5cmd 2.3.0" in machine(results)


def test_a_table_has_the_ratio_of_each_tool(results):
    assert table(results.rows[1]).splitlines()[-3:] == [
        "| buckia | 3.00 (3.00–3.00) | 1.50 | 1.50 (1.50–1.50) | 1.50 | 64 |",
        "| s5cmd | 2.00 (2.00–2.00) | 1.00 | 1.00 (1.00–1.00) | 1.00 | 64 |",
        "| rclone | 4.00 (4.00–4.00) | 2.00 | 2.00 (2.00–2.00) | 2.00 | 64 |",
    ]


def test_a_spread_is_a_median_with_its_range():
    assert spread([3.0, 1.0, 2.0]) == "2.00 (1.00–3.00)"


def test_the_picture_has_one_row_for_each_task_with_peers(results):
    texts = [each.text for each in ElementTree.fromstring(picture(results)).iter("{http://www.w3.org/2000/svg}text")]
    assert texts[4:] == ["Upload 2 files", "1.50", "1.50"]


def test_bars_stay_inside_of_the_picture():
    svg = ElementTree.fromstring(draw("a < b", [Bars("much slower & more", 40.0, 0.01)]))
    space = "{http://www.w3.org/2000/svg}"
    width = float(svg.attrib["width"])
    assert all(float(each.get("x", "0")) + float(each.attrib["width"]) <= width for each in svg.iter(f"{space}rect"))
    assert {"40.00", "0.01", "much slower & more"} <= {each.text for each in svg.iter(f"{space}text")}
