"""Options of single objects as settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from buckia_core.adapters.contract.object_options import Encryption, EncryptionKind, ObjectOptions, Retention
from buckia_core.errors import NotSupported
from buckia_s3.config.settings import S3Settings
from buckia_s3.objects.encryption import ServerSideEncryption
from buckia_s3.objects.object_lock import LockMode

_KINDS = {
    EncryptionKind.PROVIDER: ServerSideEncryption.S3,
    EncryptionKind.KMS: ServerSideEncryption.KMS,
    EncryptionKind.CUSTOMER: ServerSideEncryption.CUSTOMER,
}


def settings_with_options(settings: S3Settings, options: ObjectOptions, *, provider: str) -> S3Settings:
    """Return the settings with the options in place of their own encryption and lock.

    Raises:
        NotSupported: The settings forbid it, such as a customer's key without TLS.
    """
    changes = {} if options.encryption is None else _encryption(options.encryption, settings)
    changes |= {} if options.retention is None else _lock(options.retention)
    try:
        return replace(settings, **changes)
    except ValueError as error:
        raise NotSupported(str(error), provider=provider) from error


def _encryption(encryption: Encryption, settings: S3Settings) -> dict[str, Any]:
    is_kms = encryption.kind is EncryptionKind.KMS
    return {
        "server_side_encryption": _KINDS[encryption.kind],
        "sse_kms_key_id": encryption.kms_key_id,
        "sse_bucket_key_enabled": settings.sse_bucket_key_enabled if is_kms else None,
        "sse_customer_key_base64": encryption.customer_key,
    }


def _lock(retention: Retention) -> dict[str, Any]:
    return {
        "object_lock_mode": None if retention.lock_mode is None else LockMode(retention.lock_mode),
        "object_lock_until": retention.until,
        "object_lock_retain": None,
        "object_lock_legal_hold": retention.legal_hold,
    }
