"""File options: encryption, retention and legal hold of files that are written."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any

from buckia_b2.settings import B2Settings, Encryption

_DAY_MILLIS = 86_400_000


class FileOptions:
    """Encryption and locks of new files, as arguments for b2sdk."""

    def __init__(self, settings: B2Settings) -> None:
        self._settings = settings
        self._encryption = _encryption(settings)

    @property
    def download_key(self) -> Any:
        """Customer key that each download must send; `None` without one."""
        return self._encryption if self._settings.server_side_encryption is Encryption.CUSTOMER else None

    @property
    def fingerprint(self) -> str:
        """Text that differs between different options, without revealing a key."""
        settings = self._settings
        key = settings.sse_customer_key_base64
        digest = hashlib.sha256(base64.b64decode(key.reveal())).hexdigest() if key is not None else None
        lock: list[object] = [settings.object_lock_mode, settings.object_lock_retain, settings.object_lock_legal_hold]
        if settings.object_lock_until is not None:
            lock.append(settings.object_lock_until)
        return repr((settings.server_side_encryption, digest, *lock))

    def for_file(self) -> dict[str, Any]:
        """Return the options for uploading a file or starting a large one."""
        return {"server_side_encryption": self._encryption, **self._locks()}

    def for_part(self) -> dict[str, Any]:
        """Return the options for each part: a customer key, since the server does not keep it."""
        return {"server_side_encryption": self.download_key}

    def for_copy(self) -> dict[str, Any]:
        """Return the options for copying a file that was written with the same settings."""
        return {
            "destination_server_side_encryption": self._encryption,
            "source_server_side_encryption": self.download_key,
            **self._locks(),
        }

    def for_copied_part(self) -> dict[str, Any]:
        """Return the options for copying a part."""
        return {
            "destination_server_side_encryption": self.download_key,
            "source_server_side_encryption": self.download_key,
        }

    def _locks(self) -> dict[str, Any]:
        settings, locks = self._settings, {"file_retention": None, "legal_hold": None}
        if settings.object_lock_mode is not None:
            from b2sdk.v3 import FileRetentionSetting, RetentionMode  # noqa: PLC0415  # few need it, and it takes time

            until = time.time_ns() // 1_000_000 + (settings.object_lock_retain or 0) * _DAY_MILLIS
            if settings.object_lock_until is not None:
                until = int(settings.object_lock_until.timestamp() * 1000)
            locks["file_retention"] = FileRetentionSetting(RetentionMode(settings.object_lock_mode.value), until)
        if settings.object_lock_legal_hold:
            from b2sdk.v3 import LegalHold  # noqa: PLC0415  # as above

            locks["legal_hold"] = LegalHold.ON
        return locks


def _encryption(settings: B2Settings) -> Any:
    if settings.server_side_encryption is None:
        return None
    from b2sdk.v3 import EncryptionAlgorithm, EncryptionKey, EncryptionMode, EncryptionSetting  # noqa: PLC0415  # as above

    match settings.server_side_encryption:
        case Encryption.B2:
            return EncryptionSetting(EncryptionMode.SSE_B2, EncryptionAlgorithm.AES256)
        case Encryption.CUSTOMER:
            if settings.sse_customer_key_base64 is None:
                raise ValueError("server_side_encryption: sse-c without a key")
            secret = base64.b64decode(settings.sse_customer_key_base64.reveal())
            key = EncryptionKey(secret, None)
            return EncryptionSetting(EncryptionMode.SSE_C, EncryptionAlgorithm.AES256, key)
