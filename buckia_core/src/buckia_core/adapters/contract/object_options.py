"""Options of single objects: encryption on the server, retention and legal hold."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import InvalidSetting

_KEY_BYTES = 32


class EncryptionKind(Enum):
    """Who has the key.

    Attributes:
        PROVIDER: The provider.
        KMS: A key management service.
        CUSTOMER: The caller, who sends it with each request.
    """

    PROVIDER = "provider"
    KMS = "kms"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Encryption:
    """Encryption of one object on the server. Make it with `sse_s3`, `sse_kms` or `sse_c`.

    Attributes:
        kind: Who has the key.
        kms_key_id: The key of a KMS; `None` for the account's own.
        customer_key: The caller's key, 256 bits in base64.
    """

    kind: EncryptionKind
    kms_key_id: str | None = None
    customer_key: Secret | None = None

    @classmethod
    def sse_s3(cls) -> Encryption:
        """Encrypt with keys of the provider (SSE-S3; SSE-B2 at Backblaze)."""
        return cls(EncryptionKind.PROVIDER)

    @classmethod
    def sse_kms(cls, key_id: str | None = None) -> Encryption:
        """Encrypt with a key of a KMS: its id, ARN or alias; by default that of the account."""
        return cls(EncryptionKind.KMS, kms_key_id=key_id)

    @classmethod
    def sse_c(cls, key: bytes | str | Secret) -> Encryption:
        """Encrypt with a key of your own: 32 bytes, or their base64. Without it, the object can't be read.

        Raises:
            InvalidSetting: The key has another length. The message does not show it.
        """
        text = key.reveal() if isinstance(key, Secret) else key
        if isinstance(text, bytes):
            text = base64.b64encode(text).decode()
        try:
            length = len(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            length = 0
        if length != _KEY_BYTES:
            raise InvalidSetting(f"the key of SSE-C must be {_KEY_BYTES} bytes, or their base64")
        return cls(EncryptionKind.CUSTOMER, customer_key=Secret(text))


class RetentionMode(Enum):
    """How a retention can end early.

    Attributes:
        GOVERNANCE: By whom a special permission allows it.
        COMPLIANCE: Not at all.
    """

    GOVERNANCE = "GOVERNANCE"
    COMPLIANCE = "COMPLIANCE"


@dataclass(frozen=True, slots=True)
class Retention:
    """Object lock of one object: until a time, by a legal hold, or both. The bucket must have object lock enabled.

        Retention("GOVERNANCE", until=datetime.now(UTC) + timedelta(days=30))
        Retention(legal_hold=True)

    Attributes:
        mode: `GOVERNANCE` or `COMPLIANCE`; goes with `until`.
        until: End of the retention, with a time zone.
        legal_hold: Lock until the hold is removed.

    Raises:
        InvalidSetting: The values don't go together, or the time is past.
    """

    mode: RetentionMode | str | None = None
    until: datetime | None = None
    legal_hold: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.mode, str):
            try:
                object.__setattr__(self, "mode", RetentionMode(self.mode.upper()))
            except ValueError:
                allowed = ", ".join(each.value for each in RetentionMode)
                raise InvalidSetting(f"mode must be one of {allowed}, not {self.mode!r}") from None
        if (self.mode is None) != (self.until is None):
            raise InvalidSetting("a retention needs both mode and until, or neither")
        if self.mode is None and not self.legal_hold:
            raise InvalidSetting("a retention without mode, until and legal_hold locks nothing")
        if self.until is not None and self.until.tzinfo is None:
            raise InvalidSetting("until needs a time zone, such as datetime.now(UTC) + timedelta(days=30)")
        if self.until is not None and self.until <= datetime.now(UTC):
            raise InvalidSetting(f"until is past: {self.until.isoformat()}")

    @property
    def lock_mode(self) -> str | None:
        """Value of the mode; `None` without one."""
        return self.mode.value if isinstance(self.mode, RetentionMode) else self.mode


@dataclass(frozen=True, slots=True)
class ObjectOptions:
    """Options of the calls of a view: see `WithOptions`.

    Attributes:
        encryption: Encryption of new objects; for SSE-C, also the key of objects that are read.
        retention: Lock of new objects.
    """

    encryption: Encryption | None = None
    retention: Retention | None = None
