"""obstore, which moves the bytes of most objects: compiled, and outside of Python's lock.

What it does not do is done by `client`: keys that it calls invalid, metadata that it can't read, large uploads
(its timeout counts the sending of a body as idleness), conditions on the completion of parts.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import obstore
from obstore.store import S3Store

from buckia_core.errors import AdapterError
from buckia_s3.client import Client
from buckia_s3.credentials import CredentialSource
from buckia_s3.endpoint import Endpoint
from buckia_s3.errors import code_of, from_obstore
from buckia_s3.settings import S3Settings

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Credential

T = TypeVar("T")

# Control characters; parts that are empty, "." or "..".
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f]|(?:^|/)\.{0,2}(?:/|$)")

_UNREADABLE = ("InvalidMetadata", "NotPartial", "UnexpectedRange", "NoContentRange", "ParseContentRange")

_ANY_CREDENTIALS_LAST = timedelta(minutes=10)


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
        options: ClientConfig = {
            "allow_http": endpoint.scheme == "http",
            "allow_invalid_certificates": not self._settings.verify_tls,
            "connect_timeout": timedelta(seconds=self._settings.connect_timeout),
            "read_timeout": timedelta(seconds=self._settings.read_timeout),
            # This one is for the whole request, however large, and can't be left out.
            "timeout": timedelta(days=30),
            # Servers close what is idle; a request on a connection that is being closed fails.
            "pool_idle_timeout": timedelta(seconds=10),
        }
        if self._settings.ca_bundle is not None and endpoint.scheme == "https":
            options["root_certificate"] = self._settings.ca_bundle.read_bytes()
        config: S3Config = {
            "bucket": self._settings.bucket_name,
            "region": endpoint.region,
            "endpoint": endpoint.root if endpoint.virtual else endpoint.root.rpartition("/")[0],
            "virtual_hosted_style_request": endpoint.virtual,
            "skip_signature": self._credentials.current() is None,
        }
        return S3Store(
            config=config,
            client_options=options,
            retry_config={"max_retries": 0, "retry_timeout": timedelta(0)},
            credential_provider=None if config["skip_signature"] else self._provide,
        )

    def _provide(self) -> S3Credential:
        """Answer obstore's question for credentials, which it asks again before they expire."""
        credentials = self._credentials.current()
        assert credentials is not None
        lasting = self._credentials.lasting
        return {
            "access_key_id": credentials.access_key_id,
            "secret_access_key": credentials.secret_access_key,
            "token": credentials.session_token,
            "expires_at": None if lasting else datetime.now(UTC) + _ANY_CREDENTIALS_LAST,
        }
