"""ListObjectsV2: a fast parser for one page."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from xml.parsers.expat import ParserCreate

from buckia_core.planning.digest import Digest, Digests
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.objects.etags import fingerprint_from_etag
from buckia_s3.objects.multipart_etag import possible_digests
from buckia_s3.xml.reader import UNREADABLE_XML, MalformedResponse, decode_key

_TRUNCATED = re.compile(rb"<IsTruncated>\s*(true|false)\s*</IsTruncated>")
_TOKEN = re.compile(rb"<NextContinuationToken>([^<]+)</NextContinuationToken>")
_LAST_KEY = re.compile(rb"<Key>([^<]*)</Key>")
_URL_ENCODED = re.compile(rb"<EncodingType>\s*url\s*</EncodingType>")
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ECHOED = re.compile(rb"<(Prefix|StartAfter|ContinuationToken|NextContinuationToken)>[^<]*</\1>")
_HEX = "0123456789abcdef"

MAX_SIZE = (1 << 63) - 1
"""The largest valid size of an object."""

# Takes half the time of calling the classes.
_object = partial(tuple.__new__, RemoteObject)
_digest = partial(tuple.__new__, Digest)

_SPACED = re.compile(rb">\s+<")


class PageHead(NamedTuple):
    """PageHead: what the request for the next page needs, found before the page is parsed.

    Attributes:
        token: Continuation token of the next page; `None` on the last page.
        last_key: Last key of the page; `None` if it is empty.
        url_encoded: Keys are percent-encoded.
    """

    token: str | None
    last_key: str | None
    url_encoded: bool


def parse_page_head(body: bytes) -> PageHead:
    """Return the head of a page. A regex is enough: `<` is escaped in texts, so no text looks like an element.

    Raises:
        MalformedResponse: `IsTruncated` or the continuation token is missing.
    """
    truncated = _TRUNCATED.search(body)
    if truncated is None:
        raise MalformedResponse("it does not say whether there are more pages")
    url_encoded = _URL_ENCODED.search(body) is not None
    token = None
    try:
        if truncated[1] == b"true":
            found = _TOKEN.search(body)
            if found is None:
                raise MalformedResponse("it does not say where the next page starts")
            token = _unescape(found[1].decode())
        last = _LAST_KEY.search(body, max(body.rfind(b"<Key>"), 0))
        if last is None:
            return PageHead(token, None, url_encoded)
        last_key = _unescape(last[1].decode("utf-8", "replace"))
    except (ValueError, OverflowError) as error:
        raise MalformedResponse(f"it has invalid text ({error})") from error
    return PageHead(token, decode_key(last_key, url_encoded=url_encoded), url_encoded)


def parse_listed_objects(
    body: bytes, key_prefix: str, prefix: str, *, url_encoded: bool, etag_is_md5: bool
) -> list[RemoteObject]:
    """Return the objects of a page, in its order.

    Args:
        body: The page.
        key_prefix: Configured prefix; it is removed from the keys.
        prefix: Prefix of the listing, below `key_prefix`.
        url_encoded: Keys are percent-encoded.
        etag_is_md5: Whether an ETag that looks like an MD5 is one.

    Raises:
        MalformedResponse: The page is not well-formed, not a listing, lacks a field of an object, or has a key outside
            the prefix.
    """
    if url_encoded and b"&#" in body:
        # Ceph encodes keys, but echoes parameters of the request unencoded, with characters that are invalid in XML.
        body = _ECHOED.sub(b"", body)
    events, names = _parse_events(body)
    if not events or events[-1] is not names.get("ListBucketResult"):
        raise MalformedResponse("it is not a listing")
    read_time = _TimeParser()
    objects: list[RemoteObject] = []
    expected, strip = key_prefix + prefix, len(key_prefix)
    try:
        for key, size, etag, modified in _iter_contents(events, names):
            name = decode_key(key, url_encoded=True) if url_encoded and ("%" in key or "+" in key) else key
            count, time = int(size), read_time(modified)
            if not 0 <= count <= MAX_SIZE:
                raise MalformedResponse(f"an object has the invalid size {size[:40]!r}")
            if expected and not name.startswith(expected):
                raise MalformedResponse(f"the key {name!r} does not begin with {expected!r}")
            # Nearly every ETag is 32 characters in quotes, and this loop dominates the cost of a listing.
            plain = len(etag) == 34 and etag[0] == etag[-1] == '"'
            fingerprint = etag[1:-1] if plain else fingerprint_from_etag(etag, count, time)
            is_md5 = etag_is_md5 and len(fingerprint) == 32 and not fingerprint.strip(_HEX)
            digests: Digests = ()
            if is_md5:
                digests = (_digest(("md5", fingerprint)),)
            elif etag_is_md5:
                digests = possible_digests(fingerprint, count)
            objects.append(_object((name[strip:], count, fingerprint, time, None, digests, None, None, None, ())))
    except (ValueError, OverflowError) as error:
        raise MalformedResponse(f"an object has an invalid value ({str(error)[:200]})") from error
    return objects


def _parse_events(body: bytes) -> tuple[list[str], dict[str, str]]:
    """Return texts and names of end tags in document order, and all names.

    Both handlers append to one list, which avoids a Python call for each event. Identity distinguishes a name from an
    equal text: the parser interns names, and creates a new object for each text.
    """
    events: list[str] = []
    parser = ParserCreate()
    # A text that is longer than the buffer would be split.
    parser.buffer_size = len(body) or 1
    parser.buffer_text = True
    parser.CharacterDataHandler = events.append
    parser.EndElementHandler = events.append
    parser.StartDoctypeDeclHandler = _refuse
    if _SPACED.search(body, max(body.find(b"<Contents>"), 0)):
        # A start handler separates white space between elements from the text of the next element.
        parser.StartElementHandler = _ignore
    try:
        parser.Parse(body, True)
    except UNREADABLE_XML as error:
        raise MalformedResponse(f"it is not well-formed XML ({error})") from error
    return events, parser.intern


def _iter_contents(events: list[str], names: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, size, ETag and modification time of each object."""
    key_, size_, etag_, time_ = (names.get(name) for name in ("Key", "Size", "ETag", "LastModified"))
    contents = names.get("Contents")
    key = size = etag = time = text = ""
    for event in events:
        if event is key_:
            key, text = text, ""
        elif event is size_:
            size, text = text, ""
        elif event is etag_:
            etag, text = text, ""
        elif event is time_:
            time, text = text, ""
        elif event is contents:
            # An empty element has no text event, so the event before it, a name, is taken for its text.
            if names.get(etag) is etag:
                etag = ""
            if not key or not size or names.get(key) is key:
                raise MalformedResponse("an object lacks its key or its size")
            yield key, size, etag, time
            key = size = etag = time = text = ""
        else:
            text = event


