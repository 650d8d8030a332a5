"""Errors: the hierarchy of all exceptions that Buckia raises.

An adapter translates the errors of its SDK to subclasses of `AdapterError`, in one module, and raises them `from` the
original. Servers may repeat secrets of a request in their messages, so each message is redacted by `BuckiaError.clean`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class BuckiaError(Exception):
    """Base class of all errors. The message is one line, without secrets and control characters."""

    clean: ClassVar[Callable[[str], str]] = staticmethod(str)
    """Redacts a message. `config.secrets.redaction` sets it, because this module can't import that one."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(BuckiaError.clean(each) if isinstance(each, str) else each for each in args))


# --- configuration ---------------------------------------------------------------------------------------


class ConfigError(BuckiaError):
    """The configuration is invalid. `source` is its origin: a file, a file and line, or an argument."""

    def __init__(self, message: str, *, source: str | None = None) -> None:
        super().__init__(f"{source}: {message}" if source else message)
        self.source = source


class UnknownSetting(ConfigError):
    """The configuration has an unknown key. The message suggests the closest setting."""


class InvalidSetting(ConfigError):
    """The value of a setting has the wrong type or format."""


class MissingCredentials(ConfigError):
    """The provider needs credentials, and none of its sources has any."""


class BucketNotConfigured(ConfigError):
    """The configuration has no bucket of this name."""


# --- plugins ---------------------------------------------------------------------------------------------


class PluginError(BuckiaError):
    """A plugin can't be used."""


class AdapterNotInstalled(PluginError):
    """No installed package registers the provider."""


class AdapterBroken(PluginError):
    """The package that registers the provider is installed, but fails to load."""


# --- adapters --------------------------------------------------------------------------------------------


class AdapterError(BuckiaError):
    """A call to a provider failed.

    Args:
        message: The message for the user, without secrets.
        provider: The provider's id, as in the configuration.
        key: The key of the call, if it had one.
        status: HTTP status; `None` without a response.
        request_id: The provider's id of the request, for its support; redacted like the message.
        retryable: Whether the same call may succeed later. Defaults to that of the class.
        retry_after: Seconds to wait, if the provider sent them.
        code: The provider's error code, such as `NoSuchKey`; empty if it sent none.
    """

    default_retryable = False

    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        key: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
        code: str = "",
    ) -> None:
        super().__init__(message)
        self.message = str(self)
        self.provider = provider
        self.key = key
        self.status = status
        self.request_id = request_id and BuckiaError.clean(request_id)
        self.retryable = self.default_retryable if retryable is None else retryable
        self.retry_after = retry_after
        self.code = BuckiaError.clean(code)

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only arguments do not survive the default reduction, and operations travel between processes.
        return _rebuild_adapter_error, (type(self), self.args[0], self._details())

    def _details(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "key": self.key,
            "status": self.status,
            "request_id": self.request_id,
            "retryable": self.retryable,
            "retry_after": self.retry_after,
            "code": self.code,
        }


def _rebuild_adapter_error(cls: type[AdapterError], message: str, details: dict[str, Any]) -> AdapterError:
    return cls(message, **details)


class NotFound(AdapterError):
    """The object does not exist; `key` names it."""


class BucketNotFound(NotFound):
    """The bucket itself does not exist, so nothing is known about its objects. `key` is `None`."""


class AlreadyExists(AdapterError):
    """The object, file or bucket to create exists already."""


class PreconditionFailed(AdapterError):
    """The object is not in the expected state. Nothing was changed."""


class PermissionDenied(AdapterError):
    """The credentials are valid, but do not allow the call; or the file system denies access."""


class Unauthenticated(AdapterError):
    """The provider rejects the credentials."""


class InvalidKey(AdapterError):
    """The provider or the file system can't hold the key."""


class NotSupported(AdapterError):
    """The provider, as configured, does not support the operation."""


class IntegrityError(AdapterError):
    """The received content does not match its digest."""

    default_retryable = True


class Throttled(AdapterError):
    """Too many requests. `retry_after` is the time to wait, if the provider sent it."""

    default_retryable = True


class Transient(AdapterError):
    """Temporary failure of the network or the server."""

    default_retryable = True


class CorruptDatabase(BuckiaError):
    """SQLite finds damage in a database, so it does not replace a sound one. Both versions are kept."""


# --- a run -----------------------------------------------------------------------------------------------


class UnsafePlan(BuckiaError):
    """The safety guard refused the plan. Nothing was changed."""


class SideEmptied(UnsafePlan):
    """One side had entries at the last sync and has none now, or its root is missing."""


class TooManyDeletes(UnsafePlan):
    """The plan would delete more files or objects than the guard allows."""


class TooManyOverwrites(UnsafePlan):
    """The plan would overwrite more objects than the guard allows, and their old versions would be lost."""


class UnresolvedConflicts(BuckiaError):
    """Conflicts are undecided. `keys` has their keys."""

    def __init__(self, message: str, keys: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.keys = tuple(keys)


class StateError(BuckiaError):
    """The state can't be read or written, such as on a full disk. It is never discarded."""


class StateDenied(StateError):
    """The system denies access to the state: files of another user, or a read-only disk."""


class LockHeld(BuckiaError):
    """Another sync of the same project and bucket is running."""


class SyncIncomplete(BuckiaError):
    """A run ended, but operations failed. `report` is its result."""

    def __init__(self, message: str, report: Any) -> None:
        super().__init__(message)
        self.report = report
