"""Session: the authorization of an application key, and API calls that renew an expired token."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from buckia_b2.api.raw_calls import RawCalls
from buckia_b2.api.single_flight import SingleFlight
from buckia_b2.api.transport import Transport
from buckia_b2.errors import LOCKED, PROVIDER, B2ResponseError, translate_error, unauthenticated
from buckia_b2.settings import B2Settings, Encryption
from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.service.redirects import check_service_address
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, BuckiaError, InvalidSetting, PermissionDenied
from buckia_core.http.blocking import run_blocking
from buckia_core.http.errors import LocalFileError

T = TypeVar("T")

_NEEDS = {
    "list_file_names": "listFiles",
    "list_file_versions": "listFiles",
    "list_unfinished_large_files": "listFiles",
    "get_file_info_by_id": "readFiles",
    "hide_file": "writeFiles",
    "get_upload_url": "writeFiles",
    "get_upload_part_url": "writeFiles",
    "start_large_file": "writeFiles",
    "finish_large_file": "writeFiles",
    "cancel_large_file": "writeFiles",
    "list_parts": "writeFiles",
    "copy_file": "writeFiles",
    "copy_part": "writeFiles",
    "delete_file_version": "deleteFiles",
    "get_download_authorization": "shareFiles",
    "list_buckets": "listBuckets",
    "create_bucket": "writeBuckets",
    "update_bucket": "writeBuckets",
    "delete_bucket": "deleteBuckets",
    "create_key": "writeKeys",
    "list_keys": "listKeys",
    "delete_key": "deleteKeys",
}
"""The capability that a call needs, by its name in `RawCalls`."""

_DOMAINS = ("backblazeb2.com", "backblaze.com")
"""Domains of Backblaze's hosts for the API, downloads and uploads."""

_OWN_S3 = re.compile(r"https://s3\.([a-z0-9-]+)\.backblazeb2\.com")


@dataclass(frozen=True, slots=True)
class Authorization:
    """Response to `b2_authorize_account`.

    Attributes:
        account_id: Id of the account.
        token: Authorization token, valid for up to a day.
        api_url, download_url, s3_url: Endpoints of the account.
        capabilities: Capabilities of the key.
        name_prefix: Prefix that the key is restricted to; `None` if it is not.
        buckets: Ids and names of the buckets that the key is restricted to, a name empty where B2 reports none; `None`
            if it is not restricted.
    """

    account_id: str
    token: str = field(repr=False)
    api_url: str
    download_url: str
    s3_url: str
    capabilities: frozenset[str]
    name_prefix: str | None
    buckets: tuple[tuple[str, str], ...] | None
    _secret: Secret = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Registers the token, so that it is redacted in messages.
        object.__setattr__(self, "_secret", Secret(self.token))

    @classmethod
    def from_response(cls, response: Any, api_url: str) -> Authorization:
        """Parse the response to `b2_authorize_account` of the service at `api_url`.

        Raises:
            LookupError, TypeError, ValueError: It is malformed, or names endpoints of another service.
        """
        storage = fields.mapping(fields.mapping(response, "apiInfo"), "storageApi")
        allowed = fields.mapping(storage, "allowed")
        buckets = None if allowed.get("buckets") is None else fields.entries(allowed, "buckets")

        def endpoint(name: str) -> str:
            return check_service_address(storage[name], configured=api_url, domains=_DOMAINS)

        return cls(
            account_id=fields.string(response, "accountId"),
            token=fields.token(response, "authorizationToken"),
            api_url=endpoint("apiUrl"),
            download_url=endpoint("downloadUrl"),
            s3_url=endpoint("s3ApiUrl"),
            capabilities=frozenset(fields.strings(allowed, "capabilities")),
            name_prefix=fields.string_or_none(allowed, "namePrefix") or None,
            buckets=None
            if buckets is None
            else tuple((fields.string(each, "id"), fields.string_or_none(each, "name") or "") for each in buckets),
        )

    @property
    def region(self) -> str | None:
        """Region of the account; `None` where the S3 endpoint does not name one."""
        found = _OWN_S3.fullmatch(self.s3_url)
        return found[1] if found else None


