"""Faults of a `FaultProxy`, and the rules that select the requests they apply to.

Sizes count the bytes of a body, without heads and chunk framing. A fault at an offset applies when the byte after it is
due, so a shorter body passes unchanged.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl

KindOf: TypeAlias = Callable[[str, str, Mapping[str, str], Mapping[str, str]], str]
"""Names a request from its method, path, query and headers."""


def method_of(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:  # noqa: ARG001
    """Name a request by its method, in lower case. The default `kind_of` of a `FaultProxy`."""
    return method.lower()


Direction: TypeAlias = Literal["up", "down"]
"""`up` is from the client to the server."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The server is down: every connection is reset, and new ones are refused for `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait before the request reaches the server (`up`), or before its answer reaches the client (`down`)."""

    seconds: float
    direction: Direction = "up"


@dataclass(frozen=True, slots=True)
class Stall:
    """Pause for `seconds` after `after` bytes of the body, then go on."""

    seconds: float
    after: int = 0
    direction: Direction = "down"


@dataclass(frozen=True, slots=True)
class Cut:
    """Close both connections, as for an end of data, after `after` bytes of the body.

    `up` and 0: the server sees nothing of the request. `down` and 0: the client gets the head of the answer.
    """

    after: int
    direction: Direction = "down"


@dataclass(frozen=True, slots=True)
class Reset:
    """As `Cut`, but the client's connection is reset (RST)."""

    after: int = 0
    direction: Direction = "up"


@dataclass(frozen=True, slots=True)
class Truncate:
    """Give only `after` bytes of the answer's body.

    `honest`: Content-Length says so too, and the connection lives on. Otherwise the head promises the
    whole body, and the connection is closed.
    """

    after: int
    honest: bool = False


@dataclass(frozen=True, slots=True)
class Unsized:
    """Give only `after` bytes of the answer's body, and no length in its head: the body ends with the connection."""

    after: int


@dataclass(frozen=True, slots=True)
class DropHeader:
    """Remove a header of the request, as before a server that does not know it."""

    name: str


@dataclass(frozen=True, slots=True)
class Corrupt:
    """Invert the byte at offset `at` of the body."""

    at: int
    direction: Direction = "down"


@dataclass(frozen=True, slots=True)
class LoseReply:
    """Let the server execute the request, then close (or reset) the connection instead of responding."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer with `status` in place of the server, which sees nothing.

    Without `body`, the body is that of the proxy's `error_body`, by default empty. `location` is that of a redirect.
    """

    status: int
    retry_after: int | str | None = None
    body: bytes | None = None
    content_type: str = "application/xml"
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Encoded:
    """Add `Content-Encoding` to the answer's head; the body stays, as that of an object that was stored compressed."""

    encoding: str = "gzip"


Fault: TypeAlias = (
    Refuse | Delay | Stall | Cut | Reset | Truncate | Unsized | DropHeader | Corrupt | LoseReply | Answer | Encoded
)


@dataclass(slots=True)
class Request:
    """A request that reached the proxy, and its result."""

    number: int
    """1 for the first one since the proxy started or its counts were reset."""
    method: str
    path: str
    """As it was sent, percent signs included."""
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    kind: str
    """What `kind_of` of the proxy returned."""
    status: int | None = None
    """The status the client was sent; None where it got no answer."""
    server_status: int | None = None
    """The status the server answered; None where it was not asked or did not answer."""
    bytes_in: int = 0
    """Bytes of body that went on to the server."""
    bytes_out: int = 0
    """Bytes of body that were sent to the client."""
    fault: Fault | None = None
    """The fault that was applied."""


@dataclass(slots=True)
class Rule:
    """A fault, and the requests that it applies to."""

    fault: Fault
    when: Callable[[Request], bool] | None
    times: int | None
    probability: float
    _random: random.Random
    chosen: int = 0
    """How many requests this rule has chosen."""

    def chooses(self, request: Request) -> bool:
        """Tell whether the fault applies to this request; count it if so."""
        if self.times is not None and self.chosen >= self.times:
            return False
        if self.when is not None and not self.when(request):
            return False
        if self.probability < 1 and self._random.random() >= self.probability:
            return False
        self.chosen += 1
        return True


class Ledger:
    """The rules and the requests of a proxy; safe to use from several threads."""

    def __init__(self, kind_of: KindOf) -> None:
        self._kind_of = kind_of
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._requests: list[Request] = []

    def admit(self, method: str, target: str, headers: Mapping[str, str]) -> tuple[Request, Fault | None]:
        """Record a request and choose its fault: that of the oldest rule which chooses it."""
        path, _, query_text = target.partition("?")
        query = dict(parse_qsl(query_text, keep_blank_values=True))
        kind = self._kind_of(method, path, query, headers)
        with self._lock:
            request = Request(len(self._requests) + 1, method, path, query, headers, kind)
            self._requests.append(request)
            return request, next((rule.fault for rule in self._rules if rule.chooses(request)), None)

    def add(self, rule: Rule) -> None:
        """Add a rule after the others."""
        with self._lock:
            self._rules.append(rule)

    def clear_rules(self) -> None:
        """Remove all rules."""
        with self._lock:
            self._rules.clear()

    def requests(self) -> list[Request]:
        """Return the requests so far, in the order of their arrival."""
        with self._lock:
            return list(self._requests)

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        with self._lock:
            self._requests.clear()
