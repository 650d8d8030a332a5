"""Keeping secrets out of texts that are shown or logged."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus
from weakref import WeakKeyDictionary

from buckia_core.config.secrets import Secret, known_secrets

MASK = "***"

SHORTEST = 4
"""Shorter secrets are not looked for: they would be found in every other word."""

_HEADER = re.compile(
    r"""(?ix) (?: (?<![\w-]) | (?<=\\n) )
    ( (?:proxy-)?authorization | accesskey | x-amz-security-token | x-auth-token | (?:set-)?cookie )
    ( ['"]? \s* : \s* )
    ( b?'[^']*' | b?"[^"]*" | (?:(?!\\r|\\n)[^\r\n'"])+ )"""
)
_QUERY = re.compile(
    r"""(?ix) (?<![\w-])
    ( x-amz-signature | x-amz-security-token | signature | sig | accesskey | token | access_token | password | secret )
    = [^&\s'"<>,;)]+"""
)
_USER_INFO = re.compile(r"(?<=://)([^/\s:@'\"]*):[^/\s@'\"]+@")

_forms: WeakKeyDictionary[Secret, tuple[str, ...]] = WeakKeyDictionary()


def redact(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Return the text without the secrets, and without anything that looks like a credential or a signature.

    A secret is found as it stands, URL-encoded, escaped as in JSON or Python, and in base64, where it may
    be a part of what was encoded (`user:secret`). Independent of the secrets, the values of headers such as
    `Authorization`, of parameters such as `X-Amz-Signature`, and passwords in addresses are masked.
    """
    found = {form for secret in secrets for form in _forms_of(secret) if form in text}
    for form in sorted(found, key=len, reverse=True):
        text = text.replace(form, MASK)
    text = _HEADER.sub(rf"\1\2{MASK}", text)
    text = _QUERY.sub(rf"\1={MASK}", text)
    return _USER_INFO.sub(rf"\1:{MASK}@", text)


class RedactingFilter(logging.Filter):
    """Redacts log records: their message, traceback and stack. Knows every `Secret` that the process holds.

    Add it to handlers; a filter on a logger does not see the records of the loggers below it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place, and let it pass."""
        secrets = known_secrets()
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            # logging would write the arguments of such a record to standard error as they are.
            message = f"{record.msg} {record.args!r}"
            record.msg, record.args = redact(message, secrets), ()
        clean = redact(message, secrets)
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0] and not record.exc_text:
            # Formatters use this text, where it is set, instead of the exception itself.
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text, secrets)
        if record.stack_info:
            record.stack_info = redact(record.stack_info, secrets)
        return True


def _forms_of(secret: Secret) -> tuple[str, ...]:
    forms = _forms.get(secret)
    if forms is None:
        forms = _forms[secret] = tuple(_written(secret.reveal()))
    return forms


def _written(text: str) -> set[str]:
    if len(text) < SHORTEST:
        return set()
    data = text.encode("utf-8", "surrogatepass")
    quoted = {quote(data, safe=""), quote(data, safe="/"), quote_plus(data)}
    lower = {re.sub("%..", lambda escape: escape[0].lower(), form) for form in quoted}
    escaped = {repr(text)[1:-1], json.dumps(text)[1:-1]}
    return {text, *quoted, *lower, *escaped, *_in_base64(data)}


def _in_base64(data: bytes) -> set[str]:
    """Return the base64 of the bytes, whole, and the part of it that stays the same wherever they are embedded."""
    forms = set()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data).decode()
        # Characters that also hold bits of a neighbour are cut off on both ends.
        end = (before + len(data)) * 8 // 6
        inner = whole[(0, 2, 3)[before] : end]
        if before == 0:
            forms |= {whole, whole.rstrip("=")}
        if len(inner) >= 2 * SHORTEST:
            forms.add(inner)
    return forms | {form.translate(str.maketrans("+/", "-_")) for form in forms}
