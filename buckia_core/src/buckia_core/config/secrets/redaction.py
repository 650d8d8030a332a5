"""Redaction: keeps secrets out of text that people and programs see.

    function   takes out                                                   used for
    ------------------------------------------------------------------------------------------------------
    mask       the secrets that the process holds                          results: keys stay as they are
    redact     these, and what looks like a credential or a signature      messages, logs, tracebacks
    clean      the same; what could steer a terminal becomes visible       messages of errors

Every message of a `BuckiaError` passes `clean` when the error is made: importing this module sees to it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from buckia_core.config.secrets.encodings import decode, decode_with_offsets, may_be_encoded
from buckia_core.config.secrets.sanitize import sanitize
from buckia_core.config.secrets.secret import (
    LONG_LENGTH,
    MIN_LENGTH,
    Form,
    Secret,
    ascii_lower,
    known_hints,
    known_secrets,
)
from buckia_core.errors import BuckiaError

MASK = "***"

_HEADER = r"""(?ix) (?: (?<![\w-]) | (?<=\\n) )
    ( (?:proxy-)?authorization | accesskey | (?:set-)?cookie | (?:x-)?api-?key
      | x-amz-security-token | x-amz-s3session-token | x-auth-token | x-bz-[\w-]*token
      | x-[\w-]+-customer-key )
    ( ['"]? \s* : \s* )
    ( b?'[^']*' | b?"[^"]*" | (?:(?!\\r|\\n)[^\r\n'"])+ )"""
_NAMES = r"""x-amz-signature | x-goog-signature | signature | sig | authorization | x-[\w-]+-customer-key
    | x-amz-security-token | x-amz-s3session-token | bcdn_token
    | (?:access|auth|authorization|id|refresh|security|session|upload_?auth)?_?token
    | access_?key | (?:[a-z0-9]+_)?(?:api|application|secret|private|account|customer)_?(?:access_?)?key
    | (?:client_?)?secret | secret_access_key | password | passwd | passphrase | pwd"""
_QUERY = rf"""(?ix) (?:(?<![\w-]) | (?<=%3f) | (?<=%26)) ({_NAMES}) (= | %3d) (?:(?!%26)[^&\s'"<>,;)])+"""
_JSON = rf"""(?ix) ([{{,]\s*) (\\?["']) ({_NAMES}) \2 (\s*:\s*) \2 (?:(?!\2).)+ \2"""
_ELEMENT = rf"""(?ix) <({_NAMES})> [^<]+ </"""
_SCHEME = r"(?i)(?<![\w-])(bearer|basic)\s+[\w.~+/=-]{16,}"
_USER_INFO = r"(?<=://)([^/\s:@'\"]*):[^/\s@'\"]+@"

_CREDENTIALS = (
    (("authorization", "accesskey", "cookie", "api-key", "apikey", "token", "-customer-key"), _HEADER, rf"\1\2{MASK}"),
    (("=", "%3d"), _QUERY, rf"\1\2{MASK}"),
    (
        tuple(
            f"{end}{quote}"
            for end in ("token", "key", "secret", "word", "phrase", "pwd", "signature", "sig", "authorization")
            for quote in ("'", '"', "\\")
        ),
        _JSON,
        rf"\1\2\3\2\4\2{MASK}\2",
    ),
    (("</",), _ELEMENT, rf"<\1>{MASK}</"),
    (("bearer", "basic"), _SCHEME, rf"\1 {MASK}"),
    (("://",), _USER_INFO, rf"\1:{MASK}@"),
)
"""Signs (in lower case), one of which is in each text that the expression finds anything in; and the replacement."""

_NAMED_VALUE = (
    r"((?i:secret|password|passwd|passphrase|pwd|token|credentials?"
    r"|(?:api|access|application|account|secret|private)[ _-]?key)"
    r"""['"]?\s*(?:[:=]%s)\s*['"`(]?)%s(?!\w)"""
)
"""What comes before a value that a secret may be; a bare "key" is the name of an object more often."""

_GAP = r"(?:\s|\\[rn])+"

_DELIMITER = r"""[\s'"`<>…]|\.{3}"""


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    """Return an expression. Compiling all of them takes some milliseconds, and most runs need none."""
    return re.compile(expression)


def redact(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Return the text without the secrets, and without anything that looks like a credential or a signature.

    A secret is found as `mask` finds it. Independent of the secrets, the values of headers such as `Authorization`,
    of parameters such as `X-Amz-Signature`, of JSON and XML such as `applicationKey`, and passwords in addresses are
    masked.
    """
    text = mask(text, secrets)
    folded = ascii_lower(text)
    # What is looked for costs far less than the expression that finds it, and most texts have none of it.
    for signs, expression, masked in _CREDENTIALS:
        if any(sign in folded for sign in signs):
            text = _compiled(expression).sub(masked, text)
    return text


def clean(text: str) -> str:
    """Return a message on one line, without the secrets of this process and without control characters."""
    return sanitize(redact(text, known_secrets()))


def mask(text: str, secrets: Iterable[Secret]) -> str:
    """Return the text without the secrets.

    A secret is found as it stands, in either case, broken over lines, and in base64, where it may be a part of what was
    encoded (`user:secret`); all of it or parts may be URL-encoded, escaped as in JSON, Python or HTML, also twice, with
    invisible characters between. Of a long one, its beginning is enough: what follows is masked to the next space,
    quote, bracket of a tag or ellipsis.

    A secret that is an ordinary word (`Secret.is_word`) is found where it stands as the value of something that is
    called a secret: `password=admin`, `"token": "admin"`, `secret key is admin`. One that others may read
    (`Secret.is_public`), such as an access key's id, stays.
    """
    secrets = [secret for secret in secrets if not secret.is_public]
    if not secrets:
        return text
    folded = ascii_lower(text)
    forms = [form for secret in secrets for form in secret.forms()]
    spans: list[tuple[int, int]] = []
    if near := _candidate_forms(folded, forms):
        spans += [*_find_spans(folded, near), *_find_wrapped_spans(folded, near)]
    if may_be_encoded(text) and any(_candidate_forms(ascii_lower(each), forms) for each in decode(text)):
        spans += _find_encoded_spans(text, forms)
    if spans:
        text = _mask_spans(text, spans)
    for secret in secrets:
        word = secret.reveal()
        if word and word in text and secret.is_word:
            # "The token is a secret" tells nothing of a secret that is "a".
            verbs = r"|\bis\b|\bwas\b" if len(word) >= MIN_LENGTH else ""
            text = re.sub(_NAMED_VALUE % (verbs, re.escape(word)), rf"\1{MASK}", text)
    return text


def mask_known(text: str) -> str:
    """Return the text without the secrets of this process; of most texts, the text itself, at once."""
    hints = known_hints()
    if hints:
        folded = ascii_lower(text)
        for hint in hints:
            if hint in folded:
                return mask(text, known_secrets())
        if may_be_encoded(text):
            for copy in decode(text):
                folded = ascii_lower(copy)
                if any(hint in folded for hint in hints):
                    return mask(text, known_secrets())
    return text


def redacted_logger(name: str) -> logging.Logger:
    """Return a logger whose own records are redacted, whatever handlers an application has."""
    logger = logging.getLogger(name)
    if not any(isinstance(each, RedactingFilter) for each in logger.filters):
        logger.addFilter(RedactingFilter())
    return logger


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


def _candidate_forms(folded: str, forms: Iterable[Form]) -> list[Form]:
    return [form for form in forms if form.hint in folded]


def _find_spans(folded: str, forms: Iterable[Form], *, further: bool = True) -> Iterator[tuple[int, int]]:
    """Yield where the forms stand in a text; where one goes on otherwise, `further` to the next delimiter."""
    for form in forms:
        at = folded.find(form.start)
        while at >= 0:
            end = at + len(form.start)
            for letter in form.text[len(form.start) :]:
                if folded[end : end + 1] != letter:
                    break
                end += 1
            if further and end - at < len(form.text):
                end = _find_delimiter(folded, end)
            yield at, end
            at = folded.find(form.start, end)


def _find_delimiter(text: str, start: int) -> int:
    found = _compiled(_DELIMITER).search(text, start)
    return found.start() if found else len(text)


def _find_wrapped_spans(folded: str, forms: Iterable[Form]) -> list[tuple[int, int]]:
    """Return where the long ones of the forms stand once line breaks, indentation and spaces are left out."""
    kept: list[int] = []
    last = 0
    for gap in _compiled(_GAP).finditer(folded):
        kept.extend(range(last, gap.start()))
        last = gap.end()
    kept.extend(range(last, len(folded)))
    joined = "".join([folded[index] for index in kept])
    long = [form for form in forms if len(form.text) >= LONG_LENGTH]
    return [(kept[start], kept[end - 1] + 1) for start, end in _find_spans(joined, long, further=False)]


def _find_encoded_spans(text: str, forms: Sequence[Form]) -> Iterator[tuple[int, int]]:
    """Yield where the forms stand in a text that is decoded, in the text itself."""
    for copy in decode_with_offsets(text):
        folded = ascii_lower(copy.text)
        for start, end in _find_spans(folded, _candidate_forms(folded, forms)):
            yield copy.starts[start], copy.ends[end - 1]


def _mask_spans(text: str, spans: list[tuple[int, int]]) -> str:
    """Return the text with a mask for each span, one for those that overlap."""
    parts: list[str] = []
    last = 0
    for start, end in sorted(spans):
        if start >= last:
            parts += [text[last:start], MASK]
        last = max(last, end)
    return "".join([*parts, text[last:]])


BuckiaError.clean = staticmethod(clean)
