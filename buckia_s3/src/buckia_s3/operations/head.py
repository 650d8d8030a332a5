"""HEAD of objects, and the check of preconditions."""

from __future__ import annotations

from buckia_core.adapters.contract.types import Precondition, satisfies
from buckia_core.errors import AdapterError, BucketNotFound, NotFound, PreconditionFailed
from buckia_core.http.blocking import run_blocking
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.metadata import check_key, object_from_headers


class ObjectHead:
    """ObjectHead: sends HEAD requests for objects of one bucket, and checks preconditions."""

    def __init__(self, client: S3Client, prefix: str, *, etag_is_md5: bool) -> None:
        self._client = client
        self._prefix = prefix
        self._etag_is_md5 = etag_is_md5
        self._bucket_exists = False

    def full_key(self, key: str) -> str:
        """Return the key with the configured prefix.

        Raises:
            InvalidKey: S3 can't store this key.
        """
        full_key = self._prefix + key
        check_key(key, full_key, self._client.provider)
        return full_key

    def head(self, key: str) -> RemoteObject:
        """Return the object.

        Raises:
            NotFound: There is no such object.
            BucketNotFound: There is no such bucket.
        """
        return run_blocking(self.head_async(key))

    async def head_async(self, key: str) -> RemoteObject:
        """Return the object. Raises the same errors as `head`."""
        return (await self._head_with_headers(key))[0]

    def head_with_headers(self, key: str) -> tuple[RemoteObject, dict[str, str]]:
        """Return the object and all response headers, with names in lower case. Raises the same errors as `head`."""
        return run_blocking(self._head_with_headers(key))

    async def _head_with_headers(self, key: str) -> tuple[RemoteObject, dict[str, str]]:
        try:
            response = await self._client.send_async(Request("HEAD", self.full_key(key), key=key))
        except NotFound:
            # A response to HEAD has no body, so another request finds out whether the object or the bucket is missing.
            if not self._bucket_exists and not await self._client.bucket_exists():
                raise BucketNotFound(
                    f"the bucket does not exist at {self._client.host}",
                    provider=self._client.provider,
                    status=404,
                ) from None
            self._bucket_exists = True
            raise
        except AdapterError as error:
            if error.status in (400, 403):
                # For the same reason, a GET fetches the error code of a wrong key or wrong credentials.
                first = Request(
                    "GET", self.full_key(key), (), {"Range": "bytes=0-0"}, key=key, action="reading metadata"
                )
                async with self._client.open(first):
                    # The body is not read: a server that ignores the range sends the whole object.
                    pass
            raise
        self._bucket_exists = True
        headers = response.headers
        return object_from_headers(key, headers, etag_is_md5=self._etag_is_md5, provider=self._client.provider), headers

    def check_precondition(self, key: str, expect: Precondition | None) -> None:
        """Check a precondition with a HEAD.

        Raises:
            PreconditionFailed: The object does not meet the precondition.
        """
        run_blocking(self.check_precondition_async(key, expect))

    async def check_precondition_async(self, key: str, expect: Precondition | None) -> None:
        """Check a precondition with a HEAD. Raises the same errors as `check_precondition`."""
        if expect is None:
            return
        try:
            found: RemoteObject | None = await self.head_async(key)
        except BucketNotFound:
            raise
        except NotFound:
            found = None
        if not satisfies(expect, found):
            raise self.precondition_failed(key)

    def precondition_failed(self, key: str) -> PreconditionFailed:
        """Return the error for an object that does not meet its precondition."""
        return PreconditionFailed(
            f"{key!r}: it is not in the expected state", provider=self._client.provider, key=key, status=412
        )
