"""HTTP proxy that counts requests and injects faults, to test an adapter in front of any HTTP server."""

from __future__ import annotations

from buckia_core.testing.fault_proxy.faults import (
    Answer,
    Corrupt,
    Cut,
    Delay,
    DropHeader,
    Encoded,
    Fault,
    LoseReply,
    Refuse,
    Request,
    Reset,
    Stall,
    Truncate,
    Unsized,
)
from buckia_core.testing.fault_proxy.proxy import FaultProxy

__all__ = [
    "Answer",
    "Corrupt",
    "Cut",
    "Delay",
    "DropHeader",
    "Encoded",
    "Fault",
    "FaultProxy",
    "LoseReply",
    "Refuse",
    "Request",
    "Reset",
    "Stall",
    "Truncate",
    "Unsized",
]
