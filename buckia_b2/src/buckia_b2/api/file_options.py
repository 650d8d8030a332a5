"""What the settings give a file that is written: encryption, retention, legal hold."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any

from buckia_b2.settings import B2Settings, Encryption

_DAY_MILLIS = 86_400_000


class FileOptions:
    """Encryption and locks of new files, in the forms that b2sdk takes."""

    def __init__(self, settings: B2Settings) -> None:
        self._settings = settings
        self._encryption = _encryption(settings)

    @property
    def reading(self) -> Any:
        """The customer's key that goes with each download, or `None`."""
        return self._encryption if self._settings.server_side_encryption is Encryption.CUSTOMER else None

    @property
    def fields(self) -> str:
        """What tells these marks from others, without telling a key."""
        wanted = self._settings
        key = wanted.sse_customer_key_base64
        digest = hashlib.sha256(base64.b64decode(key.reveal())).hexdigest() if key is not None else None
        lock = (wanted.object_lock_mode, wanted.object_lock_retain, wanted.object_lock_legal_hold)
        return repr((wanted.server_side_encryption, digest, *lock))

    def of_file(self) -> dict[str, Any]:
        """Return what goes with the upload of a file, or with the start of a large one."""
        return {"server_side_encryption": self._encryption, **self._locks()}

    def of_part(self) -> dict[str, Any]:
        """Return what goes with each part: a customer's key, since the server does not keep it."""
        return {"server_side_encryption": self.reading}

    def of_copy(self) -> dict[str, Any]:
        """Return what goes with a copy of a file that was written with the same settings."""
        return {
            "destination_server_side_encryption": self._encryption,
            "source_server_side_encryption": self.reading,
            **self._locks(),
        }

    def of_copied_part(self) -> dict[str, Any]:
        """Return what goes with the copy of a part."""
        return {
            "destination_server_side_encryption": self.reading,
            "source_server_side_encryption": self.reading,
        }

    def _locks(self) -> dict[str, Any]:
        from b2sdk.v3 import FileRetentionSetting, LegalHold, RetentionMode  # noqa: PLC0415  # imported by now

        wanted = self._settings
        retention = None
        if wanted.object_lock_mode is not None and wanted.object_lock_retain is not None:
            until = time.time_ns() // 1_000_000 + wanted.object_lock_retain * _DAY_MILLIS
            retention = FileRetentionSetting(RetentionMode(wanted.object_lock_mode.value), until)
        return {"file_retention": retention, "legal_hold": LegalHold.ON if wanted.object_lock_legal_hold else None}


def _encryption(settings: B2Settings) -> Any:
    from b2sdk.v3 import EncryptionAlgorithm, EncryptionKey, EncryptionMode, EncryptionSetting  # noqa: PLC0415  # as above

    match settings.server_side_encryption:
        case None:
            return None
        case Encryption.B2:
            return EncryptionSetting(EncryptionMode.SSE_B2, EncryptionAlgorithm.AES256)
        case Encryption.CUSTOMER:
            if settings.sse_customer_key_base64 is None:
                raise ValueError("server_side_encryption: sse-c without a key")
            secret = base64.b64decode(settings.sse_customer_key_base64.reveal())
            key = EncryptionKey(secret, None)
            return EncryptionSetting(EncryptionMode.SSE_C, EncryptionAlgorithm.AES256, key)
