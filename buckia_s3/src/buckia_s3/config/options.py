"""The settings `client_options` and `retry_config`, with the names of obstore's `ClientConfig` and `RetryConfig`.

Each option applies to the requests of Buckia and of `S3Sync.store`. Options that can't apply to both are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.values import (
    MAX_SECONDS,
    HiddenMapping,
    InvalidValue,
    as_bool,
    as_number,
    as_str,
    check_names,
    invalid_value,
)
from buckia_core.http.proxy import bypasses_proxy, no_proxy_of_environment, system_proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """ClientOptions: connection options. Times are in seconds; `None` means that another setting decides.

    Attributes:
        allow_http: Whether an `endpoint_url` without TLS is allowed; `None` allows it.
        allow_invalid_certificates: Do not verify the certificate of the server.
        connect_timeout: Overrides the setting `connect_timeout`.
        read_timeout: Overrides the setting `read_timeout`.
        timeout: Time limit of a whole request, from its first byte to its last; `None` is unlimited.
        default_content_type: Content type of uploads whose key has no known extension.
        disable_system_certificates: Trust only `root_certificate` and the setting `ca_bundle`.
        default_headers: Headers of each request that does not set them itself; they are signed.
        pool_idle_timeout: How long to keep an idle connection.
        pool_max_idle_per_host: How many idle connections to keep.
        proxy_url: `http://…` of the proxy, with user and password if it requires them.
        proxy_excludes: Hosts, domains, addresses and networks to reach directly; `None` means those of `NO_PROXY`.
        root_certificate: Trusted certificates in PEM, besides those of the system.
        user_agent: `User-Agent` header.
    """

    allow_http: bool | None = None
    allow_invalid_certificates: bool = False
    connect_timeout: float | None = None
    read_timeout: float | None = None
    timeout: float | None = None
    default_content_type: str | None = None
    disable_system_certificates: bool = False
    default_headers: Mapping[str, Secret] = field(default_factory=HiddenMapping)
    pool_idle_timeout: float = 10.0
    pool_max_idle_per_host: int = 256
    proxy_url: Secret | None = None
    proxy_excludes: tuple[str, ...] | None = None
    root_certificate: bytes | None = field(default=None, repr=False)
    user_agent: str | None = None

    def headers(self) -> dict[str, str]:
        """Return the default headers of all requests, names in lower case."""
        sent = {name.lower(): value.reveal() for name, value in self.default_headers.items()}
        return sent if self.user_agent is None else sent | {"user-agent": self.user_agent}

    def no_proxy_hosts(self) -> tuple[str, ...]:
        """Return the hosts to reach without `proxy_url`."""
        return no_proxy_of_environment() if self.proxy_excludes is None else self.proxy_excludes

    def bypasses_proxy(self, host: str, port: int) -> bool:
        """Tell whether to reach a server without `proxy_url`."""
        return bypasses_proxy(self.no_proxy_hosts(), host, port)

    def proxy_to(self, scheme: str, host: str, port: int) -> str | None:
        """Return the URL of the proxy to a server, from `proxy_url` or else the environment."""
        if self.proxy_url is None:
            return system_proxy(scheme, host, port)
        return None if self.bypasses_proxy(host, port) else self.proxy_url.reveal()


def parse_client_options(value: object) -> ClientOptions:
    """Parse a mapping of options.

    Raises:
        InvalidValue: An option is unknown or refused, or its value is invalid.
    """
    if isinstance(value, ClientOptions):
        return value
    for name in value if isinstance(value, Mapping) else ():
        if name in _REFUSED:
            raise InvalidValue(f"can't be used here: {_REFUSED[name]}", at=f".{name}")
    read = _parse_options(value, _PARSERS)
    read.pop("http1_only", None)
    return ClientOptions(**read)


def _parse_options(value: object, parsers: Mapping[str, Callable[[object], object]]) -> dict[str, Any]:
    """Parse a mapping of options with the parser of each; `None` counts as not given."""
    if not isinstance(value, Mapping):
        raise invalid_value(value, "a mapping of options to values")
    check_names(value, parsers)
    read: dict[str, Any] = {}
    for name, given in value.items():
        if given is None:
            continue
        try:
            read[name] = parsers[name](given)
        except InvalidValue as error:
            raise InvalidValue(error.clause, at=f".{name}{error.at}", unknown=error.unknown) from None
    return read


def parse_seconds(value: object) -> float:
    """Parse a duration to seconds: a number, a `timedelta`, or a text such as `30`, `500ms` or `2h 37min`.

    Raises:
        InvalidValue: It is not a duration above zero.
    """
    expected = "a time above zero, and at most 24 days, such as 30, 500ms or 2h 37min"
    match value:
        case timedelta():
            found = value.total_seconds()
        case int() | float() if not isinstance(value, bool):
            found = float(value)
        case str() if _PLAIN_NUMBER.fullmatch(value.strip()):
            found = float(value)
        case str() if _DURATIONS.fullmatch(value.strip()):
            found = sum(int(count) * _UNITS[unit] for count, unit in _DURATION.findall(value))
        case _:
            raise invalid_value(value, expected)
    if not 0 < found <= MAX_SECONDS:
        raise invalid_value(value, expected)
    return found


_UNITS = {
    unit: factor
    for names, factor in (
        ("nanoseconds nanosecond nsec ns", 1e-9),
        ("microseconds microsecond usec us", 1e-6),
        ("milliseconds millisecond msec ms", 1e-3),
        ("seconds second sec s", 1.0),
        ("minutes minute min m", 60.0),
        ("hours hour hr h", 3600.0),
        ("days day d", 86400.0),
        ("weeks week w", 7 * 86400.0),
    )
    for unit in names.split()
}
_PLAIN_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_DURATION = re.compile(rf"([0-9]{{1,9}})\s*({'|'.join(sorted(_UNITS, key=len, reverse=True))})(?![a-z])")
_DURATIONS = re.compile(rf"(?:{_DURATION.pattern}\s*)+")

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")

_RESERVED_HEADERS = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-s3session-token",
        "x-amz-security-token",
    }
)


def _parse_count(value: object) -> int:
    return as_number(value, int, minimum=0)


def _parse_printable(value: object) -> str:
    text = as_str(value)
    if not text or not _PRINTABLE.fullmatch(text):
        raise invalid_value(value, "printable ASCII")
    return text


def _parse_headers(value: object) -> Mapping[str, Secret]:
    if not isinstance(value, Mapping):
        raise InvalidValue("must be a mapping of names to values")
    headers = {}
    for name, each in value.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise InvalidValue(f"has {name!r}, which is not the name of a header")
        if name.lower() in _RESERVED_HEADERS:
            raise InvalidValue(f"has {name!r}, which Buckia sets itself")
        text = each.decode("latin-1") if isinstance(each, bytes) else each
        text = text.reveal() if isinstance(text, Secret) else text
        # The value may be a secret, so the message does not contain it.
        if not isinstance(text, str) or not _PRINTABLE.fullmatch(text):
            raise InvalidValue("must be printable ASCII", at=f".{name}")
        headers[name] = Secret(text)
    return HiddenMapping(headers)


def _parse_proxy(value: object) -> Secret:
    text = value.reveal() if isinstance(value, Secret) else value
    # The URL may contain a password, so no message contains it.
    expected = "must be like http://host:port or http://user:password@host:port"
    if not isinstance(text, str) or not _PRINTABLE.fullmatch(text):
        raise InvalidValue(expected)
    try:
        parts = urlsplit(text)
        usable = parts.scheme == "http" and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable or parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidValue(f"{expected}. The connection to the proxy is not encrypted; https requests through it are")
    return Secret(text)


def _parse_hosts(value: object) -> tuple[str, ...]:
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        raise invalid_value(value, "hosts, separated by commas")
    return tuple(each.strip().lower() for each in map(as_str, texts) if each.strip())


def _parse_certificates(value: object) -> bytes:
    import ssl  # noqa: PLC0415  # commands without connections parse settings too

    expected = "must be certificates in PEM; name a file that has them in the setting 'ca_bundle'"
    if not isinstance(value, str | bytes):
        raise InvalidValue(expected)
    data = value.encode() if isinstance(value, str) else value
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=data.decode("ascii"))
    except (UnicodeDecodeError, ssl.SSLError):
        raise InvalidValue(expected) from None
    return data


def _parse_http1_only(value: object) -> bool:
    if not as_bool(value):
        raise InvalidValue(f"can't be false: {_HTTP1_ONLY}")
    return True


_HTTP1_ONLY = "Buckia and S3 use HTTP/1.1 only"

_PARSERS: dict[str, Callable[[object], object]] = {
    "allow_http": as_bool,
    "allow_invalid_certificates": as_bool,
    "connect_timeout": parse_seconds,
    "read_timeout": parse_seconds,
    "timeout": parse_seconds,
    "default_content_type": _parse_printable,
    "disable_system_certificates": as_bool,
    "default_headers": _parse_headers,
    "http1_only": _parse_http1_only,
    "pool_idle_timeout": parse_seconds,
    "pool_max_idle_per_host": _parse_count,
    "proxy_url": _parse_proxy,
    "proxy_excludes": _parse_hosts,
    "root_certificate": _parse_certificates,
    "user_agent": _parse_printable,
}

_REFUSED: dict[str, str] = {
    "http2_only": _HTTP1_ONLY,
    "http2_keep_alive_interval": _HTTP1_ONLY,
    "http2_keep_alive_timeout": _HTTP1_ONLY,
    "http2_keep_alive_while_idle": _HTTP1_ONLY,
    "http2_max_frame_size": _HTTP1_ONLY,
    "proxy_ca_certificate": "the connection to the proxy is not encrypted, so the proxy has no certificate",
    "randomize_addresses": "addresses are used in the order of the system's resolver",
}

_INIT_BACKOFF = 2.0
_MAX_BACKOFF = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryConfig:
    """RetryConfig: how to retry a failed request. Times are in seconds.

    Attributes:
        max_retries: Retries after the first attempt; 0 means none.
        retry_timeout: Start no retry later than this after the first attempt.
        init_backoff: Longest wait before the first retry. Each wait is random between zero and its maximum.
        max_backoff: Longest wait of all. If the server asks for a longer one, the request fails.
        base: Factor by which the longest wait grows with each retry.
    """

    max_retries: int = 2
    retry_timeout: float = 180.0
    init_backoff: float = _INIT_BACKOFF
    max_backoff: float = _MAX_BACKOFF
    base: float = 2.0

    def __post_init__(self) -> None:
        # obstore panics, with what `except Exception` does not catch.
        if self.base <= 1 or self.init_backoff > self.max_backoff:
            raise ValueError("backoff: base must be above 1, and init_backoff at most max_backoff")

    @property
    def policy(self) -> RetryPolicy:
        """The same as `RetryPolicy` of `buckia_core`."""
        return RetryPolicy(
            self.max_retries + 1,
            self.retry_timeout,
            initial_wait=self.init_backoff,
            max_wait=self.max_backoff,
            multiplier=self.base,
        )


def parse_retry_config(value: object) -> RetryConfig:
    """Parse a mapping of options.

    Raises:
        InvalidValue: A name is unknown, or a value is invalid.
    """
    if isinstance(value, RetryConfig):
        return value
    read = _parse_options(value, _RETRY_PARSERS)
    backoff = read.pop("backoff", {})
    first = backoff.get("init_backoff", min(_INIT_BACKOFF, backoff.get("max_backoff", _INIT_BACKOFF)))
    longest = backoff.get("max_backoff", max(_MAX_BACKOFF, first))
    return RetryConfig(**read, **backoff | {"init_backoff": first, "max_backoff": longest})


def _parse_backoff(value: object) -> dict[str, Any]:
    read = _parse_options(value, _BACKOFF_PARSERS)
    if read.get("init_backoff", 0.0) > read.get("max_backoff", MAX_SECONDS):
        assert isinstance(value, Mapping)
        raise invalid_value(value["init_backoff"], "at most max_backoff", at=".init_backoff")
    return read


def _parse_base(value: object) -> float:
    base = as_number(value, float)
    if base <= 1:
        raise invalid_value(value, "a number above 1")
    return base


_BACKOFF_PARSERS: Mapping[str, Callable[[object], object]] = {
    "init_backoff": parse_seconds,
    "max_backoff": parse_seconds,
    "base": _parse_base,
}
_RETRY_PARSERS: Mapping[str, Callable[[object], object]] = {
    "max_retries": _parse_count,
    "retry_timeout": parse_seconds,
    "backoff": _parse_backoff,
}
