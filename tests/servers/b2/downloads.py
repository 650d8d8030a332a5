"""Downloads by name and by id, whole or a range (docs, "b2_download_file_by_name", "b2_download_file_by_id").

The documentation names no conditional headers (If-Match and the like), so these are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from .accounts import Account, DownloadGrant, World, account_id_in
from .buckets import Bucket
from .encryption import Encryption
from .errors import Refused, bad_request, bad_token, expired_token, missing_token, not_found, unauthorized
from .keys import Key
from .names import decode
from .response import Response
from .retention import lock_headers
from .versions import FileVersion

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_SHOWN_AS: Final = {
    "b2-content-disposition": "Content-Disposition",
    "b2-content-language": "Content-Language",
    "b2-expires": "Expires",
    "b2-cache-control": "Cache-Control",
    "b2-content-encoding": "Content-Encoding",
}
_OVERRIDES: Final = {
    "b2ContentDisposition": "Content-Disposition",
    "b2ContentLanguage": "Content-Language",
    "b2Expires": "Expires",
    "b2CacheControl": "Cache-Control",
    "b2ContentEncoding": "Content-Encoding",
    "b2ContentType": "Content-Type",
}
_LOCK_HEADERS: Final = {
    "readFileRetentions": "X-Bz-File-Retention-Mode,X-Bz-File-Retention-Retain-Until-Timestamp",
    "readFileLegalHolds": "X-Bz-File-Legal-Hold",
}


def download_by_name(world: World, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Response:
    """Answer `GET /file/BUCKET/NAME` with the newest version, which must not be a marker."""
    bucket_name, _, raw_name = path.partition("/")
    name, bucket = decode(raw_name, "the file name"), world.bucket_named(bucket_name)
    if bucket is None:
        raise not_found(f"Bucket {bucket_name} does not exist.")
    with world.account(bucket.account_id) as account:
        account.begin("b2_download_file_by_name", headers.get("X-Bz-Test-Mode"))
        key = _authorized(account, bucket, name, query, headers)
        version = bucket.versions.latest(name)
        if version is None or version.action != "upload":
            raise not_found("File with such name does not exist.")
        return _respond(account, bucket, version, key, query, headers)


def download_by_id(world: World, query: Mapping[str, str], headers: Mapping[str, str]) -> Response:
    """Answer `b2_download_file_by_id?fileId=`, which reaches old versions too."""
    file_id = query.get("fileId", "")
    token = headers.get("Authorization") or query.get("Authorization")
    owner = world.owner_of(file_id) or account_id_in(token)
    with world.account(owner) as account:
        account.begin("b2_download_file_by_id", headers.get("X-Bz-Test-Mode"))
        version = account.files.get(file_id)
        if version is None or version.action != "upload":
            account.session(token)
            raise not_found(f"file_state_none: {file_id}")
        bucket = account.buckets[version.bucket_id]
        key = _authorized(account, bucket, version.name, query, headers)
        return _respond(account, bucket, version, key, query, headers)


def _authorized(
    account: Account, bucket: Bucket, name: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> Key | None:
    """Return the key that reads, or None for who reads a public bucket or was granted to. Refuse all others."""
    token = headers.get("Authorization") or query.get("Authorization")
    if not token:
        if bucket.public:
            return None
        raise missing_token()
    grant = account.download_grants.get(token)
    if grant is not None:
        _check_grant(account, grant, bucket, name, query)
        return None
    if account_id_in(token) != account.account_id:
        raise bad_token()
    key = account.session(token).key
    if not bucket.public:
        key.demand("readFiles", bucket.bucket_id, name)
    return key


def _check_grant(account: Account, grant: DownloadGrant, bucket: Bucket, name: str, query: Mapping[str, str]) -> None:
    if account.now() >= grant.expires:
        raise expired_token()
    if grant.bucket_id != bucket.bucket_id or not name.startswith(grant.prefix):
        raise unauthorized("the download authorization is for other files")
    for override, value in grant.required.items():
        if query.get(override) != value:
            raise unauthorized(f"the download authorization asks for {override}")


def _respond(
    account: Account,
    bucket: Bucket,
    version: FileVersion,
    key: Key | None,
    query: Mapping[str, str],
    headers: Mapping[str, str],
) -> Response:
    version.encryption.check_readable_with(Encryption.from_headers(headers))
    data, total = version.data, len(version.data)
    shown = _headers(bucket, version, key)
    for override, header in _OVERRIDES.items():
        if override in query:
            if key is None and not headers.get("Authorization") and "Authorization" not in query:
                raise bad_request(f"{override} needs an authorization token")
            shown[header] = query[override]
    span = _range(headers.get("Range"), total)
    if span is not None:
        data = data[span[0] : span[1] + 1]
        shown["Content-Range"] = f"bytes {span[0]}-{span[1]}/{total}"
    account.check_download(len(data))
    return Response(200 if span is None else 206, shown, data)


def _headers(bucket: Bucket, version: FileVersion, key: Key | None) -> dict[str, str]:
    shown = {
        "Accept-Ranges": "bytes",
        "Content-Type": version.content_type,
        "x-bz-content-sha1": version.sha1 or "none",
        "x-bz-file-id": version.file_id,
        "x-bz-file-name": quote(version.name, safe="/"),
        "x-bz-upload-timestamp": str(version.timestamp),
        **version.encryption.as_headers(),
    }
    if "Cache-Control" in bucket.info:
        shown["Cache-Control"] = bucket.info["Cache-Control"]
    for name, value in version.info.items():
        special = _SHOWN_AS.get(name)
        shown[special or f"X-Bz-Info-{name}"] = value if special else quote(value, safe="/")
    if bucket.file_lock:
        denied = [header for capability, header in _LOCK_HEADERS.items() if key is None or not key.may(capability)]
        lock = lock_headers(version.retention, version.legal_hold)
        shown |= {name: value for name, value in lock.items() if name not in ",".join(denied)}
        if denied:
            shown["X-Bz-Client-Unauthorized-To-Read"] = ",".join(denied)
    return shown


def _range(header: str | None, total: int) -> tuple[int, int] | None:
    """Return the first and the last place asked for, both sent; None for the whole file."""
    if header is None:
        return None
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if match is None or match[1] == match[2] == "":
        raise bad_request(f"Bad range: {header}")
    if match[1] == "":
        first, last = max(0, total - int(match[2])), total - 1
    else:
        first, last = int(match[1]), min(int(match[2] or total - 1), total - 1)
    if first > last:
        raise Refused(416, "range_not_satisfiable", f"The range {header} is outside of the file of {total} bytes")
    return first, last
