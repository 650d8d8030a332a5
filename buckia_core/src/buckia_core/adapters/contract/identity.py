"""Identity of a bucket: the one spelling of endpoint and prefix, from which adapters build `BaseSync.identity`."""

from __future__ import annotations

from urllib.parse import urlsplit


def endpoint_identity(url: str) -> str:
    """Return an endpoint in one spelling: scheme and host in lower case, the port explicit, no slash at the end.

    `http` and `https` stay different endpoints. User name, password, query and fragment are left out.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{(parts.hostname or '').rstrip('.')}:{port}{parts.path.rstrip('/')}"


def normalize_prefix(prefix: str) -> str:
    """Return the setting `prefix` so that a key can be appended: empty, or with one trailing and no leading slash.

    `photos` and `photos/` mean the same prefix. Without the slash, the key `a.txt` would become `photosa.txt`.
    """
    name = prefix.strip("/")
    return f"{name}/" if name else ""
