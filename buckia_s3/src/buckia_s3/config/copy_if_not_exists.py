"""The setting `copy_if_not_exists`: how a server is asked to copy only where nothing is.

    multipart                                       by parts; the completion goes with `If-None-Match: *`
    header:NAME:VALUE                               with that header; 412 says that something is there
    header-with-status:NAME:VALUE:STATUS            with that header; STATUS says that something is there

Without the setting, AWS is asked by `If-None-Match: *`, and others are looked at just before the copy.
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
    """How a copy is made conditional.

    Attributes:
        header: Name and value of a header; `None` is by parts.
        status: Status of the answer that says that something is there.
    """

    header: tuple[str, str] | None = None
    status: int = DEFAULT_STATUS


def parse_copy_if_not_exists(value: object) -> CopyIfNotExists:
    """Read the setting.

    Raises:
        ValueError: It has none of the forms.
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
