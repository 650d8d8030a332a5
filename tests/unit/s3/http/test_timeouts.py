"""What is slow takes its time; what stands still fails."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import (
    Transient,
)
from buckia_s3.config.settings import S3Settings
from buckia_s3.sync import S3Sync


class SlowServer:
    """Takes the body of one request in sips, with a pause before each, then answers; without sips it never does."""

    def __init__(self, pause: float, sips: int) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._closed = threading.Event()
        self.endpoint = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, args=(pause, sips))
        self._thread.start()

    def _serve(self, pause: float, sips: int) -> None:
        connection, _ = self._socket.accept()
        with connection, connection.makefile("rb") as file:
            left = 0
            while line := file.readline().strip():
                name, _, value = line.partition(b":")
                left = int(value) if name.lower() == b"content-length" else left
            for sip in range(sips, 0, -1):
                time.sleep(pause)
                left -= len(file.read(-(-left // sip)))
            if sips:
                connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\n\r\n')
            self._closed.wait(10)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._socket.close()


class TestTimeouts:
    def upload(self, server, size):
        settings = S3Settings(
            bucket_name="b",
            endpoint_url=server.endpoint,
            access_key_id=Secret("A"),
            secret_access_key=Secret("S"),
            read_timeout=0.5,
        )
        with S3Sync(settings) as adapter:
            try:
                return adapter.upload_file(bytes(size), "k")
            finally:
                server.close()

    def test_a_slow_upload_takes_as_long_as_it_needs(self):
        began = time.monotonic()
        assert self.upload(SlowServer(0.15, sips=8), 12 << 20).size == 12 << 20
        assert time.monotonic() - began > 1.0

    def test_an_upload_that_stands_still_fails(self):
        with pytest.raises(Transient, match="no progress"):
            self.upload(SlowServer(0, sips=0), 12 << 20)

    def test_a_small_one_that_stands_still_fails(self):
        with pytest.raises(Transient, match="k"):
            self.upload(SlowServer(0, sips=0), 10)