class B2Session:
    """API calls with one application key, which is sent on the first call and when its token expires. Thread-safe.

    The coroutines run on an event loop or without one; `authorization` and `call` are the same for threads.
    """

    def __init__(self, settings: B2Settings, prefix: str = "", counter: RequestCounter | None = None) -> None:
        self._settings = settings
        self._prefix = prefix
        self.counter = counter or RequestCounter()
        self.transport = Transport(settings, self.counter)
        self.raw = RawCalls(self.transport)
        self._signing_in: SingleFlight[Authorization] = SingleFlight()
        self._authorization: Authorization | None = None

    @property
    def requests(self) -> int:
        """Number of requests so far."""
        return self.counter.total

    def authorization(self) -> Authorization:
        """Return the authorization of the key. The first call costs a request.

        Raises:
            Unauthenticated: Backblaze does not accept the key.
            AdapterError: The request failed.
        """
        return self._authorization or run_blocking(self.authorization_async())

    async def authorization_async(self, expired: Authorization | None = None) -> Authorization:
        """Return the authorization of the key, but not an expired one. Raises the same errors as `authorization`.

        One of many callers requests it.
        """
        found = self._authorization
        if found is not None and (expired is None or found.token != expired.token):
            return found
        return await self._signing_in.run(partial(self._renew_authorization, expired))

    def call(self, name: str, *arguments: Any, action: str, key: str | None = None, **options: Any) -> Any:
        """Do what `call_async` does, in a thread without an event loop."""
        return run_blocking(self.call_async(name, *arguments, action=action, key=key, **options))

    async def call_async(self, name: str, *arguments: Any, action: str, key: str | None = None, **options: Any) -> Any:
        """Call a method of `RawCalls` with endpoint and token, and return the response.

        Args:
            name: The method.
            *arguments: Arguments after the token.
            action: What the call does, for error messages.
            key: Object that it concerns, for error messages.
            **options: Keyword arguments.

        Raises:
            AdapterError: The call failed.
        """
        method = getattr(self.raw, name)
        return await self.with_authorization(
            lambda authorization: method(authorization.api_url, authorization.token, *arguments, **options),
            needs=_NEEDS.get(name, ""),
            action=action,
            key=key,
        )

    async def with_authorization(
        self, request: Callable[[Authorization], Awaitable[T]], *, needs: str, action: str, key: str | None = None
    ) -> T:
        """Send a request with the current token, and once more with a new one if B2 rejects the token.

        `needs` is the capability that the request requires. Raises the same errors as `call_async`.
        """
        used = self._authorization or await self.authorization_async()
        try:
            try:
                return await request(used)
            except B2ResponseError as error:
                if not error.is_token_expired:
                    raise
                used = await self.authorization_async(used)
                return await request(used)
        except (BuckiaError, MemoryError):
            raise
        except LocalFileError as error:
            raise error.error from None
        except Exception as error:
            host, reason = urlsplit(used.api_url).netloc, self._find_denial_reason(used, needs, error)
            raise translate_error(error, action=action, key=key, host=host, reason=reason) from error

    async def upload_denial_reason(self, error: B2ResponseError) -> str:
        """Return why an upload was denied; empty if unknown."""
        return self._find_denial_reason(await self.authorization_async(), "writeFiles", error)

    def parse_upload_url(self, response: Any) -> tuple[str, str]:
        """Parse an upload URL and its token.

        Raises:
            LookupError, TypeError, ValueError: The response is malformed, or names a host of another service.
        """
        address = check_service_address(response["uploadUrl"], configured=self._settings.api_url, domains=_DOMAINS)
        return address, fields.token(response, "authorizationToken")

    def close(self) -> None:
        """Close the connections of threads."""
        self.transport.close()

    async def close_async(self) -> None:
        """Close the connections of the running event loop."""
        await self.transport.close_async()

    async def _renew_authorization(self, expired: Authorization | None) -> Authorization:
        found = self._authorization
        # Another caller may have renewed it a moment ago.
        if found is None or (expired is not None and found.token == expired.token):
            found = self._authorization = await self._authorize()
        return found

    async def _authorize(self) -> Authorization:
        settings = self._settings
        key_id, key = settings.application_key_id.reveal(), settings.application_key.reveal()
        realm = settings.api_url.rstrip("/")
        try:
            found = Authorization.from_response(await self.raw.authorize_account(realm, key_id, key), realm)
        except B2ResponseError as error:
            raise unauthenticated(error) from error
        except (LookupError, RecursionError, TypeError, ValueError) as error:
            message = f"{urlsplit(realm).netloc} did not respond as B2 does: check api_url"
            raise AdapterError(f"signing in: {message} ({error})", provider=PROVIDER) from error
        except (BuckiaError, MemoryError):
            raise
        except LocalFileError as error:
            raise error.error from None
        except Exception as error:
            raise translate_error(error, action="signing in", host=urlsplit(realm).netloc) from error
        if settings.region is not None and found.region not in (None, settings.region):
            raise InvalidSetting(f"region is {settings.region}, but the account of the key is in {found.region}")
        return found

    def _find_denial_reason(self, used: Authorization, needs: str, error: Exception) -> str:
        """Return why a call was denied; empty if unknown."""
        if needs and needs not in used.capabilities:
            return f"the application key lacks the capability {needs}"
        if used.name_prefix is not None and not self._prefix.startswith(used.name_prefix):
            message = f"the application key is for names that begin with {used.name_prefix!r}"
            return f"{message}: set `prefix` to it, or to something below it"
        settings = self._settings
        if needs == "writeFiles":
            for setting, capability in (
                (settings.object_lock_mode, "writeFileRetentions"),
                (settings.object_lock_legal_hold, "writeFileLegalHolds"),
            ):
                if setting and capability not in used.capabilities:
                    return f"the application key lacks the capability {capability}, which object locks need"
        if needs == "deleteFiles" and isinstance(error, B2ResponseError) and error.code == "access_denied":
            return LOCKED
        forbidden = isinstance(error, B2ResponseError) and error.status == 403
        if needs == "readFiles" and forbidden and settings.server_side_encryption is Encryption.CUSTOMER:
            return "sse_customer_key_base64 is not the key that the object is encrypted with"
        return ""


def bucket_not_allowed(used: Authorization, name: str) -> PermissionDenied:
    """Build the error for a bucket that the key is restricted from."""
    allowed = ", ".join(repr(bucket_name or bucket_id) for bucket_id, bucket_name in used.buckets or ())
    message = f"the application key is not for the bucket {name!r}, but for {allowed}"
    return PermissionDenied(message, provider=PROVIDER)
