r"""Sanitizing of untrusted strings for terminals: control characters become visible escapes.

    character                                          shown as
    ---------------------------------------------------------------------
    newline, carriage return, tab                      \n  \r  \t
    other controls, below U+0100                       \x1b
    a byte of a file name that is not UTF-8            \xff
    line separators, invisible marks, bidi overrides   \u202e  \U000e0041
    lone surrogates                                    \ud800
    everything else                                    unchanged

The joiners U+200C and U+200D are kept: they are part of ordinary words and emoji.
"""

from __future__ import annotations

import unicodedata

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")


def sanitize(text: str) -> str:
    """Return `text` as one line without control characters. Never raises."""
    if text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    if 0xDC80 <= code <= 0xDCFF:
        # Surrogate escape: a byte of a file name that is not UTF-8.
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
