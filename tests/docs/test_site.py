"""The site has every page in its navigation, and its pages ask no other host for anything."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import ROOT

CONFIG = ROOT / ".mkdocs.yml"
LOADED_BY = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "object": "data"}
"""Elements whose content a browser fetches by itself, with the attribute that says from where."""

needs_mkdocs = pytest.mark.skipif(
    importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("mkdocstrings") is None,
    reason="MkDocs is not installed; it is part of the dependency group `docs`",
)


class _Loader(yaml.SafeLoader):
    """Reads MkDocs' configuration, without calling the functions that it names."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)


def pages_of(nav: object) -> Iterator[str]:
    match nav:
        case str():
            yield nav
        case list():
            for each in nav:
                yield from pages_of(each)
        case dict():
            for each in nav.values():
                yield from pages_of(each)


def test_the_navigation_has_every_page_once():
    nav = list(pages_of(yaml.load(CONFIG.read_text("utf-8"), _Loader)["nav"]))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")} - {"README.md"}
    assert set(nav) == pages | {"index.md", "CONTRIBUTING.md", "CHANGELOG.md"}, "add new pages to `nav` in .mkdocs.yml"
    assert len(nav) == len(set(nav))


class _Fetched(HTMLParser):
    """Collects the addresses that a browser fetches while it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in LOADED_BY:
            self.found.append(values.get(LOADED_BY[tag]) or "")
        elif tag == "link" and (values.get("rel") or "") not in {"canonical", "prev", "next"}:
            self.found.append(values.get("href") or "")


def fetched(path: Path) -> list[str]:
    text = path.read_text("utf-8")
    if path.suffix == ".css":
        return re.findall(r"(?:url\(|@import\s*)[\"']?([^\"')]+)", text)
    parser = _Fetched()
    parser.feed(text)
    # Material asks GitHub for the stars of a repository that has an element of this kind.
    return parser.found + re.findall(r'data-md-component="source"', text)


def is_elsewhere(address: str) -> bool:
    return address.startswith(("http:", "https:", "//")) or "data-md-component" in address


def test_what_a_browser_would_fetch_is_found(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<script src="//cdn.example/x.js"></script><a href="https://example.com">x</a><img src="a.svg">')
    assert [each for each in fetched(page) if is_elsewhere(each)] == ["//cdn.example/x.js"]


@needs_mkdocs
@pytest.mark.xdist_group("site")
def test_the_site_builds_without_warnings_and_fetches_nothing_from_elsewhere(tmp_path):
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-f", CONFIG, "-d", site]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout
    built = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(built) > 20
    elsewhere = {path.name: [each for each in fetched(path) if is_elsewhere(each)] for path in built}
    assert {name: found for name, found in elsewhere.items() if found} == {}
    home = (site / "index.html").read_text("utf-8")
    assert 'href="cli/' in home or 'href="configuration/' in home, "links of README.md lead to pages of the site"
    api = (site / "python-api" / "index.html").read_text("utf-8")
    assert 'id="buckia.BuckiaClient.sync"' in api and "safety guard" in api
