"""Parts of `BaseSync.identity`: one spelling of what can be spelt in several ways."""

from __future__ import annotations

from urllib.parse import urlsplit


def endpoint_identity(url: str) -> str:
    """Return an endpoint in one spelling: scheme and host in lower case, the port explicit, no slash at the end.

    `http` and `https` stay different endpoints. User name, password, query and fragment are left out.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{(parts.hostname or '').rstrip('.')}:{port}{parts.path.rstrip('/')}"
