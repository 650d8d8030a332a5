"""URLs of objects: from a base and a key, and back."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import SplitResult, quote, unquote, urlsplit


def url_below(base: str, full_key: str) -> str:
    """Return the URL of a key below a base, percent-encoded."""
    return f"{base.rstrip('/')}/{quote(full_key, safe='/-_.~')}"


def path_below(url: str, bases: Iterable[str]) -> str | None:
    """Return the decoded path of a URL below the first base that it is below; `None` if it is below none.

    Query and fragment are left out, so that a signed URL is as good as a public one.
    """
    parts = _split(url)
    if parts is None:
        return None
    for base in bases:
        start = _split(base)
        if start is None or _place(start) != _place(parts):
            continue
        root = f"{start.path.rstrip('/')}/"
        if parts.path.startswith(root):
            try:
                return unquote(parts.path[len(root) :], errors="strict")
            except UnicodeDecodeError:
                return None
    return None


def key_below(url: str, bases: Iterable[str], prefix: str) -> str | None:
    """Return the key, without the configured prefix, of a URL below one of the bases; `None` if it has none."""
    full_key = path_below(url, bases)
    if full_key is None or not full_key.startswith(prefix):
        return None
    return full_key[len(prefix) :] or None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme else None


def _place(parts: SplitResult) -> tuple[str, str, int | None]:
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or {"https": 443, "http": 80}.get(scheme)
