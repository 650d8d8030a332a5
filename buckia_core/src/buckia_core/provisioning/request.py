"""Requests: what `buckia provision` was asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Self

from buckia_core.adapters.contract.provisioner import Access
from buckia_core.errors import StateError
from buckia_core.syncing.state.records import MALFORMED, check_fields


class Action(StrEnum):
    """What a provision does."""

    BUCKET = "bucket"
    SHARE_BUCKET = "share-bucket"
    REGISTER = "register"
    ROTATE = "rotate"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a provision was asked to do. Has no secrets: it is written to the journal.

    Attributes:
        action: What to do.
        name: The bucket's name in `.buckia`.
        vendor: The vendor's id; empty for `register`.
        bucket_name: The bucket's name at the vendor.
        region: Region of a new bucket; `None` for the default.
        access: What the key may do.
        prefix: Prefix that the key is limited to; empty for none.
        existing: Use a bucket that exists, and never delete it.
        store: Secret store, as `SCHEME` or `SCHEME:PLACE`.
        public: Let everybody read the objects.
        domain: Host name of the user for public URLs.
        share_for: Entry of `.buckia` that gets this bucket as its share bucket.
        settings: More settings of the entry.
        account: Settings of the account, such as a region or references to secrets; no plain secrets.
        delete_bucket: When destroying, delete the bucket; otherwise only the credentials. `None` deletes it if it was
            provisioned here.
        delete_content: When destroying, delete a bucket that is not empty.
    """

    action: Action
    name: str
    vendor: str = ""
    bucket_name: str = ""
    region: str | None = None
    access: Access = Access.READ_WRITE
    prefix: str = ""
    existing: bool = False
    store: str = ""
    public: bool = False
    domain: str | None = None
    share_for: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    account: Mapping[str, str] = field(default_factory=dict)
    delete_bucket: bool | None = None
    delete_content: bool = False

    def is_same(self, other: Request) -> bool:
        """Tell whether two requests ask for the same; the account may be reached differently."""
        return replace(self, account={}) == replace(other, account={})

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON values."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**values, "settings": dict(self.settings), "account": dict(self.account)}

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Return the request from JSON values.

        Raises:
            StateError: It is malformed.
        """
        try:
            request = cls(**{**values, "action": Action(values["action"]), "access": Access(values["access"])})
            check_fields(request)
        except MALFORMED as error:
            raise StateError(f"the request in the journal is malformed: {error}") from error
        return request
