"""Sessions of the library requests, for adapters whose SDK sends by it."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from buckia_core.http.proxy import system_proxy


def proxies_for(url: str) -> dict[str, str]:
    """Return the proxy to the server of a URL in the form that requests takes: by scheme; empty without one."""
    parts = urlsplit(url)
    found = system_proxy(parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    return {parts.scheme: found} if found else {}


def prepare_session(session: Any, transport: Any) -> None:
    """Let a session of requests send by one transport, without what it would take from the environment by itself.

    Otherwise requests replaces the token with an entry of ~/.netrc, and reads `NO_PROXY` differently from Buckia.
    """
    session.trust_env = False
    session.auth = _no_netrc_auth
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    session.headers["Accept-Encoding"] = "identity"
    session.mount("https://", transport)
    session.mount("http://", transport)


def _no_netrc_auth(request: Any) -> Any:
    return request
