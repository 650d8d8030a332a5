"""Credentials that a function gives.

    def my_credentials():
        return {"access_key_id": "…", "secret_access_key": "…", "token": None, "expires_at": None}

It may be a coroutine function. `token` may be left out. `expires_at` is a `datetime` with its time zone, or `None`
for credentials that stay good; the function is called again before that time comes.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from buckia_core.errors import BuckiaError, InvalidSetting, Unauthenticated
from buckia_s3.auth.sigv4 import Credentials

CredentialFunction = Callable[[], Mapping[str, Any] | Coroutine[Any, Any, Mapping[str, Any]]]
"""A function that gives credentials, at once or awaited."""

_MARGIN = timedelta(minutes=5)


class CallableCredentials:
    """Credentials that a function gives, and gives anew before they expire."""

    never_expires = False

    def __init__(self, function: CredentialFunction, provider: str) -> None:
        self._function = function
        self._provider = provider
        self._lock = threading.Lock()
        self._current: Credentials | None = None
        self._renew_at: datetime | None = None

    def get(self) -> Credentials | None:
        """Return what the function gave last, or gives now.

        Raises:
            InvalidSetting: It gave something that is no credentials.
            Unauthenticated: It failed. An error of Buckia's that it raises goes on as it is.
        """
        with self._lock:
            now = datetime.now(UTC)
            if self._current is None or (self._renew_at is not None and now >= self._renew_at):
                self._current = self._parse(self._call())
                expires = self._current.expires_at
                # Half of what is left, where less than twice the margin is: it may give no longer ones.
                self._renew_at = None if expires is None else max(expires - _MARGIN, now + (expires - now) / 2)
            return self._current

    def region(self) -> str | None:
        """Return nothing: a function tells no region."""
        return None

    def endpoint_url(self) -> str | None:
        """Return nothing: a function tells no address."""
        return None

    def _call(self) -> object:
        try:
            given = self._function()
            if not inspect.iscoroutine(given):
                return given
            # This thread may have a loop that is running already.
            with ThreadPoolExecutor(1, thread_name_prefix="buckia-s3-credentials") as pool:
                return pool.submit(asyncio.run, given).result()
        except (BuckiaError, MemoryError):
            raise
        except Exception as error:
            # Its message may hold a secret.
            raise Unauthenticated(
                f"the credential provider {self._name} failed with {type(error).__name__}", provider=self._provider
            ) from error

    def _parse(self, given: object) -> Credentials:
        if not isinstance(given, Mapping):
            raise self._invalid("returned no mapping")
        key, secret, token = (given.get(name) for name in ("access_key_id", "secret_access_key", "token"))
        if not isinstance(key, str) or not isinstance(secret, str) or not key or not secret:
            raise self._invalid("gave no access_key_id and secret_access_key")
        if not isinstance(token, str | None):
            raise self._invalid("gave a token that is no text")
        expires = given.get("expires_at")
        if not isinstance(expires, datetime | None) or (expires is not None and expires.tzinfo is None):
            raise self._invalid("gave an expires_at that is no datetime with a time zone")
        return Credentials(key, secret, token, expires)

    def _invalid(self, what: str) -> InvalidSetting:
        return InvalidSetting(
            f"the credential provider {self._name} {what}; see the setting credential_provider for what it must return"
        )

    @property
    def _name(self) -> str:
        function = self._function
        return str(getattr(function, "__qualname__", type(function).__qualname__))


def load_function(named: object) -> CredentialFunction:
    """Return the function, of one or of its name as `module:function`.

    Raises:
        InvalidSetting: The module can't be imported, or has no such function.
    """
    if callable(named):
        return cast("CredentialFunction", named)
    module, _, path = str(named).partition(":")
    try:
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise InvalidSetting(f"setting 'credential_provider': {named} can't be found: {error}") from error
    if not callable(found):
        raise InvalidSetting(f"setting 'credential_provider': {named} is no function")
    return cast("CredentialFunction", found)
