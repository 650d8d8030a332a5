"""`Secret`: a string that is never shown by accident, a registry of all that exist, and their encoded forms."""

from __future__ import annotations

import base64
import json
import re
from threading import RLock
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus
from weakref import WeakValueDictionary

_WORD = r"(?:[A-Z]?[a-z]+|[A-Z]+)(?:[-_. ](?:[A-Z]?[a-z]+|[A-Z]+))*[-_.]?\d{0,4}|[\d ._-]*"

MIN_LENGTH = 4
"""Shorter strings occur in almost any sentence."""

_WORD_LENGTH = 8
"""Shorter strings may occur in other words."""

LONG_LENGTH = 16
"""Strings of this length do not occur by chance."""

_HINT_LENGTH = 6

_START_LENGTH = 12
"""Length of the beginning that identifies a long secret: messages may be cut off."""


class Form(NamedTuple):
    """Encoded form of a secret.

    Attributes:
        text: The form in lower case, as by `ascii_lower`.
        start: The form itself, or the beginning that identifies it where the rest was cut off.
        hint: The first few characters, for a fast search.
    """

    text: str
    start: str
    hint: str


class Secret:
    """Secret string that does not show in `repr`, `str`, formatting or copies, and can't be pickled.

    While an instance exists, `known_secrets` returns it, so that `redact` and `RedactingFilter` mask it in messages
    and logs.

    Args:
        text: The secret string.
        is_public: Whether others may read it, such as an access key's id. It is not masked.
    """

    __slots__ = ("__weakref__", "_forms", "_text", "is_public")

    def __init__(self, text: str, *, is_public: bool = False) -> None:
        self._text = text
        self.is_public = is_public
        self._forms: tuple[Form, ...] | None = None
        with _lock:
            _known[id(self)] = self
            _hints.clear()

    def reveal(self) -> str:
        """Return the string. Call it only where the string is passed to the provider."""
        return self._text

    def forms(self) -> tuple[Form, ...]:
        """Return the encoded forms that identify the secret anywhere in a string.

        The plain form of an ordinary word (`is_word`) is not one of them.
        """
        if self._forms is None:
            self._forms = tuple(_encode_forms(self._text))
        return self._forms

    @property
    def is_word(self) -> bool:
        """Whether the string is an ordinary word, a number, or so short that it occurs in other strings."""
        return is_word(self._text)

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret can't be pickled; pickle the reference that it comes from")


# Keyed by identity: of two equal secrets, one may be collected while the other remains known.
_known: WeakValueDictionary[int, Secret] = WeakValueDictionary()
_lock = RLock()
_hints: dict[None, tuple[str, ...]] = {}


def known_secrets() -> list[Secret]:
    """Return the secrets that this process holds now."""
    # Called for each line of output; `valuerefs` is eight times as fast as `values`.
    return [secret for reference in _known.valuerefs() if (secret := reference()) is not None]


def known_hints() -> tuple[str, ...]:
    """Return the hints, one of which occurs in each string that shows a known secret, after `ascii_lower`.

    These are the hints of all forms, and the words. Cached until a secret is created, since every line is checked.
    """
    hints = _hints.get(None)
    if hints is not None:
        return hints
    with _lock:
        secrets = [secret for secret in known_secrets() if secret and not secret.is_public]
        words = {ascii_lower(secret.reveal()) for secret in secrets if secret.is_word}
        hints = _hints[None] = tuple(words.union(form.hint for secret in secrets for form in secret.forms()))
    return hints


def is_word(text: str) -> bool:
    """Tell whether a string may occur in other strings by chance.

    True below 8 characters, and below 16 for words (`minio-admin`), a word with up to four digits (`Password1`), and
    digits.
    """
    return len(text) < _WORD_LENGTH or (len(text) < LONG_LENGTH and re.fullmatch(_WORD, text) is not None)


def ascii_lower(text: str) -> str:
    """Return the string with ASCII letters in lower case; offsets stay the same."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def _encode_forms(text: str) -> list[Form]:
    if not text:
        return []
    data = text.encode("utf-8", "surrogatepass")
    plain = {
        text,
        quote(data, safe=""),
        quote(data, safe="/"),
        quote_plus(data),
        repr(text)[1:-1],
        json.dumps(text)[1:-1],
    }
    texts = _base64_forms(data) | (set() if is_word(text) else plain)
    forms = {Form(ascii_lower(each), ascii_lower(_start(each)), ascii_lower(each[:_HINT_LENGTH])) for each in texts}
    return sorted(forms, key=lambda form: len(form.text), reverse=True)


def _start(text: str) -> str:
    return text if len(text) < LONG_LENGTH or is_word(text[:_START_LENGTH]) else text[:_START_LENGTH]


def _base64_forms(data: bytes) -> set[str]:
    """Return the base64 of the bytes, and its part that is the same at any offset in a longer value."""
    forms = set()
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + data).decode()
        # Characters that also hold bits of neighbouring bytes are cut off at both ends.
        end = (offset + len(data)) * 8 // 6
        inner = encoded[(0, 2, 3)[offset] : end]
        if offset == 0 and len(data) >= MIN_LENGTH:
            forms |= {encoded, encoded.rstrip("=")}
        if len(inner) >= _WORD_LENGTH:
            forms.add(inner)
    return forms | {form.translate(str.maketrans("+/", "-_")) for form in forms}
