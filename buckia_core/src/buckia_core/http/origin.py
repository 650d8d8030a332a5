"""Origins: scheme, host and port that a request goes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin: a server.

    Attributes:
        scheme: `http` or `https`.
        host: Host name or IP address; an IPv6 one without brackets.
        port: TCP port.
        authority: Value of the `Host` header: the host, and the port unless it is the default of the scheme.
    """

    scheme: str
    host: str
    port: int
    authority: str = field(init=False, compare=False)

    def __hash__(self) -> int:
        # The hash of a string is computed once.
        return hash(self.authority)

    def __post_init__(self) -> None:
        default = 443 if self.scheme == "https" else 80
        authority = bracketed(self.host) if self.port == default else f"{bracketed(self.host)}:{self.port}"
        object.__setattr__(self, "authority", authority)


def bracketed(host: str) -> str:
    """Return a host as it is written in URLs: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def split_url(url: str) -> tuple[Origin, str]:
    """Return the origin of a URL, and the target of a request to it: path and query.

    Raises:
        ValueError: It is no absolute URL of HTTP or HTTPS. The message does not contain it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("it is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is not a URL of HTTP or HTTPS")
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Origin(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)), target
