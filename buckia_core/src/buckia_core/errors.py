"""Every error that Buckia raises on purpose, in one tree.

Adapters translate the errors of their SDK into the `AdapterError` branch, in one place, and raise `from`
the original. Servers may repeat in a message what they were sent, so each message passes `BuckiaError.clean`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class BuckiaError(Exception):
    """Base of all errors of Buckia. Its message is one line, without secrets and without control characters."""

    clean: ClassVar[Callable[[str], str]] = staticmethod(str)
    """Takes secrets out of a message. `config.secrets.redaction` puts it here, which stands above this module."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(BuckiaError.clean(each) if isinstance(each, str) else each for each in args))


# --- configuration ---------------------------------------------------------------------------------------


class ConfigError(BuckiaError):
    """The configuration can't be used. `source` says where it stands: a file, a file and line, or an argument."""

    def __init__(self, message: str, *, source: str | None = None) -> None:
        super().__init__(f"{source}: {message}" if source else message)
        self.source = source


class UnknownSetting(ConfigError):
    """A key that no setting has; the message names the nearest one that exists."""


class InvalidSetting(ConfigError):
    """A setting whose value has the wrong type or shape."""


class MissingCredentials(ConfigError):
    """The provider needs credentials, and none were found in any place that it looks at."""


class BucketNotConfigured(ConfigError):
    """A bucket was named that the configuration does not have."""


# --- plugins ---------------------------------------------------------------------------------------------


class PluginError(BuckiaError):
    """A plugin can't be used."""


class AdapterNotInstalled(PluginError):
    """No installed package registers the provider."""


class AdapterBroken(PluginError):
    """The package that registers the provider is there, but fails when it is loaded."""


# --- adapters --------------------------------------------------------------------------------------------


class AdapterError(BuckiaError):
    """A call to a provider failed.

    Args:
        message: What happened, in words for a person; without secrets.
        provider: The provider's id, as in the configuration.
        key: The key the call was about, where it was about one.
        status: HTTP status, or `None` where there was no answer.
        request_id: The provider's own id of the request, for its support; cleaned like the message.
        retryable: Whether the same call may succeed later. Defaults to what the class says.
        retry_after: Seconds that the provider asked to wait.
        code: The provider's own name of the error, such as `NoSuchKey`; empty where it told none.
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
    """The bucket or the object does not exist."""


class AlreadyExists(AdapterError):
    """Something of that name exists where a new one was to be made."""


class PreconditionFailed(AdapterError):
    """The object is not in the state that the call expected; nothing was changed."""


class PermissionDenied(AdapterError):
    """The credentials are good, but do not allow this; or the disk refuses."""


class Unauthenticated(AdapterError):
    """The provider does not accept the credentials."""


class InvalidKey(AdapterError):
    """The provider, or the disk, can't hold this key."""


class NotSupported(AdapterError):
    """The provider, as configured, can't do this at all."""


class IntegrityError(AdapterError):
    """Bytes arrived that are not the bytes that were sent."""

    default_retryable = True


class Throttled(AdapterError):
    """Too many requests; `retry_after` says how long to wait where the provider told."""

    default_retryable = True


class Transient(AdapterError):
    """A fault of the network or of the server that may pass."""

    default_retryable = True


# --- a run -----------------------------------------------------------------------------------------------


class UnsafePlan(BuckiaError):
    """A safety guard refused the plan. Nothing was changed."""


class SideEmptied(UnsafePlan):
    """One side had entries at the last sync and has none now, or its root is missing."""


class TooManyDeletes(UnsafePlan):
    """The plan would delete more than the guard allows."""


class TooManyOverwrites(UnsafePlan):
    """The plan would overwrite more objects than the guard allows, and nothing keeps their old versions."""


class UnresolvedConflicts(BuckiaError):
    """Keys are left on which a person has to decide; `keys` names them."""

    def __init__(self, message: str, keys: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.keys = tuple(keys)


class StateError(BuckiaError):
    """The state of past syncs can't be read or written, such as on a full disk. Nothing of it is thrown away."""


class StateDenied(StateError):
    """The system does not allow to read or write the state: another user's files, or a read-only disk."""


class LockHeld(BuckiaError):
    """Another sync of the same project and bucket is running."""


class SyncIncomplete(BuckiaError):
    """A run finished, but something in it failed; `report` says what."""

    def __init__(self, message: str, report: Any) -> None:
        super().__init__(message)
        self.report = report
