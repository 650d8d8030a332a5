"""URLs of objects: public or signed, as values that don't show a signature."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import PublicUrl, SignedUrl
from buckia_core.config.secrets.redaction import MASK, redact
from buckia_core.errors import InvalidSetting, NotSupported

MAX_EXPIRY = timedelta(days=7)
"""The longest time for which a URL is signed: that of Signature Version 4, and of B2."""

DEFAULT_EXPIRY = timedelta(hours=1)

_SIGNATURES = re.compile(r"(?i)signature|token|authorization|sig\b")
"""Parameters whose values grant access."""


class UrlPolicy(Enum):
    """Which URL `ObjectStore.url` returns.

    Attributes:
        AUTO: Public if `public_url_base` is set; else signed, if the provider signs; else public.
        PUBLIC: Public: stable, for everybody.
        PRESIGNED: Signed: for a limited time, and for who has it.
    """

    AUTO = "auto"
    PUBLIC = "public"
    PRESIGNED = "presigned"


class _Hidden:
    """A string that does not show, and can't be pickled. Not a `Secret`: a program may hold many thousand URLs."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the string."""
        return self._text

    def __reduce__(self) -> str:
        raise TypeError("a signed URL can't be pickled")

    def __repr__(self) -> str:
        return MASK


@dataclass(frozen=True, eq=False, repr=False)
class ObjectUrl:
    """URL of an object. `str`, `repr`, formatting, `asdict`, JSON and pickles show `redacted`; `url` is the real one.

    Pickles and copies made field by field don't have the signature; `copy` and `deepcopy` return the same value.

    Attributes:
        key: The object.
        method: The HTTP method that it allows.
        expires: When it stops working; `None` for a public one.
        redacted: The URL with `***` for its signature; of a public one, the URL.
        headers: Headers that a request must send, such as `Content-Type`.
    """

    key: str
    method: str
    expires: datetime | None
    redacted: str
    headers: tuple[tuple[str, str], ...] = ()

    # Not a field, so that it is neither in `asdict` nor in a pickle.
    _hidden: ClassVar[_Hidden | None] = None

    @classmethod
    def public(cls, key: str, url: str) -> ObjectUrl:
        """Return the value of a URL that grants nothing."""
        return cls(key, "GET", None, url)

    @classmethod
    def signed(
        cls, key: str, url: str, *, method: str, expires: datetime, headers: tuple[tuple[str, str], ...] = ()
    ) -> ObjectUrl:
        """Return the value of a signed URL."""
        query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
        shown = redact(url)
        if shown == url or not any(_SIGNATURES.search(name) for name, _ in query):
            # A signature in a form that is unknown: everything that could be one is left out.
            shown = f"{url.partition('?')[0]}?{MASK}"
        found = cls(key, method, expires, shown, headers)
        object.__setattr__(found, "_hidden", _Hidden(url))
        return found

    @property
    def url(self) -> str:
        """The URL itself. Whoever has it can do what it allows.

        Raises:
            ValueError: The value was pickled, and has no signature any more.
        """
        if self._hidden is not None:
            return self._hidden.reveal()
        if self.expires is not None:
            raise ValueError("the signature of this URL was left out when it was pickled or copied field by field")
        return self.redacted

    def __str__(self) -> str:
        return self.redacted

    def __repr__(self) -> str:
        until = "" if self.expires is None else f", expires={self.expires.isoformat(timespec='seconds')}"
        return f"ObjectUrl({self.redacted!r}, key={self.key!r}, method={self.method!r}{until})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectUrl) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __copy__(self) -> ObjectUrl:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ObjectUrl:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return ObjectUrl, (self.key, self.method, self.expires, self.redacted, self.headers)

    @property
    def _identity(self) -> tuple[str, str, str]:
        return self.key, self.method, self.redacted if self._hidden is None else self._hidden.reveal()


