"""What a `FaultProxy` can do to a request, and the rules that choose the requests it is done to.

Sizes count the bytes of a body, without heads and chunk framing. A fault at a place in a body strikes when the byte
after that place is due, so a body that ends before is left alone.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl

KindOf: TypeAlias = Callable[[str, str, Mapping[str, str], Mapping[str, str]], str]
"""Names a request, told its method, path, query and headers."""

Direction: TypeAlias = Literal["up", "down"]
"""`up` is from the client to the server."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The server goes away: every connection is reset, and new ones are refused for `seconds`."""

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
class Corrupt:
    """Invert the byte at offset `at` of the body."""

    at: int
    direction: Direction = "down"


@dataclass(frozen=True, slots=True)
class LoseReply:
    """Let the server carry out the whole request, then close (or reset) the connection instead of answering."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer with `status` in the server's place; the server sees nothing.

    Without `body`, it is an S3 error document with the code that belongs to the status.
    """

    status: int
    retry_after: int | str | None = None
    body: bytes | None = None
    content_type: str = "application/xml"


Fault: TypeAlias = Refuse | Delay | Stall | Cut | Reset | Truncate | Corrupt | LoseReply | Answer


@dataclass(slots=True)
class Request:
    """A request that reached the proxy, and what became of it."""

    number: int
    """1 for the first one since the proxy started or its counts were reset."""
    method: str
    path: str
    """As it was sent, percent signs included."""
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    kind: str
    """See `s3_kind`."""
    status: int | None = None
    """The status the client was sent; None where it got no answer."""
    server_status: int | None = None
    """The status the server answered; None where it was not asked or did not answer."""
    bytes_in: int = 0
    """Bytes of body that went on to the server."""
    bytes_out: int = 0
    """Bytes of body that were sent to the client."""
    fault: Fault | None = None
    """What struck, once it has."""


@dataclass(slots=True)
class Rule:
    """A fault, and the requests it is meant for."""

    fault: Fault
    when: Callable[[Request], bool] | None
    times: int | None
    probability: float
    _random: random.Random
    chosen: int = 0
    """How many requests this rule has chosen."""

    def chooses(self, request: Request) -> bool:
        """Tell whether this request is to suffer; counts it if so."""
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
