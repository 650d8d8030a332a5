"""Deletes: many keys in one request, one by one where the server or the key does not allow that."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from html import escape
from xml.etree import ElementTree

from buckia_core.adapters.contract.types import DeleteOutcome
from buckia_core.errors import AdapterError, InvalidKey, NotFound, NotSupported, Transient
from buckia_s3.errors import from_code
from buckia_s3.http.body import BytesBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.metadata import MAX_DELETES
from buckia_s3.operations.head import ObjectHead

_THREADS = 8

# What XML 1.0 can't hold, and what its readers change: they turn line ends into newlines.
_NOT_IN_XML = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\ufffe\uffff]")


class Deleter:
    """Deletes in one bucket."""

    def __init__(self, client: S3Client, object_head: ObjectHead, *, bulk: bool = True) -> None:
        self._client = client
        self._object_head = object_head
        self._bulk = bulk

    def delete(self, keys: Sequence[str]) -> list[DeleteOutcome]:
        """See `BaseSync.delete_files`."""
        errors: dict[str, AdapterError | None] = {}
        wholes: dict[str, str] = {}
        for key in keys:
            try:
                wholes[key] = self._object_head.full_key(key)
            except InvalidKey as error:
                errors[key] = error
        together = [key for key in wholes if self._bulk and not _NOT_IN_XML.search(wholes[key])]
        for start in range(0, len(together), MAX_DELETES):
            batch = {wholes[key]: key for key in together[start : start + MAX_DELETES]}
            try:
                errors |= self._delete_batch(batch)
            except NotSupported:
                self._bulk = False
                break
        rest = [key for key in wholes if key not in errors]
        if len(rest) == 1:
            errors[rest[0]] = self._delete_one(wholes[rest[0]], rest[0])
        elif rest:
            with ThreadPoolExecutor(_THREADS, thread_name_prefix="buckia-s3-delete") as pool:
                errors |= zip(rest, pool.map(lambda key: self._delete_one(wholes[key], key), rest), strict=True)
        return [DeleteOutcome(key, errors[key]) for key in keys]

    def _delete_batch(self, batch: dict[str, str]) -> dict[str, AdapterError | None]:
        """Delete the keys, given as whole keys with the keys that errors name. Raises if nothing is known of any."""
        listed = "".join(f"<Object><Key>{escape(whole, quote=False)}</Key></Object>" for whole in batch)
        body = f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{listed}</Delete>'.encode()
        md5 = b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        headers = {"Content-MD5": md5, "Content-Type": "application/xml"}
        answer = self._client.send(
            Request("POST", None, (("delete", ""),), headers, BytesBody(body), action="deleting")
        )
        try:
            told = _parse_result(answer.body)
        except (ElementTree.ParseError, LookupError, ValueError) as error:
            raise Transient(f"deleting: the answer was cut short ({error})", provider=self._client.provider) from error
        errors: dict[str, AdapterError | None] = {}
        for whole, key in batch.items():
            code, message = told.get(whole, ("InternalError", "the server did not say what became of it"))
            errors[key] = self._error_from_code(code, message, key) if code else None
        return errors

    def _delete_one(self, whole: str, key: str) -> AdapterError | None:
        try:
            self._client.send(Request("DELETE", whole, key=key))
        except NotFound as error:
            return error if error.key is None else None
        except AdapterError as error:
            return error
        return None

    def _error_from_code(self, code: str, message: str, key: str) -> AdapterError | None:
        error = from_code(code, message, None, provider=self._client.provider, key=key, action="deleting")
        return None if isinstance(error, NotFound) and error.key is not None else error


def _parse_result(body: bytes) -> dict[str, tuple[str, str]]:
    """Return the code and message of each key that an answer names; both are empty where it was deleted."""
    told: dict[str, tuple[str, str]] = {}
    for element in ElementTree.fromstring(body):  # noqa: S314  # expat itself refuses what would blow up
        fields = {child.tag.rpartition("}")[2]: child.text or "" for child in element}
        match element.tag.rpartition("}")[2]:
            case "Deleted":
                told[fields.get("Key", "")] = ("", "")
            case "Error":
                told[fields.get("Key", "")] = (fields.get("Code", "InternalError"), fields.get("Message", ""))
    return told
