"""Errors of the HTTP client, besides the `OSError`s of connections. Adapters translate them in one place."""

from __future__ import annotations


class ProtocolError(Exception):
    """The response is not valid HTTP/1.1, or missing. The message has no secret, and completes "the response "."""


class IncompleteResponse(ProtocolError):
    """The connection ended before the response did."""


class NoResponse(IncompleteResponse):
    """The connection ended before the first byte of a response."""


class UnusableResponse(ProtocolError):
    """The response has an invalid length, or is larger than allowed, so that a retry does not help."""


class ProxyError(OSError):
    """The proxy can't be reached, or refuses to connect to the server. The message has no credentials."""


class LocalFileError(Exception):
    """A file of this machine can't be read: the body of a request, or certificates. Raise `error` in its place."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error
