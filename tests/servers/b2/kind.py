"""What a request to B2 asks for: given to a `FaultProxy` as `kind_of`, it counts and picks requests by call."""

from __future__ import annotations

from collections.abc import Mapping


def b2_kind(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Name the call as the server's own switches do, such as `b2_upload_part`; `HEAD` by name is `head`."""
    if path.startswith("/file/"):
        return "head" if method == "HEAD" else "b2_download_file_by_name"
    chunks = path.split("/")
    return chunks[3] if path.startswith("/b2api/") and len(chunks) > 3 else "other"
