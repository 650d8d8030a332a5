"""Keys of one's own that a server encrypts with, and does not keep."""

from __future__ import annotations

import base64
import binascii

from buckia_core.config.convert import InvalidValue
from buckia_core.config.secrets.references import Secret

_KEY_BYTES = 32


def parse_encryption_key(value: Secret) -> Secret:
    """Return a key, if it is one: 256 bits in base64. For `parse` of a setting.

    Raises:
        InvalidValue: It is something else. Does not show it.
    """
    try:
        length = len(base64.b64decode(value.reveal(), validate=True))
    except (binascii.Error, ValueError):
        raise InvalidValue("must be a key of 256 bits in base64, and is no base64") from None
    if length != _KEY_BYTES:
        raise InvalidValue(f"must be a key of 256 bits in base64, and has {length * 8} bits")
    return value