class UrlMethods(ABC):
    """The methods of `ObjectStore` for URLs."""

    @property
    @abstractmethod
    def adapter(self) -> BaseSync:
        """The adapter of the bucket."""

    def url(
        self,
        key: str,
        *,
        policy: UrlPolicy | str = UrlPolicy.AUTO,
        expires_in: float | timedelta = DEFAULT_EXPIRY,
    ) -> ObjectUrl:
        """Return a URL for reading an object, which need not exist.

        Args:
            key: The key.
            policy: `auto`, `public` or `presigned`.
            expires_in: Time until a signed URL expires, at most seven days; seconds or a `timedelta`.

        Raises:
            NotSupported: The provider, as configured, has no such URL.
        """
        try:
            chosen = UrlPolicy(policy)
        except ValueError:
            allowed = ", ".join(each.value for each in UrlPolicy)
            raise InvalidSetting(f"policy must be one of {allowed}, not {policy!r}") from None
        adapter, known = self.adapter, self.adapter.capabilities
        if chosen is UrlPolicy.AUTO:
            signs = adapter.public_url_base is None and (known.signed_url or not known.public_url)
            chosen = UrlPolicy.PRESIGNED if signs else UrlPolicy.PUBLIC
        return _public(adapter, key) if chosen is UrlPolicy.PUBLIC else _sign(adapter, key, expires_in)

    def presigned_get(
        self,
        key: str,
        *,
        expires_in: float | timedelta = DEFAULT_EXPIRY,
        response_content_type: str | None = None,
        response_content_disposition: str | None = None,
    ) -> ObjectUrl:
        """Return a signed URL for reading an object; with a type or a disposition, if the provider sends those.

        Raises:
            NotSupported: The provider, as configured, does not sign, or does not change type and disposition.
        """
        return _sign(
            self.adapter,
            key,
            expires_in,
            content_type=response_content_type,
            content_disposition=response_content_disposition,
        )

    def presigned_put(
        self, key: str, *, expires_in: float | timedelta = DEFAULT_EXPIRY, content_type: str | None = None
    ) -> ObjectUrl:
        """Return a signed URL for writing an object. With `content_type`, the request must send it.

        Raises:
            NotSupported: The provider signs no URLs for PUT.
        """
        return _sign(self.adapter, key, expires_in, "PUT", content_type=content_type)

    def key_from_url(self, url: str | ObjectUrl) -> str | None:
        """Return the key of a URL of this bucket, public or signed; `None` for any other URL."""
        return self.adapter.key_from_url(url.redacted if isinstance(url, ObjectUrl) else url)


def _public(adapter: BaseSync, key: str) -> ObjectUrl:
    if not (adapter.capabilities.public_url and isinstance(adapter, PublicUrl)):
        message = f"{key!r}: objects have no public URL: set public_url_base"
        raise NotSupported(message, provider=adapter.provider, key=key)
    return ObjectUrl.public(key, adapter.public_url(key))


def _sign(
    adapter: BaseSync,
    key: str,
    expires_in: float | timedelta,
    method: str = "GET",
    *,
    content_type: str | None = None,
    content_disposition: str | None = None,
) -> ObjectUrl:
    seconds = _seconds(expires_in)
    if not (adapter.capabilities.signed_url and isinstance(adapter, SignedUrl)):
        message = f"{key!r}: the provider, as configured, signs no URLs"
        raise NotSupported(message, provider=adapter.provider, key=key)
    given = {"content_type": content_type, "content_disposition": content_disposition}
    expires = datetime.now(UTC) + timedelta(seconds=seconds)
    try:
        # Adapters that know neither type nor disposition need not take them.
        url = adapter.signed_url(
            key, seconds=seconds, method=method, **{name: each for name, each in given.items() if each is not None}
        )
    except ValueError as error:
        raise NotSupported(f"{key!r}: {error}", provider=adapter.provider, key=key) from error
    headers = (("Content-Type", content_type),) if method == "PUT" and content_type is not None else ()
    return ObjectUrl.signed(key, url, method=method, expires=expires, headers=headers)


def _seconds(expires_in: float | timedelta) -> int:
    limit = int(MAX_EXPIRY.total_seconds())
    seconds = expires_in.total_seconds() if isinstance(expires_in, timedelta) else expires_in
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 1 <= seconds <= limit:
        raise InvalidSetting(f"expires_in must be from 1 second to 7 days ({limit} seconds), not {expires_in}")
    return int(seconds)
