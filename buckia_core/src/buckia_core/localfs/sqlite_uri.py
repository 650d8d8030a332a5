"""URIs by which SQLite opens files."""

from __future__ import annotations

from pathlib import PurePath


def sqlite_uri(path: PurePath, options: str) -> str:
    r"""Return the URI of an absolute path, with options such as `mode=ro`.

    SQLite takes no host in a URI, so it opens a network path of Windows (`\\server\share\App.sqlite`) only as a path
    that begins with two slashes.
    """
    uri = path.as_uri()
    if path.drive.startswith("\\\\"):
        uri = uri.replace("file://", "file:////", 1)
    return f"{uri}?{options}"
