"""Free ports of this machine for servers of tests."""

from __future__ import annotations

import contextlib
import random
import socket
from typing import Final

HOST: Final = "127.0.0.1"

# Below the range from which kernels draw ports of outgoing connections, so that a client cannot take
# the port between its choice and the server's bind.
_PORTS: Final = range(20_000, 32_000)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on. Nothing reserves it: use it at once.

    Raises:
        OSError: None of 100 random ports is free.
    """
    for port in random.SystemRandom().sample(_PORTS, 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            return port
    raise OSError(f"no free port on {HOST} among 100 tried")
