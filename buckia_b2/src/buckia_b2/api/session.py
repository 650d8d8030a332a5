"""The account behind an application key: what the key may do, where its requests go, and a token that is renewed."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from buckia_b2.api.transport import Transport
from buckia_b2.errors import LOCKED, PROVIDER, B2ResponseError, translate_error, unauthenticated
from buckia_b2.settings import B2Settings, Encryption
from buckia_core.adapters.service import json_fields as fields
from buckia_core.adapters.service.redirects import check_service_address
from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.config.secrets.references import Secret
from buckia_core.errors import AdapterError, InvalidSetting, PermissionDenied

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
    "update_bucket": "writeBuckets",
    "create_key": "writeKeys",
    "list_keys": "listKeys",
    "delete_key": "deleteKeys",
}
"""The capability that a call needs, by its name in b2sdk's raw API."""

_DOMAINS = ("backblazeb2.com", "backblaze.com")
"""Where Backblaze's own hosts are: those of the API and of downloads, and those that uploads go to."""

_OWN_S3 = re.compile(r"https://s3\.([a-z0-9-]+)\.backblazeb2\.com")


@dataclass(frozen=True, slots=True)
class Authorization:
    """What B2 said when the key was shown.

    Attributes:
        account_id: Id of the account.
        token: Goes with each request, for a day at most.
        api_url, download_url, s3_url: Where requests go.
        capabilities: What the key may do.
        name_prefix: What the names of files begin with that it may touch; `None` if all.
        buckets: Ids and names of the buckets that it may touch, a name empty where it is not told; `None` if all.
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
        # As long as this lives, the token stays out of messages, whoever repeats it.
        object.__setattr__(self, "_secret", Secret(self.token))

    @classmethod
    def of(cls, answer: Any, api_url: str) -> Authorization:
        """Read the answer to `b2_authorize_account` of the service at `api_url`.

        Raises:
            LookupError, TypeError, ValueError: It is none, or sends requests to another service.
        """
        storage = fields.mapping(fields.mapping(answer, "apiInfo"), "storageApi")
        allowed = fields.mapping(storage, "allowed")
        buckets = None if allowed.get("buckets") is None else fields.entries(allowed, "buckets")

        def address(name: str) -> str:
            return check_service_address(storage[name], configured=api_url, domains=_DOMAINS)

        return cls(
            account_id=fields.string(answer, "accountId"),
            token=fields.token(answer, "authorizationToken"),
            api_url=address("apiUrl"),
            download_url=address("downloadUrl"),
            s3_url=address("s3ApiUrl"),
            capabilities=frozenset(fields.strings(allowed, "capabilities")),
            name_prefix=fields.string_or_none(allowed, "namePrefix") or None,
            buckets=None
            if buckets is None
            else tuple((fields.string(each, "id"), fields.string_or_none(each, "name") or "") for each in buckets),
        )

    @property
    def region(self) -> str | None:
        """The account's region; `None` where the address of the S3 API does not name one."""
        found = _OWN_S3.fullmatch(self.s3_url)
        return found[1] if found else None


