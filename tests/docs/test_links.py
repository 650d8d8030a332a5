"""Every link between our own pages leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, name_of

ON_GITHUB = tuple(
    f"https://{site}"
    for site in (
        "github.com/thepian/buckia/blob/main/",
        "github.com/thepian/buckia/tree/main/",
        "raw.githubusercontent.com/thepian/buckia/main/",
    )
)
"""How pages outside of the repository, such as those on PyPI, link to its files."""

LONG_DESCRIPTIONS = [ROOT / "README.md", *sorted(ROOT.glob("buckia_*/README.md"))]
"""Pages that PyPI shows."""


def target(page: Path, link: str) -> tuple[Path, str] | None:
    """Return the file that a link leads to and the anchor in it; `None` for other sites."""
    link, _, anchor = link.partition("#")
    for start in ON_GITHUB:
        if link.startswith(start):
            return ROOT / link.removeprefix(start), anchor
    if link.startswith(("http://", "https://", "mailto:")):
        return None
    return (page.parent / link).resolve() if link else page, anchor


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings_that_exist(page):
    broken = []
    for link in links(page):
        found = target(page, link)
        if found is None:
            continue
        path, anchor = found
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", LONG_DESCRIPTIONS, ids=name_of)
def test_links_of_a_page_on_pypi_are_absolute(page):
    assert [link for link in links(page) if "://" not in link] == []


def test_a_link_to_the_repository_is_checked():
    assert target(ROOT / "README.md", f"{ON_GITHUB[0]}docs/cli.md#exit-codes") == (ROOT / "docs/cli.md", "exit-codes")
    assert target(ROOT / "README.md", "https://example.com/docs/cli.md") is None


def test_the_index_names_every_page_of_the_docs():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in links(index) if "://" not in link}
    pages = {page for page in PAGES if page.is_relative_to(index.parent)} - {index}
    assert {page.name for page in pages - linked} == set()


CONTRIBUTORS = ("continuous-integration", "decisions", "design", "editors", "releasing", "testing")
"""Pages of docs/ that name files and folders of the repository."""


@pytest.mark.parametrize(
    "page", [ROOT / "CONTRIBUTING.md", *(ROOT / "docs" / f"{name}.md" for name in CONTRIBUTORS)], ids=name_of
)
def test_files_that_pages_for_contributors_name_exist(page):
    named = re.findall(r"`((?:tests|docs|examples|buckia_\w+|\.ci|\.github)/[\w./-]+)`", page.read_text("utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_folders_in_the_table_of_the_design_exist():
    """Cells such as `syncing/scan` are below the core."""
    text = (ROOT / "docs" / "design.md").read_text("utf-8").partition("## Layers")[2].partition("## A run")[0]
    cells = [row.split(" | ")[0] for row in re.findall(r"^\| (`.+) \|$", text, re.MULTILINE)]
    named = [name for cell in cells for name in re.findall(r"`([\w/]+)`", cell)]
    assert len(named) > 15
    assert [name for name in named if not (ROOT / "buckia_core" / "src" / "buckia_core" / name).is_dir()] == []
