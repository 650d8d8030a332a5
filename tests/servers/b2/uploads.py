"""Upload URLs, and the uploads of files and parts that go there (docs, "Uploading files"; PROVIDERS 2.2)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from .accounts import Account, Session, UploadUrl, World, account_id_in
from .call import Call, Carry
from .encryption import Encryption
from .errors import Refused, bad_request, bad_token
from .large_files import PARTS_LIMIT, part_as_json
from .names import decode
from .storing import Wanted, keep, new_version
from .switches import FAILED_SHARE
from .versions import FileVersion, Part

INFO_PREFIX: Final = "x-bz-info-"


def _get_upload_url(call: Call) -> dict[str, Any]:
    bucket = call.bucket("writeFiles")
    return {"bucketId": bucket.bucket_id, **_open(call, bucket.bucket_id, None)}


def _get_upload_part_url(call: Call) -> dict[str, Any]:
    large = call.unfinished("writeFiles")
    return {"fileId": large.file_id, **_open(call, large.bucket_id, large)}


def _open(call: Call, bucket_id: str, large: FileVersion | None) -> dict[str, str]:
    url_id = f"c001_v0001000_t{secrets.token_hex(6)}"
    token = f"4_{call.key.key_id}_{call.account.account_id}_upld_{secrets.token_urlsafe(18)}="
    uses = call.account.settings.upload_url_uses
    call.account.upload_urls[url_id] = UploadUrl(url_id, token, call.session, bucket_id, large, uses)
    target = f"b2_upload_part/{large.file_id}" if large else f"b2_upload_file/{bucket_id}"
    return {
        "authorizationToken": token,
        "uploadUrl": f"{call.base_url}/b2api/v{call.version}/{target}/{url_id}",
    }


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload whose URL and token are in order; its bytes may come."""

    account: Account
    url: UploadUrl
    headers: Mapping[str, str]
    version: int

    def accept(self, body: bytes) -> dict[str, Any]:
        """Store what came and return the response's JSON."""
        data, sha1 = checked_body(self.headers, body)
        if self.url.large_file is not None:
            return self._accept_part(self.url.large_file, data, sha1)
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        with self.account.lock:
            bucket = self.account.buckets.get(self.url.bucket_id)
            if bucket is None:
                raise bad_request("the bucket of this upload URL is gone")
            name = decode(_needed(self.headers, "X-Bz-File-Name"), "X-Bz-File-Name")
            info = {
                key.lower().removeprefix(INFO_PREFIX): decode(value, key)
                for key, value in self.headers.items()
                if key.lower().startswith(INFO_PREFIX)
            }
            key = self.url.session.key
            key.demand("writeFiles", bucket.bucket_id, name)
            _needed(self.headers, "Content-Type")
            wanted = Wanted.from_headers(self.headers, name, info, self.account.now())
            version = new_version(self.account, bucket, key, wanted, "upload")
            version.data, version.sha1, version.md5 = data, sha1, md5
            keep(self.account, bucket, version)
            return bucket.file_as_json(version, key, self.version)

    def _accept_part(self, large: FileVersion, data: bytes, sha1: str) -> dict[str, Any]:
        number = _needed(self.headers, "X-Bz-Part-Number")
        if not number.isdigit() or not 1 <= int(number) <= PARTS_LIMIT:
            raise bad_request(f"Bad part number: {number}")
        with self.account.lock:
            if self.account.files.get(large.file_id) is not large or large.action != "start":
                raise bad_request(f"No active upload for: {large.file_id}")
            if large.encryption.mode == "SSE-C":
                large.encryption.check_readable_with(Encryption.from_headers(self.headers))
            self.account.check_storage(len(data))
            old = large.parts.get(int(number))
            self.account.bytes_stored += len(data) - (len(old.data) if old else 0)
            md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
            part = Part(data, sha1, md5, self.account.next_timestamp())
            large.parts[int(number)] = part
            return part_as_json(large, int(number), part)


@contextmanager
def start_upload(world: World, call: str, url_id: str, headers: Mapping[str, str], version: int) -> Iterator[Upload]:
    """Look at an upload before its bytes come, and keep its URL from others meanwhile."""
    token = headers.get("Authorization")
    with world.account(account_id_in(token)) as account:
        test_mode = headers.get("X-Bz-Test-Mode")
        account.begin(call, test_mode)
        if test_mode == "fail_some_uploads" and account.chance.random() < FAILED_SHARE:
            raise _get_another_url()
        url = account.upload_urls.get(url_id)
        if url is None or url.token != token or (url.large_file is None) != (call == "b2_upload_file"):
            raise bad_token()
        _check_session(account, url.session)
        if url.busy:
            # b2sdk reads the token from this very sentence.
            raise Refused(400, "auth_token_limit", f"more than one upload using auth token {token}")
        if url.uses_left == 0:
            raise _get_another_url()
        if url.uses_left is not None:
            url.uses_left -= 1
        url.busy = True
    try:
        yield Upload(account, url, headers, version)
    finally:
        url.busy = False


def _check_session(account: Account, session: Session) -> None:
    if session.key is not account.master and session.key.key_id not in account.keys:
        raise bad_token()
    account.check_time(session)


def _get_another_url() -> Refused:
    """The response upon which clients get a new upload URL (docs, "Uploading files"; PROVIDERS 2.2)."""
    return Refused(503, "service_unavailable", "c001_v0001000_t0000 is too busy")


def _needed(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise bad_request(f"Missing header: {name}")
    return value


def checked_body(headers: Mapping[str, str], body: bytes) -> tuple[bytes, str]:
    """Return the bytes and the SHA-1 that the file gets. Refused where they do not match.

    The header is hex digits, or says that they follow the bytes, or that nobody knows them: then the file's is
    `unverified:` and the digits (docs, "Uploading files").
    """
    expected = _needed(headers, "X-Bz-Content-Sha1")
    if expected == "hex_digits_at_end":
        if len(body) < 40:
            raise bad_request("hex_digits_at_end needs 40 hex digits after the bytes")
        body, expected = body[:-40], body[-40:].decode("latin-1")
    sha1 = hashlib.sha1(body, usedforsecurity=False).hexdigest()
    if expected == "do_not_verify":
        sha1 = f"unverified:{sha1}"
    elif expected.lower() != sha1:
        raise bad_request("Sha1 did not match data received")
    content_md5 = headers.get("Content-MD5")
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    if content_md5 is not None and content_md5 != base64.b64encode(digest).decode():
        raise bad_request("Content-MD5 did not match data received")
    return body, sha1


CALLS: Final[Mapping[str, Carry]] = {
    "b2_get_upload_part_url": _get_upload_part_url,
    "b2_get_upload_url": _get_upload_url,
}
