"""`Secret`: a text that never shows by itself. The process knows all that are alive, and how each may be written."""

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
"""A text of fewer characters is part of every other sentence."""

_WORD_LENGTH = 8
"""A shorter text may be part of any other."""

LONG_LENGTH = 16
"""A text of this length is not met by chance, whatever it is made of."""

_HINT_LENGTH = 6

_START_LENGTH = 12
"""So many characters of the beginning of a long secret are enough to know it by: a message may have been cut off."""


class Form(NamedTuple):
    """One way in which a secret may be written.

    Attributes:
        text: The text, in lower case as `fold` does it.
        start: The text itself, or as much of it as gives it away where the rest was cut off.
        hint: The first few characters: where these are not, there is no need to look closer.
    """

    text: str
    start: str
    hint: str


class Secret:
    """A text that shows only when it is asked to: not in `repr`, `str`, formatting, copies or pickles.

    As long as one lives, `known_secrets` has it, so that `redact` and `RedactingFilter` keep its text out of messages
    and logs.

    Args:
        text: The text.
        is_public: Others may read it, such as an access key's id. It is not taken out of texts.
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
        """Return the text itself. Call it where the text is handed to the provider, and nowhere else."""
        return self._text

    def forms(self) -> tuple[Form, ...]:
        """Return how the text is written where it can be told from other text wherever it stands.

        Of an ordinary word (`is_word`), the text itself is not among them.
        """
        if self._forms is None:
            self._forms = tuple(_encode_forms(self._text))
        return self._forms

    @property
    def is_word(self) -> bool:
        """Whether the text is an ordinary word, a number, or so short that it is part of other texts."""
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


# By identity and not by value: of two equal secrets, the death of one must not make the other unknown.
_known: WeakValueDictionary[int, Secret] = WeakValueDictionary()
_lock = RLock()
_hints: dict[None, tuple[str, ...]] = {}


def known_secrets() -> list[Secret]:
    """Return the secrets that this process holds at the moment."""
    # This is asked for each line, and a list of references is made eight times as fast as one of the values.
    return [secret for reference in _known.valuerefs() if (secret := reference()) is not None]


def known_hints() -> tuple[str, ...]:
    """Return what a text, once it went through `fold`, has one of if it shows a secret of this process.

    The beginnings of all forms, and the words. Kept until there is another secret, since each line is asked about.
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
    """Tell whether a text may stand in other texts without being a secret there.

    That is a text of less than 8 characters, and one of less than 16 that is made of words (`minio-admin`), of a word
    and up to four digits (`Password1`), or of digits.
    """
    return len(text) < _WORD_LENGTH or (len(text) < LONG_LENGTH and re.fullmatch(_WORD, text) is not None)


def ascii_lower(text: str) -> str:
    """Return the text with ASCII letters in lower case; each character stays where it is."""
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
    """Return the base64 of the bytes, whole, and the part of it that stays the same wherever they are embedded."""
    forms = set()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data).decode()
        # Characters that also hold bits of a neighbour are cut off on both ends.
        end = (before + len(data)) * 8 // 6
        inner = whole[(0, 2, 3)[before] : end]
        if before == 0 and len(data) >= MIN_LENGTH:
            forms |= {whole, whole.rstrip("=")}
        if len(inner) >= _WORD_LENGTH:
            forms.add(inner)
    return forms | {form.translate(str.maketrans("+/", "-_")) for form in forms}
