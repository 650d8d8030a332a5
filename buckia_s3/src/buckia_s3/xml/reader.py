"""What all parsers of XML responses use: elements, keys, times, and the error for a malformed response."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from urllib.parse import unquote
from xml.parsers.expat import ExpatError, ParserCreate

from buckia_core.planning.manifest import time_to_ns
from buckia_s3.objects.etags import unquote_etag

_ETAG = re.compile(rb"<ETag>([^<]*)</ETag>")

UNREADABLE_XML = (ExpatError, LookupError, ValueError)
"""Exceptions of expat for malformed XML; the last two for an unknown encoding."""


class MalformedResponse(Exception):
    """The response is incomplete or malformed. The message completes "the response can't be used: "."""


def iter_elements(body: bytes, root: str, names: Collection[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the children of the root with one of the names: the name, and the texts of its own children by name.

    Args:
        body: An XML document.
        root: Name of the root element.
        names: Names of the children to yield.

    Raises:
        MalformedResponse: The document is not well-formed, or has another root.
    """
    found: list[tuple[str, dict[str, str]]] = []
    path: list[str] = []
    texts: list[str] = []

    def start(name: str, _: dict[str, str]) -> None:
        path.append(name)
        texts.clear()
        if len(path) == 2 and name in names:
            found.append((name, {}))

    def end(name: str) -> None:
        if len(path) == 3 and path[1] in names:
            found[-1][1][name] = "".join(texts)
        texts.clear()
        path.pop()

    def refuse(*_: object) -> None:
        raise MalformedResponse("it has a document type")

    parser = ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = texts.append
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except UNREADABLE_XML as error:
        raise MalformedResponse(f"it is not well-formed XML ({error})") from error
    if parser.intern.get(root) is None:
        raise MalformedResponse(f"it is not a {root}")
    yield from found


def element_text(body: bytes, name: str) -> str:
    """Return the text of the first element with this name that contains only text; empty if there is none."""
    # A regex, because bodies of errors may come from a proxy, and need not be XML.
    found = re.search(rf"<{name}>([^<]*)</{name}>".encode(), body)
    return _unescape(found[1].decode("utf-8", "replace")) if found else ""


def _unescape(text: str) -> str:
    from html import unescape  # noqa: PLC0415  # slow to import, and not needed by listings

    return unescape(text)


def decode_key(key: str, *, url_encoded: bool) -> str:
    """Return the decoded key. Invalid UTF-8 becomes lone surrogates, as in file names (PEP 383)."""
    if not url_encoded:
        return key
    # Most keys contain slashes and spaces only, and `unquote` takes ten times as long.
    key = key.replace("+", " ").replace("%2F", "/").replace("%20", " ")
    return unquote(key, errors="surrogateescape") if "%" in key else key


def parse_etag(body: bytes) -> str | None:
    """Return the unquoted text of the first `ETag` element; `None` if there is none."""
    found = _ETAG.search(body)
    return None if found is None else unquote_etag(_unescape(found[1].decode("utf-8", "replace")))


def parse_time_ns(time: str) -> int:
    """Parse a time such as `2026-11-21T05:26:55.309Z` to nanoseconds since 1970. Ceph sends nine decimals.

    Raises:
        ValueError: It is not a time in UTC.
    """
    second = datetime.fromisoformat(time[:19]).replace(tzinfo=UTC)
    fraction = re.fullmatch(r"(?:\.(\d{1,9})\d*)?(?:Z|\+00:00)?", time[19:])
    if fraction is None:
        raise ValueError(f"{time!r} is not a time in UTC")
    return time_to_ns(second) + int((fraction[1] or "").ljust(9, "0"))
