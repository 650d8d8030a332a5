"""obstore, which moves the bytes of most objects: compiled, and outside of Python's lock.

What it does not do is done by `client`: keys that it calls invalid, metadata that it can't read, large uploads
(its timeout counts the sending of a body as idleness), conditions on the completion of parts.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex, TypeVar

import obstore
from obstore.store import S3Store

from buckia_core.errors import AdapterError
from buckia_s3.client import Client
from buckia_s3.credentials import CredentialSource
from buckia_s3.endpoint import Endpoint
from buckia_s3.errors import code_of, from_obstore
from buckia_s3.obstore_options import client_config, retry_config, store_config
from buckia_s3.settings import S3Settings

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Credential

T = TypeVar("T")

# Control characters; parts that are empty, "." or "..".
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f]|(?:^|/)\.{0,2}(?:/|$)")

_UNREADABLE = ("InvalidMetadata", "NotPartial", "UnexpectedRange", "NoContentRange", "ParseContentRange")

_ANY_CREDENTIALS_LAST = timedelta(minutes=10)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Unreadable(Exception):
    """obstore can't read the object, for its metadata or for how the server tells ranges; `client` can."""


class FastStore:
    """One bucket through obstore. Not to be used in a process forked from one that has used it: that hangs."""

    def __init__(self, settings: S3Settings, client: Client, credentials: CredentialSource) -> None:
        self._settings = settings
        self._client = client
        self._credentials = credentials
        self._lock = threading.Lock()
        self._store: tuple[Endpoint, S3Store] | None = None

    @staticmethod
    def fits(key: str) -> bool:
        """Tell whether obstore takes the key as it is; some it refuses, others it would rename."""
        return _UNFIT.search(key) is None

    def takes(self, key: str) -> bool:
        """Tell whether an object of this key goes through obstore. None of a directory bucket does: the requests of
        `client` would need a session of their own beside obstore's.
        """
        return not self._settings.s3_express and self.fits(key)

    def bare(self, prefix: str) -> S3Store:
        """Return a store of obstore's with all settings, for keys below `prefix`, that repeats by `retry_config`."""
        endpoint = self._client.site.endpoint
        signed = self._credentials.current() is not None
        return BareStore(
            prefix=prefix.removesuffix("/") or None,
            config=store_config(self._settings, endpoint, signed=signed),
            client_options=client_config(self._settings, endpoint),
            retry_config=retry_config(self._settings),
            credential_provider=self._provide if signed else None,
        )

    def put(self, key: str, data: bytes, attributes: dict[str, str], mode: Any, *, about: str) -> Mapping[str, Any]:
        """Write an object in one request and return its `e_tag` and `version`.

        `mode` is obstore's: `overwrite`, `create`, or the ETag that must be there, as `{"e_tag": …}`.

        Raises:
            AdapterError: It was not written.
        """

        def call(store: S3Store) -> Mapping[str, Any]:
            return obstore.put(store, key, data, attributes=attributes, mode=mode, use_multipart=False)

        return self._calling(call, about, "writing")

    def get(self, key: str, options: Any, *, about: str) -> Any:
        """Open an object and return obstore's `GetResult`.

        Raises:
            AdapterError: It can't be read.
            Unreadable: obstore can't read it.
        """
        return self._calling(lambda store: obstore.get(store, key, options=options), about, "reading")

    def translated(self, error: Exception, *, about: str) -> AdapterError:
        """Return what an exception means that came while an opened object was read."""
        host = self._client.site.endpoint.authority
        return from_obstore(error, provider=self._client.provider, key=about, doing="reading", host=host)

    def _calling(self, call: Callable[[S3Store], T], about: str, doing: str) -> T:
        endpoint, store = self._current()
        try:
            return self._once(call, store, about, doing)
        except AdapterError as error:
            # obstore does not tell the headers, where the bucket's real region stands.
            if error.status not in (301, 307, 400):
                raise
            if error.status == 400 and code_of(str(error.__cause__).encode()) != "AuthorizationHeaderMalformed":
                raise
            self._client.find_region()
            moved, store = self._current()
            if moved == endpoint:
                raise
        return self._once(call, store, about, doing)

    def _once(self, call: Callable[[S3Store], T], store: S3Store, about: str, doing: str) -> T:
        self._client.counter.add()
        try:
            return call(store)
        except (OSError, ValueError, obstore.exceptions.BaseError) as error:
            if any(kind in str(error) for kind in _UNREADABLE):
                raise Unreadable from error
            host = self._client.site.endpoint.authority
            raise from_obstore(error, provider=self._client.provider, key=about, doing=doing, host=host) from error

    def _current(self) -> tuple[Endpoint, S3Store]:
        endpoint = self._client.site.endpoint
        with self._lock:
            if self._store is None or self._store[0] != endpoint:
                self._store = endpoint, self._new(endpoint)
            return self._store

    def _new(self, endpoint: Endpoint) -> S3Store:
        signed = self._credentials.current() is not None
        return S3Store(
            config=store_config(self._settings, endpoint, signed=signed),
            client_options=client_config(self._settings, endpoint),
            retry_config={"max_retries": 0, "retry_timeout": timedelta(0)},
            credential_provider=self._provide if signed else None,
        )

    def _provide(self) -> S3Credential:
        """Answer obstore's question for credentials, which it asks again before they expire."""
        credentials = self._credentials.current()
        assert credentials is not None
        expires = None
        if not self._credentials.lasting:
            expires = min(datetime.now(UTC) + _ANY_CREDENTIALS_LAST, credentials.expires_at or _NEVER)
        return {
            "access_key_id": credentials.access_key_id,
            "secret_access_key": credentials.secret_access_key,
            "token": credentials.session_token,
            "expires_at": expires,
        }


class BareStore(S3Store):
    """A store of obstore's that shows no secret: not in `config`, and not in a pickle, which it refuses."""

    @property
    def config(self) -> S3Config:
        """What it was made with, without the customer's key of encryption."""
        config = dict(super().config)
        config.pop("sse_customer_key_base64", None)
        shown: S3Config = config  # type: ignore[assignment]  # the same keys as before
        return shown

    @property
    def client_options(self) -> ClientConfig | None:
        """What it was made with, without headers and proxy, which may hold secrets."""
        options = dict(super().client_options or {})
        for name in ("default_headers", "proxy_url"):
            options.pop(name, None)
        shown: ClientConfig = options  # type: ignore[assignment]  # the same keys as before
        return shown

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a store has credentials, which can't be pickled; make one where it is used")
