"""Several files and directories in one ZIP, an undocumented call (PROVIDERS 1.3, 1.5)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Final

from .nodes import Directory, File
from .request import Request
from .response import Response, storage_error
from .tree import ZonePath
from .zones import StorageZone

_BODY_LIMIT: Final = 8 << 20


async def zipped(zone: StorageZone, request: Request) -> Response:
    """Answer `{"RootPath": "/zone/", "Paths": ["/zone/dir/", …]}`. Paths that are not there add nothing."""
    try:
        wanted = await request.read_object() if int(request.headers.get("content-length", "0")) <= _BODY_LIMIT else {}
    except ValueError as error:
        raise storage_error(400, "The body is no JSON object") from error
    root, paths = wanted.get("RootPath"), wanted.get("Paths")
    top = f"/{zone.name}/"
    if not isinstance(root, str) or not root.startswith(top) or not root.endswith("/") or not isinstance(paths, list):
        raise storage_error(400, "RootPath and Paths are needed")
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for path in paths:
            if not isinstance(path, str) or not path.startswith(root):
                continue
            zone_path = ZonePath.parse(path.removeprefix(top.rstrip("/")))
            for name, file in _below(path, zone.tree.find(zone_path)):
                with archive.open(name.removeprefix(root), "w") as member:
                    for chunk in file.content.chunks():
                        member.write(chunk)
    return Response.of_bytes(200, body.getvalue(), "application/zip")


def _below(path: str, node: File | Directory | None) -> Iterator[tuple[str, File]]:
    if isinstance(node, File):
        yield path, node
    elif node is not None:
        for name, child in node.entries():
            yield from _below(f"{path}{name}{'/' if isinstance(child, Directory) else ''}", child)