def _unescape(text: str) -> str:
    """Resolve references, including those to characters that XML forbids, which `html.unescape` drops or changes."""
    return _REFERENCE.sub(_resolve_reference, text) if "&" in text else text


def _resolve_reference(reference: re.Match[str]) -> str:
    hexadecimal, decimal, name = reference.groups()
    return _NAMED[name] if name else chr(int(hexadecimal, 16) if hexadecimal else int(decimal))


def sort_key(key: str) -> bytes:
    """Return what S3 sorts keys by: their bytes."""
    return key.encode("utf-8", "surrogateescape")


def _refuse(*_: object) -> None:
    raise MalformedResponse("it has a document type")


def _ignore(*_: object) -> None:
    pass


class _TimeParser:
    """_TimeParser: parses times such as `2026-11-21T05:26:55.309Z` to nanoseconds since 1970; 0 if invalid.

    Caches the seconds, since many objects have the same.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        second = self._known.get(text[:19])
        if second is None:
            second = self._known[text[:19]] = _seconds(text) * 1_000_000_000
        fraction = text[20:-1]
        if fraction.isdecimal():
            return second + int(fraction.ljust(9, "0")[:9])
        # Other offsets than UTC are rare.
        return second if text[19:] in ("Z", "") else _with_offset(text)


def _seconds(text: str) -> int:
    try:
        return timegm(datetime.fromisoformat(text[:19]).timetuple())
    except ValueError:
        return 0


def _with_offset(text: str) -> int:
    """Parse a time with any UTC offset to nanoseconds since 1970; 0 if invalid."""
    try:
        time = datetime.fromisoformat(text)
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000_000) * 1000
    except (ValueError, OverflowError):
        return 0
