"""A call as the functions that carry it out get it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .accounts import Account, Session, World
from .buckets import Bucket
from .errors import bad_request, no_such_bucket, not_found, unauthorized
from .keys import Key
from .params import Params
from .versions import FileVersion


@dataclass(frozen=True, slots=True)
class Call:
    """A call with a JSON body by an account that is held. `base_url` is the address by which the client came."""

    world: World
    account: Account
    session: Session
    params: Params
    version: int
    base_url: str

    @property
    def key(self) -> Key:
        """The key that was authorized."""
        return self.session.key

    def bucket(self, capability: str, name: str | None = None, *, field: str = "bucketId") -> Bucket:
        """Return the bucket that `field` names, where the key may do this in it with files called `name`."""
        bucket_id = self.params.text(field)
        self.key.demand(capability, bucket_id, name)
        bucket = self.account.buckets.get(bucket_id)
        if bucket is None:
            raise no_such_bucket(bucket_id)
        return bucket

    def bucket_of(self, version: FileVersion) -> Bucket:
        """Return the bucket that a version is in."""
        return self.account.buckets[version.bucket_id]

    def unfinished(self, capability: str, *, field: str = "fileId") -> FileVersion:
        """Return the large file that `field` names, where the key may do this to it."""
        file_id = self.params.text(field)
        self.key.demand(capability)
        version = self.account.files.get(file_id)
        if version is None or version.action != "start":
            raise bad_request(f"No active upload for: {file_id}")
        self.key.demand(capability, version.bucket_id, version.name)
        return version

    def source(self) -> FileVersion:
        """Return the file that a copy reads, where the key may read it."""
        file_id = self.params.text("sourceFileId")
        self.key.demand("readFiles")
        version = self.account.files.get(file_id)
        if version is None or version.action != "upload":
            raise not_found(f"File not present: {file_id}")
        self.key.demand("readFiles", version.bucket_id, version.name)
        return version

    def check_account(self) -> None:
        """Refuse a call that names another account than the token's."""
        if self.params.text("accountId") != self.account.account_id:
            raise unauthorized("accountId is not that of the authorization token")


Carry = Callable[[Call], dict[str, Any]]
"""A function that carries out a call and returns the response's JSON, or raises Refused."""
