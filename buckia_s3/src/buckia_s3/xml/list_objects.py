"""One page of ListObjectsV2, parsed with as little work an object as can be."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote
from xml.parsers.expat import ExpatError, ParserCreate

from buckia_core.planning.digest import Digest, Digests
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.objects.etags import fingerprint_from_etag
from buckia_s3.objects.multipart_etag import possible_digests

_TRUNCATED = re.compile(rb"<IsTruncated>\s*(true|false)\s*</IsTruncated>")
_TOKEN = re.compile(rb"<NextContinuationToken>([^<]+)</NextContinuationToken>")
_LAST_KEY = re.compile(rb"<Key>([^<]*)</Key>")
_URL_ENCODED = re.compile(rb"<EncodingType>\s*url\s*</EncodingType>")
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ECHOED = re.compile(rb"<(Prefix|StartAfter|ContinuationToken|NextContinuationToken)>[^<]*</\1>")
_HEX = "0123456789abcdef"

UNREADABLE_XML = (ExpatError, LookupError, ValueError)
"""What expat raises at bytes that are no XML: the last two where they claim an encoding that it does not know."""

MAX_SIZE = (1 << 63) - 1
"""The largest size that can be: what is above it is no size."""

# Half the time that calling the classes takes.
_object = partial(tuple.__new__, RemoteObject)
_digest = partial(tuple.__new__, Digest)

_SPACED = re.compile(rb">\s+<")


class MalformedResponse(Exception):
    """What came is not a whole page of a listing; the text says how."""


class PageHead(NamedTuple):
    """What is picked out of a page before it is parsed, so that the next one can be asked for meanwhile.

    Attributes:
        token: Where the next page begins; `None` if this is the last one.
        last_key: The last key of the page; `None` if it has none.
        url_encoded: Keys are percent-encoded.
    """

    token: str | None
    last_key: str | None
    url_encoded: bool


def parse_page_head(body: bytes) -> PageHead:
    """Return the head of a page. No text of an object can be taken for one of its elements: `<` is escaped in it.

    Raises:
        MalformedPage: It does not say whether it is the last one, or not where the next one begins.
    """
    truncated = _TRUNCATED.search(body)
    if truncated is None:
        raise MalformedResponse("it does not say whether more follows")
    url_encoded = _URL_ENCODED.search(body) is not None
    token = None
    try:
        if truncated[1] == b"true":
            found = _TOKEN.search(body)
            if found is None:
                raise MalformedResponse("more follows, and it does not say where")
            token = _unescape(found[1].decode())
        last = _LAST_KEY.search(body, max(body.rfind(b"<Key>"), 0))
        if last is None:
            return PageHead(token, None, url_encoded)
        last_key = _unescape(last[1].decode("utf-8", "replace"))
    except (ValueError, OverflowError) as error:
        raise MalformedResponse(f"it has text that can't be ({error})") from error
    return PageHead(token, decode_key(last_key, url_encoded=url_encoded), url_encoded)


def parse_objects(body: bytes, root: str, prefix: str, *, url_encoded: bool, etag_is_md5: bool) -> list[RemoteObject]:
    """Return the objects of a page, in its order.

    Args:
        body: The page.
        root: What each key begins with, and is told without.
        prefix: What follows that in each key.
        url_encoded: Keys are percent-encoded.
        etag_is_md5: Whether an ETag that looks like an MD5 is one.

    Raises:
        MalformedPage: It is not well-formed to its end, no listing, lacks something of an object, or has a key that was
            not asked for.
    """
    if url_encoded and b"&#" in body:
        # Ceph encodes keys, but not what it repeats of the request: characters that no XML may have stand there.
        body = _ECHOED.sub(b"", body)
    events, names = _parse_events(body)
    if not events or events[-1] is not names.get("ListBucketResult"):
        raise MalformedResponse("it is no listing")
    read_time = _TimeParser()
    objects: list[RemoteObject] = []
    expected, strip = root + prefix, len(root)
    try:
        for key, size, etag, modified in _iter_contents(events, names):
            name = decode_key(key, url_encoded=True) if url_encoded and ("%" in key or "+" in key) else key
            count, time = int(size), read_time(modified)
            if not 0 <= count <= MAX_SIZE:
                raise MalformedResponse(f"an object of {size[:40]} bytes can't be")
            if expected and not name.startswith(expected):
                raise MalformedResponse(f"the key {name!r} does not begin with {expected!r}")
            # Nearly every ETag is 32 characters in quotes, and this loop is what a listing costs.
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
        raise MalformedResponse(f"an object has something that can't be ({str(error)[:200]})") from error
    return objects


def _parse_events(body: bytes) -> tuple[list[str], dict[str, str]]:
    """Return the texts and the names of the ends of a page's elements, as they come, and the names that there are.

    Appending both to one list is done without a call into Python for each. What is a name and what is a text that
    reads the same is told apart by identity: the parser makes one object for each name, and a new one for each text.
    """
    events: list[str] = []
    parser = ParserCreate()
    # A text that is longer than the buffer would come in two pieces.
    parser.buffer_size = len(body) or 1
    parser.buffer_text = True
    parser.CharacterDataHandler = events.append
    parser.EndElementHandler = events.append
    parser.StartDoctypeDeclHandler = _refuse
    if _SPACED.search(body, max(body.find(b"<Contents>"), 0)):
        # Space between elements would run into the text of the next one, were its start not seen.
        parser.StartElementHandler = _ignore
    try:
        parser.Parse(body, True)
    except UNREADABLE_XML as error:
        raise MalformedResponse(f"it is no well-formed XML ({error})") from error
    return events, parser.intern


def _iter_contents(events: list[str], names: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, size, ETag and time of each object."""
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
            # An empty element has no text of its own; the name of the one before it would then stand for it.
            if names.get(etag) is etag:
                etag = ""
            if not key or not size or names.get(key) is key:
                raise MalformedResponse("an object lacks its key or its size")
            yield key, size, etag, time
            key = size = etag = time = text = ""
        else:
            text = event


