"""Probe objects: tiny objects that test what the server supports. Probes left by killed runs are deleted too."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress

from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.adapters.transfers.retry import retry_call
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import AdapterError, NotFound, NotSupported, PermissionDenied
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.body import BytesBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.metadata import PROBE_PREFIX
from buckia_s3.xml.list_objects import parse_listed_objects, parse_page_head
from buckia_s3.xml.list_versions import parse_versions
from buckia_s3.xml.reader import MalformedResponse

log = redacted_logger(__name__)

PROBE_CONTENT = b"probe"
"""The content of a probe."""

_RETENTION = re.compile(rb"<DefaultRetention\b")


class Probes:
    """Probes: writes and deletes the probe objects of one bucket, which have the content `content`."""

    content = PROBE_CONTENT

    def __init__(self, settings: S3Settings, client: S3Client, prefix: str) -> None:
        self._settings = settings
        self._client = client
        self._prefix = prefix
        self._retry_policy = settings.retry_config.policy

    def new_key(self) -> str:
        """Return a unique full key."""
        return f"{self._prefix}{PROBE_PREFIX}{secrets.token_hex(8)}"

    def request(self, key: str, headers: dict[str, str] | None = None, sha256: str | None = None) -> Request:
        """Return the request that writes a probe, with all headers of uploads: some buckets require them.

        Args:
            key: Full key.
            headers: Additional headers.
            sha256: Digest to sign in place of that of the content.
        """
        from buckia_s3.operations.object_spec import build_object_spec  # noqa: PLC0415  # most runs send no probe

        spec = build_object_spec(self._settings, key, key, None, UploadInfo(), provider=self._client.provider)
        body = BytesBody(PROBE_CONTENT, sha256)
        sent = spec.headers() | spec.body_headers(body) | (headers or {})
        return Request("PUT", key, headers=sent, body=body, action="probing")

    def would_remain(self, *, versions: bool) -> bool:
        """Tell whether a new probe could not be deleted. Deletes the probes of killed runs.

        Args:
            versions: The bucket is versioned; only versioned buckets can lock objects.
        """
        settings = self._settings
        if settings.object_lock_mode or settings.object_lock_legal_hold or (versions and self._locks_new_objects()):
            return True
        try:
            left = self._list_leftovers()
            for key in left:
                self.remove(key)
            if not left:
                # The version id does not exist: a delete without one would create a delete marker.
                self._delete(self.new_key(), "null" if versions else None)
        except PermissionDenied:
            return True
        except AdapterError as error:
            log.info("probes of earlier runs: %s", error)
        return False

    def remove(self, key: str, version: str | None = None) -> None:
        """Delete a probe; in a versioned bucket, all its versions and the delete marker.

        Raises:
            AdapterError: It can't be deleted.
        """
        headers = self._delete(key, version)
        if version is None and headers.get("x-amz-version-id") is not None:
            listing = Request("GET", query=(("versions", ""), ("prefix", key)), action="removing a probe")
            with suppress(MalformedResponse):
                for each in parse_versions(
                    retry_call(lambda: self._client.send(listing), self._retry_policy).body
                ).versions:
                    if each.key == key:
                        self.remove(key, each.version)

    def _delete(self, key: str, version: str | None) -> dict[str, str]:
        query = () if version is None else (("versionId", version),)
        removal = Request("DELETE", key, query, action="removing a probe")
        try:
            return retry_call(lambda: self._client.send(removal), self._retry_policy).headers
        except NotFound:
            return {}

    def _list_leftovers(self) -> list[str]:
        """Return the full keys of existing probes."""
        prefix = self._prefix + PROBE_PREFIX
        query = (("list-type", "2"), ("max-keys", "1000"), ("encoding-type", "url"), ("prefix", prefix))
        try:
            body = self._client.send(Request("GET", query=query, action="looking for probes")).body
            page = parse_listed_objects(
                body, "", prefix, url_encoded=parse_page_head(body).url_encoded, etag_is_md5=False
            )
        except (MalformedResponse, PermissionDenied, NotSupported):
            return []
        return [found.key for found in page]

    def _locks_new_objects(self) -> bool:
        request = Request("GET", query=(("object-lock", ""),), action="asking for the object lock")
        try:
            return _RETENTION.search(self._client.send(request).body) is not None
        except (NotFound, NotSupported):
            return False
        except AdapterError as error:
            if error.retryable:
                raise
            # Unknown; assume the worst, since a locked probe may stay for years.
            return True
