"""Server-side encryption as it shows: which mode, and that a customer's key must come along (b2sdk `encryption`)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from .errors import access_denied, bad_request

_B2_HEADER: Final = "X-Bz-Server-Side-Encryption"
_CUSTOMER_HEADER: Final = "X-Bz-Server-Side-Encryption-Customer-"


@dataclass(frozen=True, slots=True)
class Encryption:
    """How a file is encrypted. Of a customer's key only its digest is kept, as the service does."""

    mode: Literal["none", "SSE-B2", "SSE-C"] = "none"
    key_md5: str | None = None
    """Base64; for SSE-C."""

    @classmethod
    def from_json(cls, fields: Mapping[str, Any] | None) -> Encryption | None:
        """Read `serverSideEncryption` of a request; None where there is none."""
        if not fields:
            return None
        match fields.get("mode"):
            case None | "none":
                return cls()
            case "SSE-B2":
                _check_algorithm(fields.get("algorithm"))
                return cls("SSE-B2")
            case "SSE-C":
                _check_algorithm(fields.get("algorithm"))
                return cls("SSE-C", _checked_key(fields.get("customerKey"), fields.get("customerKeyMd5")))
            case mode:
                raise bad_request(f"invalid encryption mode: {mode}")

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> Encryption | None:
        """Read the headers of an upload or a download; None where there are none."""
        algorithm = headers.get(f"{_CUSTOMER_HEADER}Algorithm")
        if algorithm is not None:
            _check_algorithm(algorithm)
            key, md5 = headers.get(f"{_CUSTOMER_HEADER}Key"), headers.get(f"{_CUSTOMER_HEADER}Key-Md5")
            return cls("SSE-C", _checked_key(key, md5))
        algorithm = headers.get(_B2_HEADER)
        if algorithm is None:
            return None
        _check_algorithm(algorithm)
        return cls("SSE-B2")

    def as_json(self) -> dict[str, Any]:
        """Return what files and buckets show."""
        if self.mode == "none":
            return {"mode": self.mode}
        shown = {"mode": self.mode, "algorithm": "AES256"}
        return shown if self.key_md5 is None else shown | {"customerKeyMd5": self.key_md5}

    def as_headers(self) -> dict[str, str]:
        """Return what downloads show."""
        if self.mode == "SSE-B2":
            return {_B2_HEADER: "AES256"}
        if self.key_md5 is not None:
            return {f"{_CUSTOMER_HEADER}Algorithm": "AES256", f"{_CUSTOMER_HEADER}Key-Md5": self.key_md5}
        return {}

    def check_readable_with(self, given: Encryption | None) -> None:
        """Refuse to read the file without its key (the `b2` tool's tests show these two answers)."""
        given_key = given.key_md5 if given else None
        if self.mode == "SSE-C" and given_key is None:
            raise bad_request(
                "The object was stored using a form of Server Side Encryption. The correct parameters must be "
                "provided to retrieve the object."
            )
        if self.mode == "SSE-C" and given_key != self.key_md5:
            raise access_denied("The customer key is not the one of this file")
        if self.mode != "SSE-C" and given_key is not None:
            raise bad_request("The file is not encrypted with a customer key")


def _check_algorithm(algorithm: object) -> None:
    if algorithm != "AES256":
        raise bad_request(f"invalid encryption algorithm: {algorithm}")


def _checked_key(key: object, md5: object) -> str:
    try:
        secret = base64.b64decode(str(key), validate=True)
    except binascii.Error as error:
        raise bad_request("the customer key is not base64") from error
    digest = base64.b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode()
    if len(secret) != 32 or md5 != digest:
        raise bad_request("the customer key is not 256 bits long, or its MD5 is another")
    return digest
