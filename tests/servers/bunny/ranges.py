"""`Range` as Edge Storage and the CDN read it: one range of bytes (PROVIDERS 1.3)."""

from __future__ import annotations

import re
from typing import Final

from .content import Content
from .response import Response

_ONE: Final = re.compile(r"bytes=(\d*)-(\d*)")


def answer_with(content: Content, content_type: str, wanted: str | None, **headers: str) -> Response:
    """Answer with a file or the range of it that `wanted`, the header, names.

    200 where there is no range, or none that can be read; 206; 416 where nothing of the file is in it.
    """
    headers = {"Content-Type": content_type, "Accept-Ranges": "bytes", **headers}
    match = _ONE.fullmatch((wanted or "").strip())
    if match is None or match.groups() == ("", ""):
        return Response(200, content.chunks(), content.size, headers)
    first, last = match.groups()
    if first:
        start, end = int(first), min(int(last) + 1 if last else content.size, content.size)
    else:
        start, end = max(0, content.size - int(last)), content.size
    if first and last and int(last) < int(first):
        return Response(200, content.chunks(), content.size, headers)
    if start >= end:
        return Response(416, headers={"Content-Range": f"bytes */{content.size}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{content.size}"
    return Response(206, content.chunks(start, end), end - start, headers)
