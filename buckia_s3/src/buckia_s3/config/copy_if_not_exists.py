"""The setting `copy_if_not_exists`: how to make a copy fail if the key exists.

    multipart                                       multipart copy; the completion has `If-None-Match: *`
    header:NAME:VALUE                               send the header; status 412 means that the key exists
    header-with-status:NAME:VALUE:STATUS            send the header; STATUS means that the key exists

Without the setting, `If-None-Match: *` is sent to AWS, and a HEAD just before the copy checks other services.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    """Parse the setting.

    Raises:
        ValueError: It has none of the forms above.
    """
    if isinstance(value, CopyIfNotExists):
        return value
    text = str(value)
    kind, _, rest = text.partition(":")
    if kind == "dynamo":
        raise ValueError(
            f"{_FORMS}: a lock in a table of DynamoDB holds only among those who take it, and others write "
            "to a bucket too; AWS itself refuses a copy onto what is there, without any setting"
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
