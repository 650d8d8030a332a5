"""The elements of a listing that come over and over, such as versions, uploads and parts, with the texts in them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from xml.parsers.expat import ParserCreate

from buckia_s3.xml.list_objects import UNREADABLE_XML, MalformedResponse

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iter_elements(body: bytes, root: str, names: Collection[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the children of the root that have one of the names: name, and the texts of its own children.

    Args:
        body: A document of XML.
        root: What its root must be called.
        names: Which children are wanted.

    Raises:
        MalformedPage: It is not well-formed to its end, or has another root.
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
        raise MalformedResponse(f"it is no well-formed XML ({error})") from error
    if parser.intern.get(root) is None:
        raise MalformedResponse(f"it is no {root}")
    yield from found


def element_text(body: bytes, name: str) -> str:
    """Return the text of the first element of that name that has nothing but text in it; empty if there is none."""
    found = re.search(rf"<{name}>([^<]*)</{name}>".encode(), body)
    return unescape(found[1].decode("utf-8", "surrogateescape")) if found else ""


def parse_time_ns(time: str) -> int:
    """Return nanoseconds since 1970 of a time such as `2026-11-21T05:26:55.309Z`; Ceph has nine digits after the point.

    Raises:
        ValueError: It is none.
    """
    second = datetime.fromisoformat(time[:19]).replace(tzinfo=UTC)
    fraction = re.fullmatch(r"(?:\.(\d{1,9})\d*)?(?:Z|\+00:00)?", time[19:])
    if fraction is None:
        raise ValueError(f"{time!r} is no time in UTC")
    return (second - _EPOCH) // timedelta(seconds=1) * 1_000_000_000 + int((fraction[1] or "").ljust(9, "0"))
