"""Signed URLs of objects."""

from __future__ import annotations

from dataclasses import dataclass

from buckia_core.errors import NotSupported
from buckia_s3.auth.express_session import SERVICE
from buckia_s3.auth.sigv4 import MAX_PRESIGN_SECONDS, presign
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.client import S3Client
from buckia_s3.http.request_headers import REQUESTER_PAYS
from buckia_s3.operations.head import ObjectHead

_METHODS = ("GET", "HEAD", "PUT", "DELETE")


@dataclass(frozen=True, slots=True)
class UrlSigner:
    """UrlSigner: signs URLs for objects of one bucket, with Signature Version 4."""

    settings: S3Settings
    client: S3Client
    object_head: ObjectHead

    def sign(
        self, key: str, seconds: int, method: str, content_type: str | None, content_disposition: str | None
    ) -> str:
        """Return a URL that allows one method for an object, until it or the credentials expire.

        Raises:
            ValueError: The method can't be signed, or the time is out of range.
            NotSupported: There are no credentials, the object is encrypted with a key of the customer, or the method
                has no such header.
        """
        if method not in _METHODS:
            raise ValueError(f"S3 signs URLs for {', '.join(_METHODS)}, not for {method!r}")
        if not 1 <= seconds <= MAX_PRESIGN_SECONDS:
            raise ValueError(f"signed URLs of S3 are valid for 1 to {MAX_PRESIGN_SECONDS} seconds, not for {seconds}")
        credentials = self.client.credentials()
        if credentials is None:
            raise self._not_supported(key, "signing a URL needs credentials")
        if self.settings.sse_customer_key_base64 is not None:
            raise self._not_supported(key, "a URL can't carry the customer's key that the object is encrypted with")
        endpoint = self.client.resolver.endpoint
        path = endpoint.path(self.object_head.full_key(key))
        response = {"response-content-type": content_type, "response-content-disposition": content_disposition}
        headers: dict[str, str] = {}
        if method == "PUT":
            if content_disposition is not None:
                raise self._not_supported(key, "a URL for PUT sets no content disposition")
            headers = {} if content_type is None else {"content-type": content_type}
            response = {}
        elif method not in ("GET", "HEAD") and (content_type is not None or content_disposition is not None):
            raise self._not_supported(key, f"a URL for {method} sets no content type and no disposition")
        payer = REQUESTER_PAYS if self.settings.request_payer else {}
        query = presign(
            method,
            endpoint.authority,
            path,
            seconds=seconds,
            credentials=credentials,
            region=endpoint.region,
            service=SERVICE if credentials.is_session else "s3",
            extra_query=[*payer.items(), *((name, value) for name, value in response.items() if value is not None)],
            headers=headers,
        )
        return f"{endpoint.scheme}://{endpoint.authority}{path}?{query}"

    def _not_supported(self, key: str, message: str) -> NotSupported:
        return NotSupported(f"{key!r}: {message}", provider=self.client.provider, key=key)
