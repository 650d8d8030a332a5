"""Bucket: its id, full keys, and the metadata of single files."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from buckia_b2.api.file_options import FileOptions
from buckia_b2.api.session import Authorization, B2Session, bucket_not_allowed
from buckia_b2.api.single_flight import SingleFlight
from buckia_b2.api.version_history import Version, VersionHistories, VersionHistory
from buckia_b2.errors import PROVIDER, parsing_response, precondition_failed
from buckia_b2.files.file_info import from_file, from_headers
from buckia_b2.files.file_names import check_key, is_rewritten_by_proxies
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, Precondition, satisfies
from buckia_core.adapters.service import json_fields as fields
from buckia_core.errors import AdapterError, BucketNotFound, NotFound
from buckia_core.http.blocking import in_event_loop, run_blocking
from buckia_core.planning.manifest import RemoteObject


class Bucket:
    """Bucket that one application key gives access to."""

    def __init__(self, session: B2Session, name: str, prefix: str, file_options: FileOptions) -> None:
        self.session = session
        self.name = name
        self.prefix = prefix
        self.file_options = file_options
        self._histories = VersionHistories(session, self.id_async)
        self._finding_id: SingleFlight[str] = SingleFlight()
        self._id: str | None = None

    def with_file_options(self, file_options: FileOptions) -> Bucket:
        """Return the bucket with other file options."""
        bucket = copy.copy(self)
        bucket.file_options = file_options
        return bucket

    @property
    def id(self) -> str:
        """Id of the bucket. Costs one request, or none where the key is restricted to buckets.

        Raises:
            BucketNotFound: There is no such bucket.
            PermissionDenied: The key is restricted to other buckets.
            AdapterError: The request failed.
        """
        return self._id or run_blocking(self.id_async())

    async def id_async(self) -> str:
        """Return the id of the bucket. Raises the same errors as `id`."""
        if self._id is None:
            self._id = await self._finding_id.run(self._find_id)
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
        name = quote(self.name, safe="")
        return self.session.raw.get_download_url_by_name(authorization.download_url, name, full_key)

    def download_authorization(self, key: str, full_key: str, seconds: int, overrides: Mapping[str, str]) -> Any:
        """Return the response that authorizes downloads of the names that begin with one, for some time.

        `overrides` are headers of the downloads, such as `b2ContentType`; their URLs must repeat them.
        """
        # The method of b2sdk takes no overrides.
        bucket_id, post = self.id, self.session.raw.post
        fields = {"bucketId": bucket_id, "fileNamePrefix": full_key, "validDurationInSeconds": seconds, **overrides}
        return run_blocking(
            self.session.with_authorization(
                lambda used: post(used.api_url, "b2_get_download_authorization", used.token, **fields),
                needs="shareFiles",
                action="signing a URL",
                key=key,
            )
        )

    def id_url(self, authorization: Authorization, file_id: str) -> str:
        """Return the download URL of a version by its id."""
        return self.session.raw.get_download_url_by_id(authorization.download_url, quote(file_id, safe=""))

    async def head(self, key: str) -> RemoteObject:
        """Return the current version of an object.

        Raises:
            NotFound: There is no such object.
            BucketNotFound: There is no such bucket.
        """
        full_key = self.full_key(key)
        # A 404 to HEAD has no body, so the bucket is checked first to tell the two apart.
        _ = await self.id_async()
        if is_rewritten_by_proxies(full_key):
            file = await self.head_by_listing(key, full_key)
            with parsing_response("reading its metadata", key):
                return from_file(key, file)
        headers = self.download_headers()

        async def send(authorization: Authorization) -> Mapping[str, str]:
            url = self.file_url(authorization, full_key)
            return await self.session.transport.head(url, {**headers, "Authorization": authorization.token})

        found = await self.session.with_authorization(send, needs="readFiles", action="reading its metadata", key=key)
        with parsing_response("reading its metadata", key):
            return from_headers(key, found)

    def download_headers(self) -> dict[str, str]:
        """Return the headers with the customer key, which each download must send; none without one."""
        headers: dict[str, str] = {}
        if self.file_options.download_key is not None:
            self.file_options.download_key.add_to_download_headers(headers)
        return headers

    async def head_by_listing(self, key: str, full_key: str) -> dict[str, Any]:
        """Return a file as a listing describes it. Raises the same errors as `head`."""
        response = await self.session.call_async(
            "list_file_names", await self.id_async(), full_key, 1, full_key, action="reading its metadata", key=key
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

    def history(self, key: str) -> VersionHistory:
        """Return the versions of one file."""
        return self._histories.of(key, self.full_key(key))

    async def newest(self, key: str) -> Version | None:
        """Return the newest version of a file, which may be a hide marker; `None` without any version."""
        return await self.history(key).next()

    async def check_precondition(self, key: str, expect: Precondition | None) -> None:
        """Check that the object is in the expected state.

        Raises:
            PreconditionFailed: It is in another one.
        """
        if expect is None:
            return
        if in_event_loop():
            # A listing of versions that many share costs less than a HEAD for each, alone it would cost more.
            satisfied = matches(await self.newest(key), expect)
        else:
            satisfied = satisfies(expect, await self._head_or_none(key))
        if not satisfied:
            raise precondition_failed(key)

    async def _head_or_none(self, key: str) -> RemoteObject | None:
        try:
            return await self.head(key)
        except BucketNotFound:
            raise
        except NotFound:
            return None

    def info(self) -> dict[str, Any]:
        """Return the JSON of the bucket: type, rules, encryption, locks. Raises the same errors as `id`."""
        return run_blocking(self._info())

    async def _info(self) -> dict[str, Any]:
        authorization = await self.session.authorization_async()
        response = await self.session.call_async(
            "list_buckets", authorization.account_id, None, self.name, action="reading the bucket"
        )
        with parsing_response("reading the bucket"):
            for each in fields.entries(response, "buckets"):
                if fields.string(each, "bucketName").lower() == self.name.lower():
                    return dict(each, bucketId=fields.string(each, "bucketId"))
        raise BucketNotFound(f"the bucket {self.name!r} does not exist", provider=PROVIDER, status=404)

    async def _find_id(self) -> str:
        authorization = await self.session.authorization_async()
        if authorization.buckets is not None:
            for bucket_id, name in authorization.buckets:
                if name.lower() == self.name.lower():
                    return bucket_id
            if all(name for _, name in authorization.buckets):
                raise bucket_not_allowed(authorization, self.name)
        return str((await self._info())["bucketId"])


def matches(newest: Version | None, expect: Precondition) -> bool:
    """Tell whether a file whose newest version is this one, `None` if it has none, satisfies a precondition."""
    match expect:
        case IfAbsent():
            return newest is None or newest["action"] == "hide"
        case IfUnchanged(seen):
            return newest is not None and newest["action"] != "hide" and newest["fileId"] == seen.fingerprint