class B2Session:
    """Calls with the token of one application key. The key is shown at the first one, and when its token is worn."""

    def __init__(self, settings: B2Settings, prefix: str = "", counter: RequestCounter | None = None) -> None:
        from b2sdk.v3 import B2RawHTTPApi  # noqa: PLC0415  # it takes a quarter of a second

        self._settings = settings
        self._prefix = prefix
        self.counter = counter or RequestCounter()
        self.transport = Transport(settings, self.counter.add)
        self.raw = B2RawHTTPApi(self.transport)
        self._lock = threading.Lock()
        self._authorization: Authorization | None = None

    @property
    def requests(self) -> int:
        """Requests so far."""
        return self.counter.total

    def authorization(self) -> Authorization:
        """Return what is known of the key; the first time, at the cost of a request.

        Raises:
            Unauthenticated: Backblaze does not accept the key.
            AdapterError: It could not be asked.
        """
        with self._lock:
            if self._authorization is None:
                self._authorization = self._sign_in()
            return self._authorization

    def call(self, name: str, *arguments: Any, doing: str, key: str | None = None, **options: Any) -> Any:
        """Make a call of b2sdk's raw API with address and token, and return its answer.

        Args:
            name: The method of the raw API.
            *arguments: What it takes after the token.
            doing: What for, for errors.
            key: The object that it is about, for errors.
            **options: What else it takes.

        Raises:
            AdapterError: It failed.
        """
        method = getattr(self.raw, name)
        return self.signed(
            lambda signed: method(signed.api_url, signed.token, *arguments, **options),
            needs=_NEEDS.get(name, ""),
            doing=doing,
            key=key,
        )

    def signed(self, request: Callable[[Authorization], T], *, needs: str, doing: str, key: str | None = None) -> T:
        """Make a request, once more with a new token if it is refused for its token; return what it returns.

        `needs` is the capability that it takes. Errors are those of `call`.
        """
        used = self.authorization()
        try:
            try:
                return request(used)
            except B2ResponseError as refusal:
                if not refusal.worn:
                    raise
                used = self._renewed(used)
                return request(used)
        except (AdapterError, MemoryError):
            raise
        except Exception as error:
            host = urlsplit(used.api_url).netloc
            raise translate_error(error, doing=doing, key=key, host=host, why=self._why(used, needs, error)) from error

    def why_not_written(self, refusal: B2ResponseError) -> str:
        """Return what does not allow an upload, as far as that can be told from here."""
        return self._why(self.authorization(), "writeFiles", refusal)

    def upload_address(self, answer: Any) -> tuple[str, str]:
        """Return the address and the token of an answer that tells where an upload goes.

        Raises:
            LookupError, TypeError, ValueError: It is none, or sends the upload to another service.
        """
        address = check_service_address(answer["uploadUrl"], configured=self._settings.api_url, domains=_DOMAINS)
        return address, fields.token(answer, "authorizationToken")

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()

    def _renewed(self, used: Authorization) -> Authorization:
        """Return another authorization than the one that was used. Of many threads, one asks for it."""
        with self._lock:
            if self._authorization is None or self._authorization.token == used.token:
                self._authorization = self._sign_in()
            return self._authorization

    def _sign_in(self) -> Authorization:
        wanted = self._settings
        key_id, key = wanted.application_key_id.reveal(), wanted.application_key.reveal()
        realm = wanted.api_url.rstrip("/")
        try:
            found = Authorization.of(self.raw.authorize_account(realm, key_id, key), realm)
        except B2ResponseError as refusal:
            raise unauthenticated(refusal) from refusal
        except (LookupError, RecursionError, TypeError, ValueError) as error:
            words = f"{urlsplit(realm).netloc} did not answer as B2 does: check api_url"
            raise AdapterError(f"signing in: {words} ({error})", provider=PROVIDER) from error
        except MemoryError:
            raise
        except Exception as error:
            raise translate_error(error, doing="signing in", host=urlsplit(realm).netloc) from error
        if wanted.region is not None and found.region not in (None, wanted.region):
            raise InvalidSetting(f"region is {wanted.region}, but the account of the key is in {found.region}")
        return found

    def _why(self, used: Authorization, needs: str, error: Exception) -> str:
        """Return what does not allow a call, as far as that can be told from here."""
        if needs and needs not in used.capabilities:
            return f"the application key lacks the capability {needs}"
        if used.name_prefix is not None and not self._prefix.startswith(used.name_prefix):
            words = f"the application key is for names that begin with {used.name_prefix!r}"
            return f"{words}: set `prefix` to it, or to something below it"
        wanted = self._settings
        if needs == "writeFiles":
            for setting, capability in (
                (wanted.object_lock_mode, "writeFileRetentions"),
                (wanted.object_lock_legal_hold, "writeFileLegalHolds"),
            ):
                if setting and capability not in used.capabilities:
                    return f"the application key lacks the capability {capability}, which object locks need"
        if needs == "deleteFiles" and isinstance(error, B2ResponseError) and error.code == "access_denied":
            return LOCKED
        forbidden = isinstance(error, B2ResponseError) and error.status == 403
        if needs == "readFiles" and forbidden and wanted.server_side_encryption is Encryption.CUSTOMER:
            return "sse_customer_key_base64 is not the key that the object is encrypted with"
        return ""


def bucket_not_allowed(used: Authorization, name: str) -> PermissionDenied:
    """Return the error for a bucket that the key is not for."""
    named = ", ".join(repr(known or each) for each, known in used.buckets or ())
    words = f"the application key is not for the bucket {name!r}, but for {named}"
    return PermissionDenied(words, provider=PROVIDER)
