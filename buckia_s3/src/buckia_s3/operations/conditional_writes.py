"""What only the server can tell: whether it honours conditions of writes, and whether it keeps versions."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition
from buckia_core.adapters.transfers.retry import retry_call
from buckia_core.errors import (
    AdapterError,
    IntegrityError,
    NotFound,
    NotSupported,
    PreconditionFailed,
    Throttled,
    Unauthenticated,
)
from buckia_s3.auth.sigv4 import EMPTY_SHA256
from buckia_s3.config.settings import ConditionalWrites, S3Settings
from buckia_s3.http.client import Request, S3Client
from buckia_s3.http.endpoint import is_aws
from buckia_s3.objects.etags import etag_from_fingerprint, hides_content, is_md5, unquoted
from buckia_s3.operations.probe_objects import PROBE_CONTENT, Probes

log = logging.getLogger(__name__)

_WRONG_ETAG = '"00000000000000000000000000000000"'
_ENABLED = re.compile(rb"<Status>\s*Enabled\s*</Status>")


class IfMatchSupport(Enum):
    """How a server takes the ETag of `If-Match` in a write."""

    NONE = "it ignores conditions, or refuses them all"
    QUOTED = "in quotes, as HTTP has it"
    UNQUOTED = "without quotes; Ceph 16 refuses what stands in quotes even where it is the right one"


@dataclass(frozen=True, slots=True)
class ServerFeatures:
    """What the server told.

    Attributes:
        conditional_write: A write whose condition does not hold is refused, and one whose condition holds is not.
        versions: What is overwritten or deleted is kept.
    """

    conditional_write: bool
    versions: bool


class _Refused(Exception):
    """The server refused a probe, as it should."""


class ConditionalWriteSupport:
    """Asks once, and remembers.

    Attributes:
        etags_are_md5: Whether ETags that look like MD5s are those of the content; `None` if nobody knows.
    """

    def __init__(self, settings: S3Settings, client: S3Client, prefix: str) -> None:
        self._client = client
        self._probes = Probes(settings, client, prefix)
        self._lock = threading.Lock()
        self._setting = settings.conditional_writes
        self._retry_policy = settings.retry_config.policy
        self._versions: bool | None = None
        self._if_match: IfMatchSupport | None = None
        if self._setting is ConditionalWrites.OFF:
            self._if_match = IfMatchSupport.NONE
        elif is_aws(settings):
            self._if_match = IfMatchSupport.QUOTED
        self._compares_content = is_aws(settings) and not (settings.unsigned_payload or settings.skip_signature)
        # Ceph and others take conditions on the completion of parts, and ignore them without a word.
        self._conditional_completion = self._if_match is IfMatchSupport.QUOTED
        self.etags_are_md5: bool | None = None

    @property
    def known(self) -> ServerFeatures:
        """What is known by now; what is not, is no."""
        return ServerFeatures(self._if_match not in (None, IfMatchSupport.NONE), bool(self._versions))

    @property
    def compares_content(self) -> bool:
        """Whether the server is known to refuse bytes that have another SHA-256 than they were announced with."""
        return self._compares_content

    def probe(self) -> ServerFeatures:
        """Find out what is not known yet.

        Raises:
            AdapterError: The server could not be asked.
        """
        self._ensure_probed()
        with self._lock:
            self._is_versioned()
        return self.known

    def headers(self, expect: Precondition | None, key: str) -> dict[str, str]:
        """Return the headers that make a write conditional; none if it has to be looked at before instead.

        Asks the server at the first condition.

        Raises:
            NotSupported: The server does not honour conditions, and the settings insist on it.
        """
        if expect is None:
            return {}
        honours = self._ensure_probed()
        if honours is IfMatchSupport.NONE and self._setting is ConditionalWrites.ON:
            words = "the server does not honour conditions of writes, and the setting `conditional_writes` is on"
            raise NotSupported(f"{key!r}: {words}", provider=self._client.provider, key=key)
        match expect:
            case _ if honours is IfMatchSupport.NONE:
                return {}
            case IfAbsent():
                return {"If-None-Match": "*"}
            case IfUnchanged(seen):
                etag = etag_from_fingerprint(seen.fingerprint)
                if etag is None:
                    return {}
                return {"If-Match": seen.fingerprint if honours is IfMatchSupport.UNQUOTED else etag}

    def completion_headers(self, expect: Precondition | None, key: str) -> dict[str, str]:
        """Return what `headers` does, for the completion of a multipart upload or for a copy."""
        return self.headers(expect, key) if self._conditional_completion else {}

    def _ensure_probed(self) -> IfMatchSupport:
        if self._if_match is None:
            with self._lock:
                if self._if_match is None:
                    self._if_match = self._determine_support()
        return self._if_match

    def _determine_support(self) -> IfMatchSupport:
        """Ask the server, unless a probe would stay there."""
        if self._probes.would_remain(versions=self._is_versioned()):
            log.info("%s: no probe is written where it can't be deleted", self._client.resolver.endpoint.authority)
            # Whoever insists on conditions knows the server.
            return IfMatchSupport.QUOTED if self._setting is ConditionalWrites.ON else IfMatchSupport.NONE
        # Another run may have swept the probe away in between, which looks as if conditions were ignored.
        return next(
            (found for _ in range(2) if (found := self._probe_conditions()) is not IfMatchSupport.NONE),
            IfMatchSupport.NONE,
        )

    def _probe_conditions(self) -> IfMatchSupport:
        key = self._probes.new_key()
        try:
            # One of half a dozen requests that fails must not cost the answers to the others.
            request = self._probes.request(key)
            written = retry_call(lambda: self._client.send(request), self._retry_policy)
        except AdapterError as error:
            if _is_inconclusive(error) or isinstance(error, Unauthenticated) or _is_missing_bucket(error):
                raise
            # Whoever may not write there will be told so by the upload itself.
            log.info("%s takes no probe: %s", self._client.resolver.endpoint.authority, error)
            return IfMatchSupport.NONE
        try:
            bare = unquoted(written.headers.get("ETag"))
            if is_md5(bare) and not hides_content(written.headers):
                self.etags_are_md5 = bare == hashlib.md5(PROBE_CONTENT, usedforsecurity=False).hexdigest()
            self._compares_content = self._is_refused(key, {}, sha256=EMPTY_SHA256)
            if not self._is_refused(key, {"If-None-Match": "*"}) or not self._is_refused(
                key, {"If-Match": _WRONG_ETAG}
            ):
                return IfMatchSupport.NONE
            if not self._is_refused(key, {"If-Match": f'"{bare}"'}):
                return IfMatchSupport.QUOTED
            return IfMatchSupport.NONE if self._is_refused(key, {"If-Match": bare}) else IfMatchSupport.UNQUOTED
        finally:
            with suppress(AdapterError):
                self._probes.remove(key)

    def _is_refused(self, key: str, headers: dict[str, str], sha256: str | None = None) -> bool:
        """Write what should be refused; tell whether the server said that its condition, or its content, is wrong."""
        request = self._probes.request(key, headers, sha256)
        try:
            retry_call(lambda: self._send_probe(request), self._retry_policy)
        except _Refused:
            return True
        except AdapterError as error:
            if _is_inconclusive(error):
                raise
            log.info("%s does not take conditional writes: %s", self._client.resolver.endpoint.authority, error)
        return False

    def _send_probe(self, request: Request) -> None:
        try:
            self._client.send(request)
        except (PreconditionFailed, IntegrityError) as error:
            # One that something on the way has changed may be sent again, which is not to be done with this one.
            raise _Refused from error

    def _is_versioned(self) -> bool:
        if self._versions is None:
            self._versions = self._fetch_versioning()
        return self._versions

    def _fetch_versioning(self) -> bool:
        request = Request("GET", query=(("versioning", ""),), action="asking for versioning")
        try:
            answer = retry_call(lambda: self._client.send(request), self._retry_policy)
        except AdapterError as error:
            if _is_inconclusive(error):
                raise
            return False
        return _ENABLED.search(answer.body) is not None


def _is_inconclusive(error: AdapterError) -> bool:
    """Tell whether an error says nothing about what was asked: there was no answer, or the server had no time."""
    return error.retryable and (error.status is None or isinstance(error, Throttled))


def _is_missing_bucket(error: AdapterError) -> bool:
    return isinstance(error, NotFound) and error.key is None
