"""What goes with requests because of the settings, whoever makes them.

    request                                           payer   encryption   customer's key   of the source
    ------------------------------------------------------------------------------------------------------
    GET, HEAD of an object; asks for checksums too    yes     no           yes              no
    PUT of an object; beginning of parts              yes     yes          yes              if it is a copy
    PUT of a part                                     yes     no           yes              if it is a copy
    completion of parts                               yes     no           yes              no
    listings, deletes, `?acl`, `?tagging` and others  yes     no           no               no

It is decided here for all of them, so that no module can forget one.
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
"""What a requester who pays says; in a signed address, it stands in the query."""

# The names that ask for an object itself, and not for something that is kept about it.
_CONTENT_QUERY = frozenset({"uploads", "uploadId", "partNumber", "versionId"})


def store_encryption(settings: S3Settings) -> S3Config:
    """Return how obstore's store is told to encrypt, as `RequestHeaders` does for our own requests."""
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
    """Tells the headers that the settings add to a request."""

    def __init__(self, settings: S3Settings) -> None:
        self._always = REQUESTER_PAYS if settings.request_payer else {}
        self._writing = sse_headers(
            settings.server_side_encryption, settings.sse_kms_key_id, settings.sse_bucket_key_enabled
        )
        self._customer = sse_c_headers(settings.sse_customer_key_base64)
        self._source = sse_c_headers(settings.sse_customer_key_base64, of_source=True)
        self._reading = {} if settings.checksum_algorithm is None else {"x-amz-checksum-mode": "ENABLED"}

    def headers_for(
        self, method: str, key: str | None, query: tuple[tuple[str, str], ...], headers: Mapping[str, str]
    ) -> dict[str, str]:
        """Return what is sent besides a request's own headers, which hold over these."""
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
