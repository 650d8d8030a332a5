"""Unfinished uploads: multipart uploads that were neither completed nor aborted, which listings hide and S3 bills."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from buckia_core.adapters.service.page_limits import PageGuard
from buckia_core.adapters.transfers.retry import RetryPolicy, retry_call
from buckia_core.adapters.transfers.upload_session import UnfinishedUpload
from buckia_core.errors import AdapterError, Transient
from buckia_s3.http.client import Request, S3Client
from buckia_s3.operations.head import ObjectHead
from buckia_s3.operations.list_parts import is_no_such_upload, list_parts
from buckia_s3.xml.reader import MalformedResponse, decode_key, element_text, iter_elements, parse_time_ns

MAX_PAGE = 1000
"""The largest page of uploads."""


class _Page(NamedTuple):
    uploads: list[UnfinishedUpload]
    next: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class UnfinishedUploads:
    """UnfinishedUploads: lists and aborts the unfinished uploads of one bucket.

    Attributes:
        client: The bucket.
        key_prefix: Configured prefix; it is removed from the keys.
        object_head: Adds the prefix to keys.
        retry_policy: For each request.
        page_size: Uploads to request at once.
    """

    client: S3Client
    key_prefix: str
    object_head: ObjectHead
    retry_policy: RetryPolicy
    page_size: int = MAX_PAGE

    def all(self, prefix: str = "") -> Iterator[UnfinishedUpload]:
        """Yield the uploads whose keys start with `prefix`, in the order of the server: mostly by key.

        Raises:
            AdapterError: The listing failed.
        """
        marker: tuple[str, str] | None = None
        guard = PageGuard("listing unfinished uploads", provider=self.client.provider)
        while True:
            found = retry_call(partial(self._fetch, prefix, marker), self.retry_policy)
            for each in found.uploads:
                if each.key.startswith(self.key_prefix):
                    yield each._replace(key=each.key[len(self.key_prefix) :])
            if found.next is None:
                return
            guard.next_page(found.next, empty=False)
            marker = found.next

    def size(self, upload: UnfinishedUpload) -> int:
        """Return the size of the uploaded parts in bytes; 0 if the upload no longer exists.

        Raises:
            AdapterError: The parts can't be listed.
        """
        key, full_key = upload.key, self.object_head.full_key(upload.key)
        parts = retry_call(lambda: list_parts(self.client, full_key, key, upload.upload_id), self.retry_policy)
        return sum(max(part.size, 0) for part in (parts or {}).values())

    def abort(self, upload: UnfinishedUpload) -> None:
        """Abort an upload. If it no longer exists, do nothing.

        Raises:
            AdapterError: The server does not abort it.
        """
        key, query = upload.key, (("uploadId", upload.upload_id),)
        request = Request("DELETE", self.object_head.full_key(key), query, key=key, action="aborting an upload")
        try:
            retry_call(partial(self.client.send, request), self.retry_policy)
        except AdapterError as error:
            if not is_no_such_upload(error):
                raise

    def _fetch(self, prefix: str, marker: tuple[str, str] | None) -> _Page:
        query = [("uploads", ""), ("max-uploads", str(self.page_size))]
        if self.key_prefix or prefix:
            query.append(("prefix", self.key_prefix + prefix))
        if marker is not None:
            query += [("key-marker", marker[0]), ("upload-id-marker", marker[1])]
        # Some servers encode keys without reporting it, others ignore `encoding-type`. So the first request is without
        # it, and only a page that is malformed, because XML can't contain a key, is requested with it.
        try:
            return _parse_page(self._request_page(query), url_encoded=False)
        except MalformedResponse:
            pass
        try:
            return _parse_page(self._request_page([*query, ("encoding-type", "url")]), url_encoded=True)
        except MalformedResponse as error:
            raise self._malformed(str(error)) from error

    def _request_page(self, query: list[tuple[str, str]]) -> bytes:
        return self.client.send(Request("GET", query=tuple(query), action="listing unfinished uploads")).body

    def _malformed(self, problem: str) -> Transient:
        message = f"listing unfinished uploads: the response of {self.client.host} can't be used: {problem}"
        return Transient(message, provider=self.client.provider)


def _parse_page(body: bytes, *, url_encoded: bool) -> _Page:
    try:
        uploads = [
            UnfinishedUpload(
                decode_key(fields["Key"], url_encoded=url_encoded),
                fields["UploadId"],
                parse_time_ns(fields["Initiated"]),
            )
            for _, fields in iter_elements(body, "ListMultipartUploadsResult", ("Upload",))
        ]
    except (KeyError, ValueError) as error:
        raise MalformedResponse(f"an upload lacks a field, or has an invalid value ({error})") from error
    truncated = element_text(body, "IsTruncated").strip()
    if truncated == "false":
        return _Page(uploads, None)
    if truncated != "true":
        raise MalformedResponse("it does not say whether there are more pages")
    if not uploads:
        raise MalformedResponse("it does not say where the next page starts")
    return _Page(uploads, (uploads[-1].key, uploads[-1].upload_id))
