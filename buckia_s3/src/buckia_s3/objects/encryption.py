"""Encryption on the server: by its own keys, by those of KMS, or by a customer's that goes with each request."""

from __future__ import annotations

import base64
import hashlib
from enum import StrEnum

from buckia_core.config.secrets.references import Secret

SSE = "x-amz-server-side-encryption"
KMS_KEY = f"{SSE}-aws-kms-key-id"
BUCKET_KEY = f"{SSE}-bucket-key-enabled"

CUSTOMER_ALGORITHM = f"{SSE}-customer-algorithm"

_CUSTOMER = f"{SSE}-customer"
_COPY_SOURCE_CUSTOMER = "x-amz-copy-source-server-side-encryption-customer"


class ServerSideEncryption(StrEnum):
    """Whose keys the server encrypts with."""

    S3 = "AES256"
    KMS = "aws:kms"
    KMS_DSSE = "aws:kms:dsse"
    CUSTOMER = "sse-c"

    @property
    def hides_md5(self) -> bool:
        """Whether the ETag of what is encrypted so only looks like an MD5."""
        return self is not ServerSideEncryption.S3


def check_encryption(
    kind: ServerSideEncryption | None, kms_key: str | None, bucket_key: bool | None, customer_key: Secret | None
) -> None:
    """See whether settings of encryption go together.

    Raises:
        ValueError: They don't.
    """
    kms = kind in (ServerSideEncryption.KMS, ServerSideEncryption.KMS_DSSE)
    if kms_key is not None and not kms:
        raise ValueError("sse_kms_key_id goes with server_side_encryption: aws:kms (or aws:kms:dsse)")
    if bucket_key and kind is not ServerSideEncryption.KMS:
        raise ValueError("sse_bucket_key_enabled goes with server_side_encryption: aws:kms")
    if (customer_key is not None) != (kind is ServerSideEncryption.CUSTOMER):
        raise ValueError("sse_customer_key_base64 and server_side_encryption: sse-c go together: give both, or neither")


def sse_headers(kind: ServerSideEncryption | None, kms_key: str | None, bucket_key: bool | None) -> dict[str, str]:
    """Return the headers that have a new object encrypted by the server's own keys, or those of KMS."""
    if kind is None or kind is ServerSideEncryption.CUSTOMER:
        return {}
    headers = {SSE: kind.value}
    if kms_key is not None:
        headers[KMS_KEY] = kms_key
    if bucket_key is not None:
        headers[BUCKET_KEY] = str(bucket_key).lower()
    return headers


def customer_key_md5(customer_key: Secret | None) -> str | None:
    """Return what tells one customer's key from another without telling it, as headers have it."""
    if customer_key is None:
        return None
    md5 = hashlib.md5(base64.b64decode(customer_key.reveal()), usedforsecurity=False).digest()
    return base64.b64encode(md5).decode()


def sse_c_headers(customer_key: Secret | None, *, of_source: bool = False) -> dict[str, str]:
    """Return the headers that carry the customer's key, for an object or for the source of a copy."""
    if customer_key is None:
        return {}
    name = _COPY_SOURCE_CUSTOMER if of_source else _CUSTOMER
    return {
        f"{name}-algorithm": "AES256",
        f"{name}-key": customer_key.reveal(),
        f"{name}-key-md5": customer_key_md5(customer_key) or "",
    }
