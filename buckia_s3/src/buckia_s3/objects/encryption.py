"""Server-side encryption: SSE-S3, SSE-KMS, DSSE-KMS, and SSE-C with a key that is sent with each request."""

from __future__ import annotations

import base64
import hashlib
from enum import StrEnum

from buckia_core.config.secrets.secret import Secret

SSE = "x-amz-server-side-encryption"
KMS_KEY = f"{SSE}-aws-kms-key-id"
BUCKET_KEY = f"{SSE}-bucket-key-enabled"

CUSTOMER_ALGORITHM = f"{SSE}-customer-algorithm"

_CUSTOMER = f"{SSE}-customer"
_COPY_SOURCE_CUSTOMER = "x-amz-copy-source-server-side-encryption-customer"


class ServerSideEncryption(StrEnum):
    """Kind of server-side encryption."""

    S3 = "AES256"
    KMS = "aws:kms"
    KMS_DSSE = "aws:kms:dsse"
    CUSTOMER = "sse-c"

    @property
    def hides_md5(self) -> bool:
        """Whether ETags are not MD5s, though they look like it."""
        return self is not ServerSideEncryption.S3


def check_encryption(
    kind: ServerSideEncryption | None, kms_key: str | None, bucket_key: bool | None, customer_key: Secret | None
) -> None:
    """Check that the settings of encryption are consistent.

    Raises:
        ValueError: They are not.
    """
    kms = kind in (ServerSideEncryption.KMS, ServerSideEncryption.KMS_DSSE)
    if kms_key is not None and not kms:
        raise ValueError("sse_kms_key_id goes with server_side_encryption: aws:kms (or aws:kms:dsse)")
    if bucket_key and kind is not ServerSideEncryption.KMS:
        raise ValueError("sse_bucket_key_enabled goes with server_side_encryption: aws:kms")
    if (customer_key is not None) != (kind is ServerSideEncryption.CUSTOMER):
        raise ValueError("sse_customer_key_base64 and server_side_encryption: sse-c go together: give both, or neither")


def sse_headers(kind: ServerSideEncryption | None, kms_key: str | None, bucket_key: bool | None) -> dict[str, str]:
    """Return the headers that encrypt a new object with SSE-S3 or SSE-KMS."""
    if kind is None or kind is ServerSideEncryption.CUSTOMER:
        return {}
    headers = {SSE: kind.value}
    if kms_key is not None:
        headers[KMS_KEY] = kms_key
    if bucket_key is not None:
        headers[BUCKET_KEY] = str(bucket_key).lower()
    return headers


def customer_key_md5(customer_key: Secret | None) -> str | None:
    """Return the MD5 of an SSE-C key in base64: it identifies the key without revealing it."""
    if customer_key is None:
        return None
    md5 = hashlib.md5(base64.b64decode(customer_key.reveal()), usedforsecurity=False).digest()
    return base64.b64encode(md5).decode()


def sse_c_headers(customer_key: Secret | None, *, of_source: bool = False) -> dict[str, str]:
    """Return the headers with the SSE-C key, for an object or for the source of a copy."""
    if customer_key is None:
        return {}
    name = _COPY_SOURCE_CUSTOMER if of_source else _CUSTOMER
    return {
        f"{name}-algorithm": "AES256",
        f"{name}-key": customer_key.reveal(),
        f"{name}-key-md5": customer_key_md5(customer_key) or "",
    }
