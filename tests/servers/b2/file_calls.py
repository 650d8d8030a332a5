"""Calls about versions of files: looked at, listed, hidden, deleted, locked, and opened for others to download."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from .accounts import DownloadGrant
from .buckets import Bucket
from .call import Call, Carry
from .errors import Refused, access_denied, bad_request, locked, no_file_lock, not_found
from .names import check_file_name
from .params import Params
from .retention import legal_hold_from, retention_from_json
from .versions import FileVersion, order_in_id

_PAGE_LIMIT: Final = 10_000
_LONGEST_GRANT: Final = 604_800
_NOT_AUTHORIZED: Final = (
    "Auth token not authorized to write retention or file already in 'compliance' mode or bypassGovernance=true "
    "parameter missing"
)
_OVERRIDES: Final = (
    "b2ContentDisposition", "b2ContentLanguage", "b2Expires", "b2CacheControl", "b2ContentEncoding", "b2ContentType",
)  # fmt: skip


def _get_file_info(call: Call) -> dict[str, Any]:
    call.key.demand("readFiles")
    version = call.account.files.get(call.params.text("fileId"))
    if version is None:
        raise not_found(f"file_state_none: {call.params.text('fileId')}")
    call.key.demand("readFiles", version.bucket_id, version.name)
    return call.bucket_of(version).file_as_json(version, call.key, call.version)


def _list_file_names(call: Call) -> dict[str, Any]:
    """List names whose newest version is a file, one page (docs, "b2_list_file_names")."""

    def newest(versions: list[FileVersion]) -> list[FileVersion]:
        found = next((version for version in versions if version.action != "start"), None)
        return [found] if found is not None and found.action == "upload" else []

    start = call.params.text_or_none("startFileName") or ""
    page, more = _page(call, start, newest)
    return {"files": page, "nextFileName": more["fileName"] if more else None}


def _list_file_versions(call: Call) -> dict[str, Any]:
    """List all versions, unfinished ones too, names in order and then newest first (docs, "b2_list_file_versions")."""
    start, start_id = call.params.text_or_none("startFileName") or "", call.params.text_or_none("startFileId")
    order = order_in_id(start_id) if start_id else None
    if start_id and (order is None or not start):
        raise bad_request("startFileId must be a file id, and comes with startFileName")

    def from_start(versions: list[FileVersion]) -> list[FileVersion]:
        if order is None or versions[0].name != start:
            return versions
        return [version for version in versions if version.order >= order]

    page, more = _page(call, start, from_start)
    return {
        "files": page,
        "nextFileId": more["fileId"] if more else None,
        "nextFileName": more["fileName"] if more else None,
    }


Choose = Callable[[list[FileVersion]], list[FileVersion]]


def _page(call: Call, start: str, choose: Choose) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    prefix = call.params.text_or_none("prefix") or ""
    bucket = call.bucket("listFiles", prefix)
    count = call.params.number("maxFileCount", 100, 1, _PAGE_LIMIT)
    entries = _entries(bucket, start, prefix, call.params.text_or_none("delimiter") or None, choose)
    page: list[dict[str, Any]] = []
    for entry in entries:
        shown = (
            bucket.folder_as_json(entry)
            if isinstance(entry, str)
            else bucket.file_as_json(entry, call.key, call.version)
        )
        if len(page) == count:
            return page, shown
        page.append(shown)
    return page, None


def _entries(
    bucket: Bucket, start: str, prefix: str, delimiter: str | None, choose: Choose
) -> Iterator[FileVersion | str]:
    for name, is_folder in bucket.versions.names(start, prefix, delimiter):
        if not is_folder:
            yield from choose(bucket.versions.of(name))
        elif any(choose(bucket.versions.of(inner)) for inner, _ in bucket.versions.names(name, name, None)):
            yield name


def _hide_file(call: Call) -> dict[str, Any]:
    name = call.params.text("fileName")
    bucket = call.bucket("writeFiles", name)
    check_file_name(name)
    latest = bucket.versions.latest(name)
    if latest is None:
        raise Refused(400, "no_such_file", f"File not present: {name}")
    if latest.action == "hide":
        raise Refused(400, "already_hidden", f"File already hidden: {name}")
    timestamp = call.account.next_timestamp()
    file_id, sequence = call.account.next_id(bucket.bucket_id, timestamp)
    marker = FileVersion(
        bucket.bucket_id, file_id, name, "hide", timestamp, sequence, content_type="application/x-bz-hide-marker"
    )
    call.account.files[file_id] = marker
    bucket.versions.add(marker)
    return bucket.file_as_json(marker, call.key, call.version)


def _delete_file_version(call: Call) -> dict[str, Any]:
    version = _named_version(call, "deleteFiles")
    _check_unlocked(call, version)
    call.bucket_of(version).versions.remove(version)
    del call.account.files[version.file_id]
    call.account.bytes_stored -= len(version.data) + sum(len(part.data) for part in version.parts.values())
    return {"fileId": version.file_id, "fileName": version.name}


def _check_unlocked(call: Call, version: FileVersion) -> None:
    bypass = call.params.flag("bypassGovernance")
    if bypass:
        call.key.demand("bypassGovernance")
    if version.legal_hold == "on":
        raise locked()
    if version.retention is None or version.retention.until <= call.account.now():
        return
    if version.retention.mode == "compliance" or not bypass:
        raise locked()


def _update_file_retention(call: Call) -> dict[str, Any]:
    """Change a retention; only governance can be shortened, and only by who may bypass it (docs, "Object Lock")."""
    version = _lockable_version(call, "writeFileRetentions")
    now = call.account.now()
    given, old = retention_from_json(call.params.mapping("fileRetention"), now), version.retention
    weaker = old is not None and (given is None or given.until < old.until or given.mode == "governance" != old.mode)
    if old is not None and old.until > now and weaker:
        bypass = call.params.flag("bypassGovernance") and call.key.may("bypassGovernance")
        if old.mode == "compliance" or not bypass:
            raise access_denied(_NOT_AUTHORIZED)
    version.retention = given
    shown = given.as_json() if given else {"mode": None, "retainUntilTimestamp": None}
    return {"fileId": version.file_id, "fileName": version.name, "fileRetention": shown}


def _update_file_legal_hold(call: Call) -> dict[str, Any]:
    version = _lockable_version(call, "writeFileLegalHolds")
    version.legal_hold = legal_hold_from(call.params.text("legalHold"))
    return {"fileId": version.file_id, "fileName": version.name, "legalHold": version.legal_hold}


def _lockable_version(call: Call, capability: str) -> FileVersion:
    """Return the version whose lock changes. A key without the capability is 403, whatever the bucket.

    Source: the `b2` tool's tests, and b2sdk's `RetentionWriteError`, which it makes of `AccessDenied`.
    """
    if not call.key.may(capability):
        raise access_denied(_NOT_AUTHORIZED)
    version = _named_version(call, capability)
    if not call.bucket_of(version).file_lock:
        raise no_file_lock()
    if version.action == "hide":
        raise bad_request("a marker that hides can not be locked")
    return version


def _named_version(call: Call, capability: str) -> FileVersion:
    file_id, name = call.params.text("fileId"), call.params.text("fileName")
    call.key.demand(capability, name=name)
    version = call.account.files.get(file_id)
    if version is None or version.name != name:
        raise Refused(400, "file_not_present", f"File not present: {name} {file_id}")
    call.key.demand(capability, version.bucket_id, name)
    return version


def _get_download_authorization(call: Call) -> dict[str, Any]:
    prefix = call.params.text_or_none("fileNamePrefix") or ""
    bucket = call.bucket("shareFiles", prefix)
    seconds = call.params.number("validDurationInSeconds", 0, 1, _LONGEST_GRANT)
    required = _required(call.params)
    token = f"3_{call.key.key_id}_{call.account.account_id}_{secrets.token_urlsafe(18)}_dnld="
    expires = call.account.now() + 1000 * seconds
    call.account.download_grants[token] = DownloadGrant(bucket.bucket_id, prefix, expires, required)
    return {"authorizationToken": token, "bucketId": bucket.bucket_id, "fileNamePrefix": prefix}


def _required(params: Params) -> dict[str, str]:
    return {name: value for name in _OVERRIDES if (value := params.text_or_none(name)) is not None}


CALLS: Final[Mapping[str, Carry]] = {
    "b2_delete_file_version": _delete_file_version,
    "b2_get_download_authorization": _get_download_authorization,
    "b2_get_file_info": _get_file_info,
    "b2_hide_file": _hide_file,
    "b2_list_file_names": _list_file_names,
    "b2_list_file_versions": _list_file_versions,
    "b2_update_file_legal_hold": _update_file_legal_hold,
    "b2_update_file_retention": _update_file_retention,
}
