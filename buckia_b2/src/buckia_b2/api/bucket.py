"""Bucket: its id, full keys, and the metadata of single files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from buckia_b2.api.file_options import FileOptions
from buckia_b2.api.session import Authorization, B2Session, bucket_not_allowed
from buckia_b2.errors import PROVIDER, parsing_response, precondition_failed
from buckia_b2.files.file_info import from_file, from_headers
from buckia_b2.files.file_names import check_key, is_rewritten_by_proxies
from buckia_core.adapters.contract.types import Precondition, satisfies, stat_or_none
from buckia_core.adapters.service import json_fields as fields
from buckia_core.errors import AdapterError, BucketNotFound, NotFound
from buckia_core.planning.manifest import RemoteObject

START_ACTION = "start"
"""Action of an unfinished large file, which cannot be read."""

_HISTORY_PAGE = 100


class Bucket:
    """Bucket that one application key gives access to."""

    def __init__(self, session: B2Session, name: str, prefix: str, file_options: FileOptions) -> None:
        self.session = session
        self.name = name
        self.prefix = prefix
        self.file_options = file_options
        self._lock = threading.Lock()
        self._id: str | None = None

    @property
    def id(self) -> str:
        """Id of the bucket. Costs one request, or none where the key is restricted to buckets.

        Raises:
            BucketNotFound: There is no such bucket.
            PermissionDenied: The key is restricted to other buckets.
            AdapterError: The request failed.
        """
        with self._lock:
            if self._id is None:
                self._id = self._find_id(self.session.authorization())
            return self._id

    def full_key(self, key: str) -> str:
        """Return the key with the configured prefix.

        Raises:
            InvalidKey: B2 does not accept it.
        """
        full_key = self.prefix + key
        check_key(key, full_key)
        return full_key

    def file_url(self, authorization: Authorization, full_key: str) -> str:
        """Return the download URL of a file by its name."""
        url: str = self.session.raw.get_download_url_by_name(authorization.download_url, self.name, full_key)
        return url

    def id_url(self, authorization: Authorization, file_id: str) -> str:
        """Return the download URL of a version by its id."""
        url: str = self.session.raw.get_download_url_by_id(authorization.download_url, file_id)
        return url

    def head(self, key: str) -> RemoteObject:
        """Return the current version of an object.

        Raises:
            NotFound: There is no such object.
            BucketNotFound: There is no such bucket.
        """
        full_key = self.full_key(key)
        # A 404 to HEAD has no body, so the bucket is checked first to tell the two apart.
        _ = self.id
        if is_rewritten_by_proxies(full_key):
            file = self.head_by_listing(key, full_key)
            with parsing_response("reading its metadata", key):
                return from_file(key, file)
        headers: dict[str, str] = {}
        if self.file_options.download_key is not None:
            self.file_options.download_key.add_to_download_headers(headers)

        def send(authorization: Authorization) -> Any:
            url = self.file_url(authorization, full_key)
            sent_headers = {**headers, "Authorization": authorization.token}
            with closing(self.session.transport.request("HEAD", url, sent_headers)) as response:
                return response.headers

        response = self.session.with_authorization(send, needs="readFiles", action="reading its metadata", key=key)
        with parsing_response("reading its metadata", key):
            return from_headers(key, response)

    def head_by_listing(self, key: str, full_key: str) -> dict[str, Any]:
        """Return a file as a listing describes it. Raises the same errors as `head`."""
        response = self.session.call(
            "list_file_names", self.id, full_key, 1, full_key, action="reading its metadata", key=key
        )
        with parsing_response("reading its metadata", key):
            found = [each for each in fields.entries(response, "files") if fields.string(each, "fileName") == full_key]
            if found:
                return dict(found[0], fileId=fields.string(found[0], "fileId"))
        raise NotFound(f"{key!r}: reading its metadata: there is no such object", provider=PROVIDER, key=key)

    def get_by_id(self, key: str, file_id: str) -> dict[str, Any]:
        """Return the JSON of one version that has content.

        Raises:
            NotFound: There is no version of that id, it has another key, or it has no content.
        """
        full_key = self.full_key(key)
        message = f"{key!r}: there is no version {file_id!r} of it that has content"
        missing = NotFound(message, provider=PROVIDER, key=key)
        try:
            version: dict[str, Any] = self.session.call(
                "get_file_info_by_id", file_id, action="reading its metadata", key=key
            )
        except AdapterError as error:
            # A malformed id is a bad request.
            if error.status not in (400, 404):
                raise
            raise missing from error
        with parsing_response("reading its metadata", key):
            if fields.string(version, "fileName") != full_key or version["action"] not in ("upload", "copy"):
                raise missing
            _ = fields.string(version, "fileId"), fields.number(version, "contentLength")
        return version

    def history(self, key: str) -> Iterator[dict[str, Any]]:
        """Yield the versions of one file, newest first, without unfinished large files."""
        full_key, action = self.full_key(key), "listing its versions"
        name: str | None = full_key
        file_id: str | None = None
        seen: set[str] = set()
        while name == full_key:
            response = self.session.call(
                "list_file_versions", self.id, name, file_id, _HISTORY_PAGE, full_key, action=action, key=key
            )
            with parsing_response(action, key):
                page, name, file_id = parse_versions_page(response, seen)
            yield from (each for each in page if each["fileName"] == full_key and each["action"] != START_ACTION)

    def newest(self, key: str) -> dict[str, Any] | None:
        """Return the newest version of a file, which may be a hide marker; `None` without any version."""
        return next(self.history(key), None)

    def check_precondition(self, key: str, expect: Precondition | None) -> None:
        """Check that the object is in the expected state.

        Raises:
            PreconditionFailed: It is in another one.
        """
        if expect is not None and not satisfies(expect, stat_or_none(self.head, key)):
            raise precondition_failed(key)

    def info(self) -> dict[str, Any]:
        """Return the JSON of the bucket: type, rules, encryption, locks. Raises the same errors as `id`."""
        authorization = self.session.authorization()
        response = self.session.call(
            "list_buckets", authorization.account_id, None, self.name, action="reading the bucket"
        )
        with parsing_response("reading the bucket"):
            for each in fields.entries(response, "buckets"):
                if fields.string(each, "bucketName").lower() == self.name.lower():
                    return dict(each, bucketId=fields.string(each, "bucketId"))
        raise BucketNotFound(f"the bucket {self.name!r} does not exist", provider=PROVIDER, status=404)

    def _find_id(self, authorization: Authorization) -> str:
        if authorization.buckets is not None:
            for bucket_id, name in authorization.buckets:
                if name.lower() == self.name.lower():
                    return bucket_id
            if all(name for _, name in authorization.buckets):
                raise bucket_not_allowed(authorization, self.name)
        return str(self.info()["bucketId"])


def parse_versions_page(response: Any, seen: set[str]) -> tuple[list[dict[str, Any]], str | None, str | None]:
    """Parse a page of versions: the versions, and the name and id at which the next page starts, `None` after the last.

    Args:
        response: The response to `b2_list_file_versions`.
        seen: Ids at which earlier pages of the same name started. The next one is added.

    Raises:
        LookupError, TypeError, ValueError: The response is malformed, or the listing loops.
    """
    page = [dict(each) for each in fields.entries(response, "files")]
    for each in page:
        _ = fields.string(each, "fileName"), fields.string(each, "fileId"), fields.string(each, "action")
        _ = fields.millis(each, "uploadTimestamp")
    name, file_id = fields.next_page(response, "nextFileName"), fields.next_page(response, "nextFileId")
    if (name is None) != (file_id is None) or file_id in seen:
        raise ValueError("the next page has no start, or repeats an earlier one")
    if file_id is not None:
        seen.add(file_id)
    return page, name, file_id
