"""One bucket: its id, names with its prefix, and looks at single files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from buckia_b2.api.file_options import FileOptions
from buckia_b2.api.session import Authorization, B2Session, bucket_not_allowed
from buckia_b2.errors import PROVIDER, precondition_failed, understanding
from buckia_b2.files.file_info import from_file, from_headers
from buckia_b2.files.file_names import check_key, is_rewritten_by_proxies
from buckia_core.adapters.contract.types import Precondition, satisfies, stat_or_none
from buckia_core.adapters.service import json_fields as fields
from buckia_core.errors import AdapterError, NotFound
from buckia_core.planning.manifest import RemoteObject

UNFINISHED = "start"
"""The action of a large file that is not finished: nobody can read it."""

_FEW = 100


class Bucket:
    """A bucket as an account sees it."""

    def __init__(self, account: B2Session, name: str, prefix: str, marks: FileOptions) -> None:
        self.account = account
        self.name = name
        self.prefix = prefix
        self.marks = marks
        self._lock = threading.Lock()
        self._id: str | None = None

    @property
    def id(self) -> str:
        """The bucket's id; asked for once, for nothing where the key is restricted to buckets.

        Raises:
            NotFound: There is no such bucket.
            PermissionDenied: The key is for others.
            AdapterError: It could not be asked for.
        """
        with self._lock:
            if self._id is None:
                self._id = self._find(self.account.authorization())
            return self._id

    def whole(self, key: str) -> str:
        """Return a key with the prefix, after a check that B2 can hold it.

        Raises:
            InvalidKey: It can't.
        """
        whole = self.prefix + key
        check_key(key, whole)
        return whole

    def file_url(self, signed: Authorization, whole: str) -> str:
        """Return the address that a file is read from."""
        url: str = self.account.raw.get_download_url_by_name(signed.download_url, self.name, whole)
        return url

    def id_url(self, signed: Authorization, file_id: str) -> str:
        """Return the address that a version is read from."""
        url: str = self.account.raw.get_download_url_by_id(signed.download_url, file_id)
        return url

    def look(self, key: str) -> RemoteObject:
        """Return an object as it is.

        Raises:
            NotFound: It is not there; or the bucket is not, and then the error's `key` is `None`.
        """
        whole = self.whole(key)
        # Otherwise the answer could mean the bucket as well: that to HEAD has no body.
        _ = self.id
        if is_rewritten_by_proxies(whole):
            listed = self.listed(key, whole)
            with understanding("looking at it", key):
                return from_file(key, listed)
        headers: dict[str, str] = {}
        if self.marks.reading is not None:
            self.marks.reading.add_to_download_headers(headers)

        def ask(signed: Authorization) -> Any:
            url, given = self.file_url(signed, whole), {**headers, "Authorization": signed.token}
            with closing(self.account.transport.request("HEAD", url, given)) as response:
                return response.headers

        answer = self.account.signed(ask, needs="readFiles", doing="looking at it", key=key)
        with understanding("looking at it", key):
            return from_headers(key, answer)

    def listed(self, key: str, whole: str) -> dict[str, Any]:
        """Return what a listing tells of one file. Raises as `look`."""
        answer = self.account.call("list_file_names", self.id, whole, 1, whole, doing="looking at it", key=key)
        with understanding("looking at it", key):
            found = [each for each in fields.entries(answer, "files") if fields.string(each, "fileName") == whole]
            if found:
                return dict(found[0], fileId=fields.string(found[0], "fileId"))
        raise NotFound(f"{key!r}: looking at it: there is no such object", provider=PROVIDER, key=key)

    def by_id(self, key: str, file_id: str) -> dict[str, Any]:
        """Return what B2 tells of one version of a file that has content.

        Raises:
            NotFound: There is none of that id, it is another key's, or it has no content.
        """
        whole = self.whole(key)
        missing = NotFound(
            f"{key!r}: there is no version {file_id!r} of it that has content", provider=PROVIDER, key=key
        )
        try:
            told: dict[str, Any] = self.account.call("get_file_info_by_id", file_id, doing="looking at it", key=key)
        except AdapterError as error:
            # What does not even look like an id is a bad request.
            if error.status not in (400, 404):
                raise
            raise missing from error
        with understanding("looking at it", key):
            if fields.string(told, "fileName") != whole or told["action"] not in ("upload", "copy"):
                raise missing
            _ = fields.string(told, "fileId"), fields.number(told, "contentLength")
        return told

    def history(self, key: str) -> Iterator[dict[str, Any]]:
        """Yield the versions of one file, the newest first, unfinished large files left out."""
        whole, doing = self.whole(key), "listing its versions"
        name: str | None = whole
        file_id: str | None = None
        seen: set[str] = set()
        while name == whole:
            answer = self.account.call("list_file_versions", self.id, name, file_id, _FEW, whole, doing=doing, key=key)
            with understanding(doing, key):
                page, name, file_id = versions_page(answer, seen)
            yield from (told for told in page if told["fileName"] == whole and told["action"] != UNFINISHED)

    def newest(self, key: str) -> dict[str, Any] | None:
        """Return the newest version of a file, which may be a marker that hides it; `None` if there is none."""
        return next(self.history(key), None)

    def check(self, key: str, expect: Precondition | None) -> None:
        """See whether an object is as expected.

        Raises:
            PreconditionFailed: It is not.
        """
        if expect is not None and not satisfies(expect, stat_or_none(self.look, key)):
            raise precondition_failed(key)

    def told(self) -> dict[str, Any]:
        """Return what B2 tells of the bucket itself: type, rules, encryption, locks. Raises as `id`."""
        signed = self.account.authorization()
        answer = self.account.call("list_buckets", signed.account_id, None, self.name, doing="looking for the bucket")
        with understanding("looking for the bucket"):
            for each in fields.entries(answer, "buckets"):
                if fields.string(each, "bucketName").lower() == self.name.lower():
                    return dict(each, bucketId=fields.string(each, "bucketId"))
        raise NotFound(f"the bucket {self.name!r} does not exist", provider=PROVIDER, status=404)

    def _find(self, signed: Authorization) -> str:
        if signed.buckets is not None:
            for each, known in signed.buckets:
                if known.lower() == self.name.lower():
                    return each
            if all(known for _, known in signed.buckets):
                raise bucket_not_allowed(signed, self.name)
        return str(self.told()["bucketId"])


def versions_page(answer: Any, seen: set[str]) -> tuple[list[dict[str, Any]], str | None, str | None]:
    """Return the versions of one page, and the name and the id at which the next page begins; `None` after the last.

    Args:
        answer: The answer to `b2_list_file_versions`.
        seen: Ids at which earlier pages of the same name began. The next one is added.

    Raises:
        LookupError, TypeError, ValueError: It is none, or the listing would go round in circles.
    """
    page = [dict(each) for each in fields.entries(answer, "files")]
    for each in page:
        _ = fields.string(each, "fileName"), fields.string(each, "fileId"), fields.string(each, "action")
        _ = fields.millis(each, "uploadTimestamp")
    name, file_id = fields.next_page(answer, "nextFileName"), fields.next_page(answer, "nextFileId")
    if (name is None) != (file_id is None) or file_id in seen:
        raise ValueError("the next page has no beginning, or is one that came before")
    if file_id is not None:
        seen.add(file_id)
    return page, name, file_id
