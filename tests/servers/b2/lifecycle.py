"""Lifecycle rules, carried out once (docs, "Lifecycle rules"). The service does so once a day."""

from __future__ import annotations

from itertools import pairwise

from .accounts import Account
from .buckets import Bucket
from .retention import DAY
from .versions import FileVersion


def apply_lifecycle(account: Account) -> None:
    """Hide and delete what the rules of the account's buckets say, as of the account's time."""
    now = account.now()
    for bucket in account.buckets.values():
        for rule in bucket.lifecycle_rules:
            prefix = rule["fileNamePrefix"]
            names = [name for name, _ in bucket.versions.names(prefix, prefix, None)]
            for name in names:
                _cancel(account, bucket, name, now, rule["daysFromStartingToCancelingUnfinishedLargeFiles"])
                _hide(account, bucket, name, now, rule["daysFromUploadingToHiding"])
                _delete_hidden(account, bucket, name, now, rule["daysFromHidingToDeleting"])


def _cancel(account: Account, bucket: Bucket, name: str, now: int, days: int | None) -> None:
    for version in list(bucket.versions.of(name)):
        if days is not None and version.action == "start" and version.timestamp + days * DAY <= now:
            _remove(account, bucket, version)


def _hide(account: Account, bucket: Bucket, name: str, now: int, days: int | None) -> None:
    latest = bucket.versions.latest(name)
    if days is None or latest is None or latest.action != "upload" or latest.timestamp + days * DAY > now:
        return
    timestamp = account.next_timestamp()
    file_id, sequence = account.next_id(bucket.bucket_id, timestamp)
    kind = "application/x-bz-hide-marker"
    marker = FileVersion(bucket.bucket_id, file_id, name, "hide", timestamp, sequence, content_type=kind)
    account.files[file_id] = marker
    bucket.versions.add(marker)


def _delete_hidden(account: Account, bucket: Bucket, name: str, now: int, days: int | None) -> None:
    if days is None:
        return
    finished = [version for version in bucket.versions.of(name) if version.action != "start"]
    for newer, version in pairwise(finished):
        # A version is hidden from the moment of the next newer one: a marker or another upload.
        if newer.timestamp + days * DAY <= now and not _locked(version, now):
            _remove(account, bucket, version)
    left = [version for version in bucket.versions.of(name) if version.action != "start"]
    if len(left) == 1 and left[0].action == "hide" and left[0].timestamp + days * DAY <= now:
        _remove(account, bucket, left[0])


def _locked(version: FileVersion, now: int) -> bool:
    return version.legal_hold == "on" or (version.retention is not None and version.retention.until > now)


def _remove(account: Account, bucket: Bucket, version: FileVersion) -> None:
    bucket.versions.remove(version)
    del account.files[version.file_id]
    account.bytes_stored -= len(version.data) + sum(len(part.data) for part in version.parts.values())
