"""The rules for names of buckets and files and for file info (PROVIDERS 2.3; b2sdk `check_b2_filename`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus, unquote_to_bytes

from .errors import Refused, bad_request

_BUCKET: Final = re.compile(r"[A-Za-z0-9-]{6,63}")
_INFO_KEY: Final = re.compile(r"[A-Za-z0-9_.`~!#$%^&*'|+-]{1,50}")
_INFO_KEYS_LIMIT: Final = 10
_INFO_BYTES_LIMIT: Final = 7000
_INFO_BYTES_LIMIT_WITH_LOCK_OR_ENCRYPTION: Final = 2048


def check_bucket_name(name: str) -> None:
    """Refuse a name that no bucket can have; `b2-` is the service's own."""
    if not _BUCKET.fullmatch(name) or name.lower().startswith("b2-"):
        raise Refused(400, "bad_request", f"Invalid bucket name: {name}")


def check_file_name(name: str) -> None:
    """Refuse a name that no file can have."""
    size = len(name.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= 1024:
        raise bad_request(f"File names must be 1 to 1024 bytes of UTF-8, this has {size}")
    if any(ord(character) < 32 or character == "\x7f" for character in name):
        raise bad_request("File names must not contain control characters")
    if "\\" in name:
        raise bad_request("File names must not contain '\\'")
    if name.startswith("/") or name.endswith("/") or "//" in name:
        raise bad_request("File names must not start with '/', end with '/', or contain '//'")
    if any(len(segment.encode()) > 250 for segment in name.split("/")):
        raise bad_request("Segments between '/' in file names must be at most 250 bytes")


def decode(text: str, what: str) -> str:
    """Undo percent-encoding; `+` is a space (docs, "String encoding"; b2sdk `b2_url_decode`)."""
    try:
        unquote_to_bytes(text.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise bad_request(f"{what} is not UTF-8") from error
    return unquote_plus(text)


def checked_file_info(info: Mapping[Any, Any], *, locked_or_encrypted: bool) -> dict[str, str]:
    """Return file info with its keys in lower case, or refuse it (docs, "File information")."""
    checked: dict[str, str] = {}
    for key, value in info.items():
        if not isinstance(key, str) or not isinstance(value, str) or not _INFO_KEY.fullmatch(key):
            raise bad_request(f"Bad file info: {key}")
        checked[key.lower()] = value
    if len(checked) > _INFO_KEYS_LIMIT:
        raise bad_request(f"Too many file info headers: {len(checked)}, at most {_INFO_KEYS_LIMIT}")
    limit = _INFO_BYTES_LIMIT_WITH_LOCK_OR_ENCRYPTION if locked_or_encrypted else _INFO_BYTES_LIMIT
    size = sum(len(key) + len(value.encode()) for key, value in checked.items())
    if size > limit:
        raise bad_request(f"File info takes {size} bytes, at most {limit}")
    return checked
