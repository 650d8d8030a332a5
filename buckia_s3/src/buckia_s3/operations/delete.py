"""Deletes: up to 1,000 keys with one DeleteObjects request, single DELETEs where server or key do not allow that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from xml.etree import ElementTree

from buckia_core.adapters.contract.types import DeleteOutcome
from buckia_core.errors import AdapterError, BucketNotFound, InvalidKey, NotFound, NotSupported, Transient
from buckia_core.http.blocking import gather, run_blocking
from buckia_s3.errors import from_code
from buckia_s3.http.body import BytesBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.checksums import content_md5_header
from buckia_s3.objects.metadata import MAX_DELETES
from buckia_s3.operations.head import ObjectHead

_CONCURRENT = 8

# Characters that XML 1.0 can't contain, and line ends, which XML parsers normalize.
_NOT_IN_XML = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\ufffe\uffff]")


class Deleter:
    """Deleter: deletes objects of one bucket."""

    def __init__(self, client: S3Client, object_head: ObjectHead, *, bulk: bool = True) -> None:
        self._client = client
        self._object_head = object_head
        self._bulk = bulk

    def delete(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync.delete_files`."""
        return run_blocking(self.delete_async(keys))

    async def delete_async(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `Coroutines.delete_files_async`."""
        errors: dict[str, AdapterError | None] = {}
        full_keys: dict[str, str] = {}
        for key in keys:
            try:
                full_keys[key] = self._object_head.full_key(key)
            except InvalidKey as error:
                errors[key] = error
        bulk_keys = [key for key in full_keys if self._bulk and not _NOT_IN_XML.search(full_keys[key])]
        for start in range(0, len(bulk_keys), MAX_DELETES):
            batch = {full_keys[key]: key for key in bulk_keys[start : start + MAX_DELETES]}
            try:
                errors |= await self._delete_batch(batch)
            except NotSupported:
                self._bulk = False
                break
        rest = [key for key in full_keys if key not in errors]
        requests = [Request("DELETE", full_keys[key], key=key) for key in rest]
        errors |= zip(
            rest, await gather(self._delete_one, requests, tasks=_CONCURRENT, threads=_CONCURRENT), strict=True
        )
        return [DeleteOutcome(key, errors[key]) for key in keys]

    async def _delete_batch(self, batch: dict[str, str]) -> dict[str, AdapterError | None]:
        """Delete a batch of keys by full key; return the error of each. Raises if the request failed as a whole."""
        listed = "".join(f"<Object><Key>{escape(full_key, quote=False)}</Key></Object>" for full_key in batch)
        body = f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{listed}</Delete>'.encode()
        headers = {"Content-Type": "application/xml", **content_md5_header([body])}
        request = Request("POST", None, (("delete", ""),), headers, BytesBody(body), action="deleting")
        response = await self._client.send_async(request)
        try:
            outcomes = _parse_result(response.body)
        except (ElementTree.ParseError, LookupError, ValueError) as error:
            message = f"deleting: the response was cut short ({error})"
            raise Transient(message, provider=self._client.provider) from error
        errors: dict[str, AdapterError | None] = {}
        for full_key, key in batch.items():
            code, message = outcomes.get(full_key, ("InternalError", "the response does not mention this key"))
            errors[key] = self._error_from_code(code, message, key) if code else None
        return errors

    async def _delete_one(self, request: Request) -> AdapterError | None:
        try:
            await self._client.send_async(request)
        except AdapterError as error:
            return _unless_absent(error)
        return None

    def _error_from_code(self, code: str, message: str, key: str) -> AdapterError | None:
        error = from_code(code, message, None, provider=self._client.provider, key=key, action="deleting")
        return _unless_absent(error)


def _unless_absent(error: AdapterError) -> AdapterError | None:
    """Return the error of a deletion; `None` if it says that there is no such object."""
    return None if isinstance(error, NotFound) and not isinstance(error, BucketNotFound) else error


def _parse_result(body: bytes) -> dict[str, tuple[str, str]]:
    """Return error code and message of each full key in the response; both are empty for a deleted object."""
    outcomes: dict[str, tuple[str, str]] = {}
    for element in ElementTree.fromstring(body):  # noqa: S314  # expat itself refuses what would blow up
        fields = {child.tag.rpartition("}")[2]: child.text or "" for child in element}
        match element.tag.rpartition("}")[2]:
            case "Deleted":
                outcomes[fields.get("Key", "")] = ("", "")
            case "Error":
                outcomes[fields.get("Key", "")] = (fields.get("Code", "InternalError"), fields.get("Message", ""))
    return outcomes
