"""Raw calls: URL, headers and JSON of the calls that a sync of small files makes; b2sdk has those of all others.

The raw API of b2sdk takes 36 ms of CPU time to import, 70 ms with pydantic: an eighth of a sync of 500 files.
The methods here have the names, arguments and requests of `B2RawHTTPApi`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Mapping
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import quote

API_VERSION = "v4"
"""Version of B2's API, in the URL of each call."""


class RawTransport(Protocol):
    """RawTransport: sends the calls, as `Transport` does."""

    def post_json_return_json(self, url: str, headers: Mapping[str, str], params: Any, /) -> Awaitable[Any]:
        """Send a call with parameters."""

    def post_content_return_json(self, url: str, headers: Any, data: Any, /) -> Awaitable[Any]:
        """Send the content of a file or a part."""


class RawCalls:
    """RawCalls: sends calls of B2's API; each method returns what the transport returns. Thread-safe.

    Calls that are not here, and uploads with encryption or locks, are those of b2sdk, which is imported by the first.
    """

    def __init__(self, transport: RawTransport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._b2sdk, name)

    @cached_property
    def _b2sdk(self) -> Any:
        return _b2sdk_raw_api()(self._transport)

    def post(self, base_url: str, call: str, token: str, **params: Any) -> Awaitable[Any]:
        """Send a call of the API by its name."""
        url = f"{base_url}/b2api/{API_VERSION}/{call}"
        return self._transport.post_json_return_json(url, {"Authorization": token}, params)

    def authorize_account(self, realm_url: str, key_id: str, key: str) -> Awaitable[Any]:
        """Authorize an application key."""
        return self.post(realm_url, "b2_authorize_account", f"Basic {b64encode(f'{key_id}:{key}'.encode()).decode()}")

    def list_buckets(
        self, api_url: str, token: str, account_id: str, bucket_id: str | None = None, bucket_name: str | None = None
    ) -> Awaitable[Any]:
        """List the buckets of an account, or one of them."""
        chosen = {"bucketId": bucket_id, "bucketName": bucket_name}
        return self.post(api_url, "b2_list_buckets", token, accountId=account_id, bucketTypes=["all"], **chosen)

    def list_file_names(
        self,
        api_url: str,
        token: str,
        bucket_id: str,
        start_file_name: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Awaitable[Any]:
        """List the newest version of each file, a page at a time."""
        page = {"startFileName": start_file_name, "maxFileCount": max_file_count, "prefix": prefix}
        return self.post(api_url, "b2_list_file_names", token, bucketId=bucket_id, **page)

    def list_file_versions(
        self,
        api_url: str,
        token: str,
        bucket_id: str,
        start_file_name: str | None = None,
        start_file_id: str | None = None,
        max_file_count: int | None = None,
        prefix: str | None = None,
    ) -> Awaitable[Any]:
        """List all versions of all files, a page at a time."""
        page = {"startFileName": start_file_name, "startFileId": start_file_id, "maxFileCount": max_file_count}
        return self.post(api_url, "b2_list_file_versions", token, bucketId=bucket_id, **page, prefix=prefix)

    def get_upload_url(self, api_url: str, token: str, bucket_id: str) -> Awaitable[Any]:
        """Request a URL for uploads."""
        return self.post(api_url, "b2_get_upload_url", token, bucketId=bucket_id)

    def upload_file(
        self,
        upload_url: str,
        upload_token: str,
        file_name: str,
        content_length: int,
        content_type: str,
        content_sha1: str,
        file_info: Mapping[str, str],
        data: Any,
        **options: Any,
    ) -> Awaitable[Any]:
        """Upload a file. The name must have been checked."""
        given = {name: value for name, value in options.items() if value is not None}
        if given:
            file = (file_name, content_length, content_type, content_sha1, file_info, data)
            sent: Awaitable[Any] = self._b2sdk.upload_file(upload_url, upload_token, *file, **given)
            return sent
        headers = {
            "Authorization": upload_token,
            "X-Bz-File-Name": quote(file_name),
            "Content-Type": content_type,
            "X-Bz-Content-Sha1": content_sha1,
            **{f"X-Bz-Info-{name}": quote(value) for name, value in file_info.items()},
        }
        return self._transport.post_content_return_json(upload_url, headers, data)

    def hide_file(self, api_url: str, token: str, bucket_id: str, file_name: str) -> Awaitable[Any]:
        """Hide a file, which keeps its versions."""
        return self.post(api_url, "b2_hide_file", token, bucketId=bucket_id, fileName=file_name)

    def delete_file_version(
        self, api_url: str, token: str, file_id: str, file_name: str, bypass_governance: bool = False
    ) -> Awaitable[Any]:
        """Delete one version of a file."""
        version = {"fileId": file_id, "fileName": file_name, "bypassGovernance": bypass_governance}
        return self.post(api_url, "b2_delete_file_version", token, **version)

    def get_download_url_by_name(self, download_url: str, bucket_name: str, file_name: str) -> str:
        """Return the URL of the newest version of a file."""
        return f"{download_url}/file/{bucket_name}/{quote(file_name)}"

    def get_download_url_by_id(self, download_url: str, file_id: str) -> str:
        """Return the URL of one version of a file."""
        return f"{download_url}/b2api/{API_VERSION}/b2_download_file_by_id?fileId={file_id}"


def _b2sdk_raw_api() -> Any:
    """Return the class of b2sdk's raw API.

    Its public module imports all of b2sdk, with requests, which takes four times as long and is of no use here.
    """
    try:
        from b2sdk._internal.raw_api import B2RawHTTPApi  # noqa: PLC0415  # it takes time
    except ImportError:
        pass
    else:
        if B2RawHTTPApi.API_VERSION == API_VERSION:
            return B2RawHTTPApi
    from b2sdk.v3 import B2RawHTTPApi  # noqa: PLC0415  # as above

    return B2RawHTTPApi
