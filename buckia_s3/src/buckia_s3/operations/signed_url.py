"""Signed URLs of objects."""

from __future__ import annotations

from buckia_core.errors import NotSupported
from buckia_s3.auth.express_session import SERVICE
from buckia_s3.auth.sigv4 import MAX_PRESIGN_SECONDS, presign
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.client import S3Client
from buckia_s3.http.request_headers import REQUESTER_PAYS
from buckia_s3.operations.head import ObjectHead

_METHODS = ("GET", "HEAD", "PUT", "DELETE")


def sign_url(
    settings: S3Settings, client: S3Client, object_head: ObjectHead, key: str, *, seconds: int, method: str
) -> str:
    """Return a URL that allows one method for an object, until it or the credentials expire.

    Raises:
        ValueError: The method can't be signed, or the time is out of range.
        NotSupported: There are no credentials, or the object is encrypted with a key of the customer.
    """
    if method not in _METHODS:
        raise ValueError(f"S3 signs URLs for {', '.join(_METHODS)}, not for {method!r}")
    if not 1 <= seconds <= MAX_PRESIGN_SECONDS:
        raise ValueError(f"signed URLs of S3 are valid for 1 to {MAX_PRESIGN_SECONDS} seconds, not for {seconds}")
    credentials = client.credentials()
    if credentials is None:
        raise NotSupported(f"{key!r}: signing a URL needs credentials", provider=client.provider, key=key)
    if settings.sse_customer_key_base64 is not None:
        message = "a URL can't carry the customer's key that the object is encrypted with"
        raise NotSupported(f"{key!r}: {message}", provider=client.provider, key=key)
    endpoint = client.resolver.endpoint
    path = endpoint.path(object_head.full_key(key))
    query = presign(
        method,
        endpoint.authority,
        path,
        seconds=seconds,
        credentials=credentials,
        region=endpoint.region,
        service=SERVICE if credentials.is_session else "s3",
        extra_query=REQUESTER_PAYS.items() if settings.request_payer else (),
    )
    return f"{endpoint.scheme}://{endpoint.authority}{path}?{query}"
