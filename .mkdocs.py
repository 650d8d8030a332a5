"""Hooks of the site: pages from outside of docs/, and links that lead to the same place as they do on GitHub."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = "https://github.com/thepian/buckia"
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}
"""Pages at the top of the repository, and their places on the site."""

_ON_GITHUB = re.compile(rf"{re.escape(REPOSITORY)}/(?:blob|tree)/main/")
_RAW = re.compile(r"https://raw\.githubusercontent\.com/thepian/buckia/main/")
_TARGET = re.compile(r"(?<=\]\()([^)\s]+)(?=\))|(?<=src=\")([^\"]+)(?=\")")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand at the top of the repository."""
    for name, place in PAGES.items():
        text = (Path(config.docs_dir).parent / name).read_text("utf-8")
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, files: Files, **_: object) -> str:
    """Turn links to pages into links of the site, and links to other files of the repository into links to GitHub."""
    here = page.file.src_uri
    places = {f"docs/{file.src_uri}": file.src_uri for file in files if file.src_uri not in PAGES.values()} | PAGES
    places |= {"docs/README.md": "index.md", "docs": "index.md"}
    source = {place: name for name, place in PAGES.items()}.get(here, f"docs/{here}")
    lines, fence = [], ""
    for line in markdown.split("\n"):
        mark = _FENCE.match(line)
        if fence or mark:
            if mark and not fence:
                fence = mark[1]
            elif fence and line.strip().startswith(fence):
                fence = ""
            lines.append(line)
        else:
            lines.append(_TARGET.sub(lambda match: link_on_site(match[0], source, here, places), line))
    return "\n".join(lines)


def link_on_site(link: str, source: str, here: str, places: dict[str, str]) -> str:
    """Return a link of the site.

    Args:
        link: The link as the page in the repository has it.
        source: Path of that page in the repository.
        here: Path of the page among the sources of the site.
        places: Path in the repository to path among the sources of the site.
    """
    path, hash_, anchor = link.partition("#")
    inside = _RAW.sub("", _ON_GITHUB.sub("", path))
    if inside == path:
        if not path or ":" in path:
            return link
        inside = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    inside = inside.rstrip("/")
    if inside in places:
        return posixpath.relpath(places[inside], posixpath.dirname(here) or ".") + hash_ + anchor
    return f"{REPOSITORY}/blob/main/{inside}{hash_}{anchor}"
