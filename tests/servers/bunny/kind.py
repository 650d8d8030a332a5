"""What a request to a storage host asks for, told from its method and path, as the server counts it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

KINDS: Final[Mapping[tuple[str, bool], str]] = MappingProxyType(
    {
        ("GET", False): "download",
        ("GET", True): "list",
        ("PUT", False): "upload",
        ("PUT", True): "make_directory",
        ("DELETE", False): "delete",
        ("DELETE", True): "delete_directory",
        ("DESCRIBE", False): "describe",
        ("DESCRIBE", True): "describe",
        ("POST", True): "zip",
    }
)
"""By the method, and whether the path ends with a slash."""


def bunny_kind(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Name a request for a `FaultProxy` before a storage host; `other` where the service has no such call."""
    return KINDS.get((method, path.endswith("/")), "other")
