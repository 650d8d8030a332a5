"""Server probe: finds out whether the server supports conditional writes, keeps versions, and verifies content."""

from __future__ import annotations

import hashlib
import re
import threading
from contextlib import suppress
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition
from buckia_core.adapters.transfers.retry import retry_call
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import (
    AdapterError,
    BucketNotFound,
    IntegrityError,
    NotSupported,
    PreconditionFailed,
    Throttled,
    Unauthenticated,
)
from buckia_core.http.blocking import in_thread
from buckia_s3.auth.sigv4 import EMPTY_SHA256
from buckia_s3.config.fields import ConditionalWrites
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.client import Request, S3Client
from buckia_s3.http.endpoint import is_aws
from buckia_s3.objects.etags import etag_from_fingerprint, etag_is_not_md5, is_md5, unquote_etag

if TYPE_CHECKING:
    from buckia_s3.operations.probe_objects import Probes

log = redacted_logger(__name__)

_WRONG_ETAG = '"00000000000000000000000000000000"'
_ENABLED = re.compile(rb"<Status>\s*Enabled\s*</Status>")


class IfMatchSupport(Enum):
    """In which form a server accepts the ETag of `If-Match` in a PUT."""

    NONE = "the server ignores conditions, or refuses all of them"
    QUOTED = "in quotes, as HTTP specifies"
    UNQUOTED = "without quotes; Ceph 16 refuses a quoted ETag even if it matches"


class ServerFeatures(NamedTuple):
    """What the server supports.

    Attributes:
        conditional_write: A write fails if its condition does not hold, and succeeds if it does.
        versions: Overwritten and deleted objects are kept as versions.
    """

    conditional_write: bool
    versions: bool


class _Refused(Exception):
    """The server refused a probe, as expected."""


