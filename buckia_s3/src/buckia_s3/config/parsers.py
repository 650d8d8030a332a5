"""Parsers of the settings `credential_provider`, `conditional_put` and `copy_if_not_exists`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from buckia_core.config.values import InvalidValue, invalid_value, suggest

CREDENTIAL_PROVIDERS = ("static", "environment", "profile", "boto3", "sts", "anonymous")
"""Values of `credential_provider`, besides `module:function`."""

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def parse_conditional_put(value: object) -> object:
    """Parse the setting `conditional_put`: `etag` or `disabled`.

    Raises:
        InvalidValue: It is something else.
    """
    if value in ("etag", "disabled"):
        return value
    if isinstance(value, str) and value.startswith("dynamo:"):
        raise InvalidValue(
            "can't be a DynamoDB table: obstore no longer supports that, because S3 has conditional writes. "
            "Use 'etag', or leave it out"
        )
    raise invalid_value(value, "etag or disabled")


def parse_credential_provider(value: object) -> object:
    """Parse the setting `credential_provider`: one of `CREDENTIAL_PROVIDERS`, `module:function`, or a callable.

    Raises:
        InvalidValue: It is something else.
    """
    if callable(value) or value in CREDENTIAL_PROVIDERS or (isinstance(value, str) and _FUNCTION.fullmatch(value)):
        return value
    hint = suggest(str(value), CREDENTIAL_PROVIDERS) if isinstance(value, str) else ""
    raise invalid_value(value, f"one of {', '.join(CREDENTIAL_PROVIDERS)}, or module:function.{hint}".rstrip("."))


def names_function(text: str) -> bool:
    """Tell whether a `credential_provider` names a function."""
    return text not in CREDENTIAL_PROVIDERS


DEFAULT_STATUS = 412

_NAME = re.compile(r"[A-Za-z0-9-]+")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_STATUS = re.compile(r"[45]\d\d")

_FORMS = "multipart, header:NAME:VALUE or header-with-status:NAME:VALUE:STATUS"


@dataclass(frozen=True, slots=True)
class CopyIfNotExists:
    """CopyIfNotExists: how to make a copy conditional.

    Attributes:
        header: Name and value of a header; `None` means multipart.
        status: Response status that means that the key exists.
    """

    header: tuple[str, str] | None = None
    status: int = DEFAULT_STATUS


def parse_copy_if_not_exists(value: object) -> CopyIfNotExists:
    """Parse the setting `copy_if_not_exists`: how to make a copy fail if the key exists.

        multipart                                       multipart copy; the completion has `If-None-Match: *`
        header:NAME:VALUE                               send the header; status 412 means that the key exists
        header-with-status:NAME:VALUE:STATUS            send the header; STATUS means that the key exists

    Without the setting, `If-None-Match: *` is sent to AWS, and a HEAD just before the copy checks other services.

    Raises:
        ValueError: It has none of these forms.
    """
    if isinstance(value, CopyIfNotExists):
        return value
    text = str(value)
    kind, _, rest = text.partition(":")
    if kind == "dynamo":
        raise ValueError(
            f"{_FORMS}: locks in a DynamoDB table are not supported, because other clients ignore them. On AWS, "
            "copies are conditional without this setting"
        )
    if text == "multipart":
        return CopyIfNotExists()
    status = str(DEFAULT_STATUS)
    if kind == "header-with-status":
        rest, _, status = rest.rpartition(":")
    name, _, content = (part.strip() for part in rest.partition(":"))
    known = kind in ("header", "header-with-status")
    if not (known and _NAME.fullmatch(name) and _VALUE.fullmatch(content) and _STATUS.fullmatch(status.strip())):
        raise ValueError(_FORMS)
    return CopyIfNotExists((name, content), int(status))
