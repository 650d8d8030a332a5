"""Credentials from a function.

    def my_credentials():
        return {"access_key_id": "…", "secret_access_key": "…", "token": None, "expires_at": None}

It may be a coroutine function. `token` is optional. `expires_at` is an aware `datetime`, or `None` for credentials that
never expire; the function is called again before that time.
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
from buckia_s3.auth.sigv4 import CredentialProvider, Credentials

CredentialFunction = Callable[[], Mapping[str, Any] | Coroutine[Any, Any, Mapping[str, Any]]]
"""A function or coroutine function that returns credentials."""

_MARGIN = timedelta(minutes=5)


class CallableCredentials(CredentialProvider):
    """CallableCredentials: calls a function, and calls it again before the credentials expire."""

    def __init__(self, function: CredentialFunction, provider: str) -> None:
        self._function = function
        self._provider = provider
        self._lock = threading.Lock()
        self._current: Credentials | None = None
        self._renew_at: datetime | None = None

    def get(self) -> Credentials | None:
        """Return the cached or new credentials.

        Raises:
            InvalidSetting: The function returned something else than credentials.
            Unauthenticated: The function failed. Errors of Buckia are passed on unchanged.
        """
        with self._lock:
            now = datetime.now(UTC)
            if self._current is None or (self._renew_at is not None and now >= self._renew_at):
                self._current = self._parse(self._call())
                expires = self._current.expires_at
                # For short lifetimes, renew after half of the time instead of calling the function for each request.
                self._renew_at = None if expires is None else max(expires - _MARGIN, now + (expires - now) / 2)
            return self._current

    def _call(self) -> object:
        try:
            given = self._function()
            if not inspect.iscoroutine(given):
                return given
            # This thread may already run an event loop.
            with ThreadPoolExecutor(1, thread_name_prefix="buckia-s3-credentials") as pool:
                return pool.submit(asyncio.run, given).result()
        except (BuckiaError, MemoryError):
            raise
        except Exception as error:
            # The message of the exception may contain a secret.
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
            raise self._invalid("gave a token that is not a text")
        expires = given.get("expires_at")
        if not isinstance(expires, datetime | None) or (expires is not None and expires.tzinfo is None):
            raise self._invalid("gave an expires_at that is not a datetime with a time zone")
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
    """Return the function for a callable or a name like `module:function`.

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
        raise InvalidSetting(f"setting 'credential_provider': {named} is not a function")
    return cast("CredentialFunction", found)