class ServerProbe:
    """ServerProbe: finds out once what the server supports, caches it, and builds the headers of conditions.

    Attributes:
        compares_content: Whether the server is known to refuse a body that does not match its signed SHA-256.
        etags_are_md5: Whether ETags that look like MD5s are the MD5 of the content; `None` if unknown.
    """

    def __init__(self, settings: S3Settings, client: S3Client, prefix: str) -> None:
        self._client = client
        self._settings = settings
        self._prefix = prefix
        self._lock = threading.Lock()
        self._setting = settings.conditional_writes
        self._retry_policy = settings.retry_config.policy
        self._versions: bool | None = None
        self._if_match: IfMatchSupport | None = None
        if self._setting is ConditionalWrites.OFF:
            self._if_match = IfMatchSupport.NONE
        elif is_aws(settings):
            self._if_match = IfMatchSupport.QUOTED
        self.compares_content = is_aws(settings) and not (settings.unsigned_payload or settings.skip_signature)
        # Ceph and others accept conditions on CompleteMultipartUpload, and silently ignore them.
        self._conditional_completion = self._if_match is IfMatchSupport.QUOTED
        self.etags_are_md5: bool | None = None

    @cached_property
    def _probes(self) -> Probes:
        from buckia_s3.operations.probe_objects import Probes  # noqa: PLC0415  # most runs write nothing

        return Probes(self._settings, self._client, self._prefix)

    @property
    def known(self) -> ServerFeatures:
        """The features known so far; an unknown one counts as missing. Sends no request."""
        return ServerFeatures(self._if_match not in (None, IfMatchSupport.NONE), bool(self._versions))

    def probe(self) -> ServerFeatures:
        """Find out all features that are not known yet.

        Raises:
            AdapterError: A request failed without showing whether the server supports the feature.
        """
        self._ensure_probed()
        with self._lock:
            self._is_versioned()
        return self.known

    def condition_headers(self, expect: Precondition | None, key: str) -> dict[str, str]:
        """Return the headers that make a PUT conditional; none if the caller has to check with a HEAD instead.

        The first call with a precondition probes the server.

        Raises:
            NotSupported: The server does not support conditions, and `conditional_writes` is `on`.
        """
        if expect is None:
            return {}
        support = self._ensure_probed()
        if support is IfMatchSupport.NONE and self._setting is ConditionalWrites.ON:
            message = "the server does not honour conditions of writes, and the setting `conditional_writes` is on"
            raise NotSupported(f"{key!r}: {message}", provider=self._client.provider, key=key)
        match expect:
            case _ if support is IfMatchSupport.NONE:
                return {}
            case IfAbsent():
                return {"If-None-Match": "*"}
            case IfUnchanged(seen):
                etag = etag_from_fingerprint(seen.fingerprint)
                if etag is None:
                    return {}
                return {"If-Match": seen.fingerprint if support is IfMatchSupport.UNQUOTED else etag}

    async def condition_headers_async(self, expect: Precondition | None, key: str) -> dict[str, str]:
        """Return the same as `condition_headers`, with its errors; on an event loop, a thread probes the server."""
        if expect is not None and self._if_match is None:
            await in_thread(self._ensure_probed)
        return self.condition_headers(expect, key)

    def completion_headers(self, expect: Precondition | None, key: str) -> dict[str, str]:
        """Return the headers that make CompleteMultipartUpload or CopyObject conditional. See `condition_headers`."""
        return self.condition_headers(expect, key) if self._conditional_completion else {}

    def _ensure_probed(self) -> IfMatchSupport:
        if self._if_match is None:
            with self._lock:
                if self._if_match is None:
                    self._if_match = self._determine_support()
        return self._if_match

    def _determine_support(self) -> IfMatchSupport:
        """Probe the server, unless a probe could not be deleted afterwards."""
        if self._probes.would_remain(versions=self._is_versioned()):
            log.info("%s: no probe is written where it can't be deleted", self._client.host)
            # With `conditional_writes: on`, the user says that the server supports them.
            return IfMatchSupport.QUOTED if self._setting is ConditionalWrites.ON else IfMatchSupport.NONE
        # Another run may delete the probe in between, which looks as if the server ignored conditions: try twice.
        return next(
            (found for _ in range(2) if (found := self._probe_conditions()) is not IfMatchSupport.NONE),
            IfMatchSupport.NONE,
        )

    def _probe_conditions(self) -> IfMatchSupport:
        key = self._probes.new_key()
        try:
            # There are half a dozen requests, so each of them is retried on its own.
            request = self._probes.request(key)
            written = retry_call(lambda: self._client.send(request), self._retry_policy)
        except AdapterError as error:
            if _is_inconclusive(error) or isinstance(error, Unauthenticated | BucketNotFound):
                raise
            # If writing is not permitted, the upload itself reports it.
            log.info("%s takes no probe: %s", self._client.host, error)
            return IfMatchSupport.NONE
        try:
            etag = unquote_etag(written.headers.get("ETag"))
            if is_md5(etag) and not etag_is_not_md5(written.headers):
                self.etags_are_md5 = etag == hashlib.md5(self._probes.content, usedforsecurity=False).hexdigest()
            self.compares_content = self._refuses(key, {}, sha256=EMPTY_SHA256)
            if not self._refuses(key, {"If-None-Match": "*"}) or not self._refuses(key, {"If-Match": _WRONG_ETAG}):
                return IfMatchSupport.NONE
            if not self._refuses(key, {"If-Match": f'"{etag}"'}):
                return IfMatchSupport.QUOTED
            return IfMatchSupport.NONE if self._refuses(key, {"If-Match": etag}) else IfMatchSupport.UNQUOTED
        finally:
            with suppress(AdapterError):
                self._probes.remove(key)

    def _refuses(self, key: str, headers: dict[str, str], sha256: str | None = None) -> bool:
        """Send a PUT that should fail; tell whether the server refused its condition, or its content."""
        request = self._probes.request(key, headers, sha256)
        try:
            retry_call(lambda: self._send_probe(request), self._retry_policy)
        except _Refused:
            return True
        except AdapterError as error:
            if _is_inconclusive(error):
                raise
            log.info("%s does not take conditional writes: %s", self._client.host, error)
        return False

    def _send_probe(self, request: Request) -> None:
        try:
            self._client.send(request)
        except (PreconditionFailed, IntegrityError) as error:
            # IntegrityError is retryable, but a probe with a wrong digest must not be retried.
            raise _Refused from error

    def _is_versioned(self) -> bool:
        if self._versions is None:
            request = Request("GET", query=(("versioning", ""),), action="reading the versioning state")
            try:
                response = retry_call(lambda: self._client.send(request), self._retry_policy)
                self._versions = _ENABLED.search(response.body) is not None
            except AdapterError as error:
                if _is_inconclusive(error):
                    raise
                self._versions = False
        return self._versions


def _is_inconclusive(error: AdapterError) -> bool:
    """Tell whether an error leaves the question open: there was no response, or the server throttled the request."""
    return error.retryable and (error.status is None or isinstance(error, Throttled))
