"""Redaction: keeps secrets out of output, logs and error messages.

    function   masks                                                       used for
    ------------------------------------------------------------------------------------------------------
    mask       the secrets that the process holds                          results, whose keys must not change
    redact     these, and whatever looks like a credential or a signature  messages, logs, tracebacks
    clean      the same, and escapes control characters                    messages of errors

Importing this module makes every `BuckiaError` pass its message through `clean`.
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
"""Lower-case markers, one of which occurs in every match; the expression; and the replacement."""

_NAMED_VALUE = (
    r"((?i:secret|password|passwd|passphrase|pwd|token|credentials?"
    r"|(?:api|access|application|account|secret|private)[ _-]?key)"
    r"""['"]?\s*(?:[:=]%s)\s*['"`(]?)%s(?!\w)"""
)
"""Matches a value after the name of a secret. A bare "key" is not one: it mostly names an object."""

_GAP = r"(?:\s|\\[rn])+"

_DELIMITER = r"""[\s'"`<>…]|\.{3}"""


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    """Compile an expression on first use: all of them take some milliseconds, and most runs need none."""
    return re.compile(expression)


def redact(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Mask the secrets, and everything that looks like a credential or a signature.

    Secrets are found as `mask` finds them. Independent of them, the values of headers such as `Authorization`, query
    parameters such as `X-Amz-Signature`, JSON and XML fields such as `applicationKey`, and passwords in URLs are
    masked.
    """
    text = mask(text, secrets)
    folded = ascii_lower(text)
    # Finding a marker costs far less than the expression, and most strings have no marker.
    for markers, expression, replacement in _CREDENTIALS:
        if any(marker in folded for marker in markers):
            text = _compiled(expression).sub(replacement, text)
    return text


def redact_known(text: str) -> str:
    """Return the text as `redact` does, without the known secrets."""
    return redact(text, known_secrets())


def clean(text: str) -> str:
    """Return a message on one line, without the known secrets and without control characters."""
    return sanitize(redact_known(text))


def mask(text: str, secrets: Iterable[Secret]) -> str:
    """Mask the secrets in a string.

    A secret is found in upper or lower case, broken over lines, and in base64, also as a part of the encoded value
    (`user:secret`). It may be URL-encoded or escaped as in JSON, Python or HTML, wholly or in part, also twice, with
    invisible characters between. The beginning of a long secret is enough: the rest is masked up to the next space,
    quote, angle bracket or ellipsis.

    A secret that is an ordinary word (`Secret.is_word`) is masked only as the value of a name for secrets:
    `password=admin`, `"token": "admin"`, `secret key is admin`. A public one (`Secret.is_public`), such as an access
    key's id, is never masked.
    """
    secrets = [secret for secret in secrets if not secret.is_public]
    if not secrets:
        return text
    folded = ascii_lower(text)
    forms = [form for secret in secrets for form in secret.forms()]
    spans: list[tuple[int, int]] = []
    if candidates := _candidate_forms(folded, forms):
        spans += [*_find_spans(folded, candidates), *_find_wrapped_spans(folded, candidates)]
    if may_be_encoded(text) and any(_candidate_forms(ascii_lower(each), forms) for each in decode(text)):
        spans += _find_encoded_spans(text, forms)
    if spans:
        text = _mask_spans(text, spans)
    for secret in secrets:
        word = secret.reveal()
        if word and word in text and secret.is_word:
            # "The token is a secret" does not reveal the secret "a".
            verbs = r"|\bis\b|\bwas\b" if len(word) >= MIN_LENGTH else ""
            text = re.sub(_NAMED_VALUE % (verbs, re.escape(word)), rf"\1{MASK}", text)
    return text


def mask_known(text: str) -> str:
    """Mask the known secrets; fast for strings without any, which are returned unchanged."""
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
    """Return a logger whose records are redacted for all handlers."""
    logger = logging.getLogger(name)
    if not any(isinstance(each, RedactingFilter) for each in logger.filters):
        logger.addFilter(RedactingFilter())
    return logger


class RedactingFilter(logging.Filter):
    """Logging filter that redacts message, traceback and stack, with every `Secret` that the process holds.

    Add it to handlers: a filter on a logger does not apply to records of child loggers.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place, and keep it."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            # logging would write the arguments of such a record to standard error without redaction.
            message = f"{record.msg} {record.args!r}"
            record.msg, record.args = redact_known(message), ()
        redacted = redact_known(message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        if record.exc_info and record.exc_info[0] and not record.exc_text:
            # Formatters use this string instead of the exception.
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact_known(record.exc_text)
        if record.stack_info:
            record.stack_info = redact_known(record.stack_info)
        return True


def _candidate_forms(folded: str, forms: Iterable[Form]) -> list[Form]:
    return [form for form in forms if form.hint in folded]


def _find_spans(folded: str, forms: Iterable[Form], *, extend: bool = True) -> Iterator[tuple[int, int]]:
    """Yield the spans of the forms. `extend` extends a partial match to the next delimiter."""
    for form in forms:
        at = folded.find(form.start)
        while at >= 0:
            end = at + len(form.start)
            for letter in form.text[len(form.start) :]:
                if folded[end : end + 1] != letter:
                    break
                end += 1
            if extend and end - at < len(form.text):
                end = _find_delimiter(folded, end)
            yield at, end
            at = folded.find(form.start, end)


def _find_delimiter(text: str, start: int) -> int:
    found = _compiled(_DELIMITER).search(text, start)
    return found.start() if found else len(text)


def _find_wrapped_spans(folded: str, forms: Iterable[Form]) -> list[tuple[int, int]]:
    """Return the spans of the long forms, ignoring line breaks, indentation and spaces."""
    kept: list[int] = []
    last = 0
    for gap in _compiled(_GAP).finditer(folded):
        kept.extend(range(last, gap.start()))
        last = gap.end()
    kept.extend(range(last, len(folded)))
    joined = "".join([folded[index] for index in kept])
    long = [form for form in forms if len(form.text) >= LONG_LENGTH]
    return [(kept[start], kept[end - 1] + 1) for start, end in _find_spans(joined, long, extend=False)]


def _find_encoded_spans(text: str, forms: Sequence[Form]) -> Iterator[tuple[int, int]]:
    """Yield the spans in the original of the forms that occur in its decoded copies."""
    for copy in decode_with_offsets(text):
        folded = ascii_lower(copy.text)
        for start, end in _find_spans(folded, _candidate_forms(folded, forms)):
            yield copy.starts[start], copy.ends[end - 1]


def _mask_spans(text: str, spans: list[tuple[int, int]]) -> str:
    """Replace each span by a mask, overlapping ones by a single mask."""
    parts: list[str] = []
    last = 0
    for start, end in sorted(spans):
        if start >= last:
            parts += [text[last:start], MASK]
        last = max(last, end)
    return "".join([*parts, text[last:]])


BuckiaError.clean = staticmethod(clean)
