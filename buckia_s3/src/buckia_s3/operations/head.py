"""Asking for one object, and for what a precondition says of it."""

from __future__ import annotations

from buckia_core.adapters.contract.types import Precondition, satisfies, stat_or_none
from buckia_core.errors import AdapterError, NotFound, PreconditionFailed
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.metadata import check_key, from_headers


class ObjectHead:
    """Looks at objects of one bucket."""

    def __init__(self, client: S3Client, prefix: str, *, etag_is_md5: bool) -> None:
        self._client = client
        self._prefix = prefix
        self._etag_is_md5 = etag_is_md5
        self._bucket_exists = False

    def full_key(self, key: str) -> str:
        """Return a key with the prefix, after a check that S3 can hold it.

        Raises:
            InvalidKey: It can't.
        """
        whole = self._prefix + key
        check_key(key, whole, self._client.provider)
        return whole

    def head(self, key: str) -> RemoteObject:
        """Return an object as it is.

        Raises:
            NotFound: It is not there; or the bucket is not, and then the error's `key` is `None`.
        """
        return self.head_with_headers(key)[0]

    def head_with_headers(self, key: str) -> tuple[RemoteObject, dict[str, str]]:
        """Return an object as it is, and all headers that tell of it; their names are lower case. Raises as `look`."""
        try:
            answer = self._client.send(Request("HEAD", self.full_key(key), key=key))
        except NotFound:
            # The answer to HEAD has no body that could say which of both is missing.
            if not self._bucket_exists and not self._client.bucket_exists():
                raise NotFound(
                    f"the bucket does not exist at {self._client.resolver.endpoint.authority}",
                    provider=self._client.provider,
                    status=404,
                ) from None
            self._bucket_exists = True
            raise
        except AdapterError as error:
            if error.status in (400, 403):
                # Nor could it say what is wrong with the key, or with the credentials.
                first = Request("GET", self.full_key(key), (), {"Range": "bytes=0-0"}, key=key, action="looking at it")
                with self._client.open(first):
                    # A server that ignores the range would send the whole object.
                    pass
            raise
        self._bucket_exists = True
        headers = answer.headers
        return from_headers(key, headers, etag_is_md5=self._etag_is_md5, provider=self._client.provider), headers

    def check_precondition(self, key: str, expect: Precondition | None) -> None:
        """See whether an object is as expected.

        Raises:
            PreconditionFailed: It is not.
        """
        if expect is not None and not satisfies(expect, stat_or_none(self.head, key)):
            raise self.precondition_failed(key)

    def precondition_failed(self, key: str) -> PreconditionFailed:
        """Return the error for an object that is not as expected."""
        return PreconditionFailed(
            f"{key!r}: it is not in the expected state", provider=self._client.provider, key=key, status=412
        )
