"""Request headers that follow from the settings, for all kinds of requests.

request                                           payer   encryption   SSE-C key        SSE-C key of source
------------------------------------------------------------------------------------------------------
GET, HEAD of an object; also checksum mode        yes     no           yes              no
PUT of an object; CreateMultipartUpload           yes     yes          yes              if it is a copy
PUT of a part                                     yes     no           yes              if it is a copy
CompleteMultipartUpload                           yes     no           yes              no
listings, deletes, `?acl`, `?tagging` and others  yes     no           no               no
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from buckia_s3.config.settings import S3Settings
from buckia_s3.objects.encryption import sse_c_headers, sse_headers

if TYPE_CHECKING:
    from obstore.store import S3Config

COPY_SOURCE = "x-amz-copy-source"

REQUESTER_PAYS = {"x-amz-request-payer": "requester"}
"""Header of Requester Pays; in presigned URLs, a query parameter."""

# Query parameters of requests to an object itself, not to one of its subresources.
_CONTENT_QUERY = frozenset({"uploads", "uploadId", "partNumber", "versionId"})


def store_encryption(settings: S3Settings) -> S3Config:
    """Return the encryption options for obstore, equivalent to `RequestHeaders`."""
    config: S3Config = {}
    if settings.server_side_encryption is not None:
        config["server_side_encryption"] = settings.server_side_encryption.value
    if settings.sse_kms_key_id is not None:
        config["sse_kms_key_id"] = settings.sse_kms_key_id
    if settings.sse_bucket_key_enabled is not None:
        config["sse_bucket_key_enabled"] = settings.sse_bucket_key_enabled
    if settings.sse_customer_key_base64 is not None:
        config["sse_customer_key_base64"] = settings.sse_customer_key_base64.reveal()
    return config


class RequestHeaders:
    """RequestHeaders: the headers that the settings add to requests."""

    def __init__(self, settings: S3Settings) -> None:
        self._always = REQUESTER_PAYS if settings.request_payer else {}
        self._writing = sse_headers(
            settings.server_side_encryption, settings.sse_kms_key_id, settings.sse_bucket_key_enabled
        )
        self._customer = sse_c_headers(settings.sse_customer_key_base64)
        self._source = sse_c_headers(settings.sse_customer_key_base64, of_source=True)
        self._reading = {} if settings.checksum_algorithm is None else {"x-amz-checksum-mode": "ENABLED"}
        self._any = bool(self._always or self._writing or self._customer or self._reading)

    def headers_for(
        self, method: str, key: str | None, query: tuple[tuple[str, str], ...], headers: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the headers to add. The request's own headers take precedence."""
        if not self._any:
            return {}
        found = dict(self._always)
        names = {name for name, _ in query}
        lists_parts = method == "GET" and "uploadId" in names
        if key is None or not names <= _CONTENT_QUERY or method == "DELETE" or lists_parts:
            return found
        found |= self._customer
        if method in ("GET", "HEAD"):
            found |= self._reading
        elif not names & {"partNumber", "uploadId"}:
            found |= self._writing
        if COPY_SOURCE in headers:
            found |= self._source
        return found
