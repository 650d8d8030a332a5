"""Names of shares: readable, and impossible to guess."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata

from buckia_core.objects.listing import directory_prefix
from buckia_core.planning.keys import FilesystemRules, invalid_reason

MAX_SLUG = 60
"""Longest slug, in characters."""

DEFAULT_SLUG = "file"
"""Slug of a name without Latin letters and digits."""

_TOKEN_BYTES = 16
_MAX_EXTENSION = 16
_DOUBLE_EXTENSIONS = ("tar",)
_OTHER = re.compile(r"[^a-z0-9]+")
_EXTENSION = re.compile(rf"[a-z0-9]{{1,{_MAX_EXTENSION}}}")
_NONCE = re.compile(rf"[0-9a-f]{{{2 * _TOKEN_BYTES}}}")


def slugify(name: str) -> str:
    """Return a name as 1 to 60 lower-case ASCII letters, digits and dashes: `Été 2026!` becomes `ete-2026`."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = _OTHER.sub("-", ascii_name.lower()).strip("-")[:MAX_SLUG].rstrip("-") or DEFAULT_SLUG
    # Windows has no folder `con`, and a share bucket may be a folder there.
    return f"{slug}-{DEFAULT_SLUG}" if invalid_reason(slug, FilesystemRules(windows=True)) else slug


def split_extension(name: str) -> tuple[str, str]:
    """Split the last part of a key into stem and extension: `a/Logo.PNG` into `Logo` and `.png`.

    The extension is empty, or a dot with up to 16 letters and digits, in lower case; `.tar.gz` is one.
    """
    last = name.rstrip("/").rpartition("/")[2]
    stem, dot, extension = last.rpartition(".")
    if not (dot and stem and _EXTENSION.fullmatch(extension.lower())):
        return last, ""
    start, inner, ending = stem.rpartition(".")
    if inner and start and ending.lower() in _DOUBLE_EXTENSIONS:
        return start, f".{ending}.{extension}".lower()
    return stem, f".{extension}".lower()


def display_name(key: str, name: str | None) -> str:
    """Return the name of a share: the given one without the extension of the key, else the stem of the key."""
    stem, extension = split_extension(key)
    if name is None:
        return stem
    given, own = split_extension(name)
    return given if own == extension and own and "/" not in name else name


def new_nonce() -> str:
    """Return 128 random bits as hexadecimal digits, for `share_key`."""
    return secrets.token_hex(_TOKEN_BYTES)


def share_key(share_id: str, nonce: str, key: str, name: str) -> str:
    """Return the key of a share in the share bucket: slug, 128 bits of a hash, and the extension of the object's key.

    The hash is of the share's id and of a secret nonce, so nobody can guess the key, and nobody can find an id and a
    nonce for a key that exists. It has no upper case, so that it is unique on file systems that ignore case.
    """
    token = hashlib.sha256(f"{share_id}:{nonce}".encode()).hexdigest()[: 2 * _TOKEN_BYTES]
    return f"{directory_prefix(slugify(name))}{token}{split_extension(key)[1]}"


def is_nonce(text: str) -> bool:
    """Tell whether a text has the form of those of `new_nonce`."""
    return _NONCE.fullmatch(text) is not None