def _unescape(text: str) -> str:
    """Resolve references, also those to characters that XML forbids; `html.unescape` drops or changes some."""
    return _REFERENCE.sub(_resolve_reference, text) if "&" in text else text


def _resolve_reference(reference: re.Match[str]) -> str:
    hexadecimal, decimal, name = reference.groups()
    return _NAMED[name] if name else chr(int(hexadecimal, 16) if hexadecimal else int(decimal))


def decode_key(key: str, *, url_encoded: bool) -> str:
    """Return a key as it is in the bucket; bytes that are no UTF-8 become lone surrogates, as in names of files."""
    if not url_encoded:
        return key
    # Slashes and spaces are in most keys; the general way takes ten times as long.
    key = key.replace("+", " ").replace("%2F", "/").replace("%20", " ")
    return unquote(key, errors="surrogateescape") if "%" in key else key


def _refuse(*_: object) -> None:
    raise MalformedResponse("it has a document type")


def _ignore(*_: object) -> None:
    pass


class _TimeParser:
    """Reads times such as `2026-11-21T05:26:55.309Z`; objects of one second share the work.

    What is no time is as good as none: 0, which is "not told".
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
        # A time of another zone is rare, and has more at its end.
        return second if text[19:] in ("Z", "") else _with_offset(text)


def _seconds(text: str) -> int:
    try:
        return timegm(datetime.fromisoformat(text[:19]).timetuple())
    except ValueError:
        return 0


def _with_offset(text: str) -> int:
    """Return nanoseconds since 1970 of a time with any offset from UTC; 0 if it is none."""
    try:
        time = datetime.fromisoformat(text)
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000_000) * 1000
    except (ValueError, OverflowError):
        return 0
