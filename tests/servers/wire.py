"""How the tests of the proxy talk to it."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import urlsplit

from buckia_core.testing.fault_proxy.proxy import FaultProxy


def get(client: http.client.HTTPConnection, target: str) -> tuple[int, bytes]:
    client.request("GET", target)
    response = client.getresponse()
    return response.status, response.read()


def put(client: http.client.HTTPConnection, target: str, body: bytes) -> tuple[int, bytes]:
    client.request("PUT", target, body)
    response = client.getresponse()
    return response.status, response.read()


class Wire:
    """A bare connection, on which an end of data and a reset can be told apart."""

    def __init__(self, proxy: FaultProxy) -> None:
        address = urlsplit(proxy.endpoint)
        self.socket = socket.create_connection((address.hostname, address.port), timeout=10)

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self, marker: bytes) -> bytes:
        """Return what comes up to `marker`, which is its last part."""
        data = b""
        while not data.endswith(marker):
            piece = self.socket.recv(1)
            assert piece, f"the connection ended after {data!r}"
            data += piece
        return data

    def is_silent(self) -> bool:
        """Tell whether nothing comes for a while; nothing can be received afterwards."""
        self.socket.settimeout(0.2)
        try:
            self.socket.recv(1)
        except TimeoutError:
            return True
        return False

    def receive_all(self) -> tuple[bytes, str]:
        """Return what comes until the connection ends, and how it ends: `closed` or `reset`."""
        data = b""
        try:
            while piece := self.socket.recv(65536):
                data += piece
        except ConnectionResetError:
            return data, "reset"
        return data, "closed"


def request(method: str, target: str, body: bytes = b"") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: bucket.example\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
