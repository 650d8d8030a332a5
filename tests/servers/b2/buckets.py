"""A bucket: its settings, its versions, and how both show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .encryption import Encryption
from .errors import Refused, bad_request, no_file_lock
from .keys import Key
from .names import checked_file_info
from .params import Params
from .retention import DefaultRetention
from .versions import FileVersion, VersionIndex

_RULE_DAYS: Final = (
    "daysFromHidingToDeleting",
    "daysFromUploadingToHiding",
    "daysFromStartingToCancelingUnfinishedLargeFiles",
)


@dataclass(slots=True, eq=False)
class Bucket:
    """A bucket of an account."""

    account_id: str
    bucket_id: str
    name: str
    kind: str
    """`allPrivate` or `allPublic`."""
    info: dict[str, str] = field(default_factory=dict)
    cors_rules: list[dict[str, Any]] = field(default_factory=list)
    lifecycle_rules: list[dict[str, Any]] = field(default_factory=list)
    encryption: Encryption = field(default_factory=Encryption)
    file_lock: bool = False
    retention: DefaultRetention | None = None
    revision: int = 1
    versions: VersionIndex = field(default_factory=VersionIndex)

    @property
    def public(self) -> bool:
        """Whether anyone may download."""
        return self.kind == "allPublic"

    def change(self, params: Params) -> None:
        """Take over the settings that a call names. Nothing changes where one of them is refused."""
        kind = params.text_or_none("bucketType") or self.kind
        if kind not in {"allPrivate", "allPublic"}:
            raise bad_request(f"Invalid bucketType: {kind}")
        lock = params.flag("fileLockEnabled") if "fileLockEnabled" in params else self.file_lock
        if self.file_lock and not lock:
            message = "fileLockEnabled value of false is not allowed when bucket is already file lock enabled."
            raise bad_request(message)  # b2sdk reads this very sentence
        encryption = Encryption.from_json(params.mapping("defaultServerSideEncryption")) or self.encryption
        if encryption.mode == "SSE-C":
            raise bad_request("SSE-C cannot be the default of a bucket")
        default = params.mapping("defaultRetention")
        retention = self.retention if default is None else DefaultRetention.from_json(default)
        if retention is not None and not lock:
            raise no_file_lock()
        info, cors, lifecycle = params.mapping("bucketInfo"), params.array("corsRules"), params.array("lifecycleRules")
        self.info = self.info if info is None else _checked_info(info)
        self.lifecycle_rules = self.lifecycle_rules if lifecycle is None else _checked_lifecycle(lifecycle)
        self.cors_rules = self.cors_rules if cors is None else _checked_cors(cors)
        self.kind, self.file_lock, self.encryption, self.retention = kind, lock, encryption, retention

    def as_json(self, key: Key) -> dict[str, Any]:
        """Return the bucket as a key sees it (docs, "b2_list_buckets"; b2sdk `bucket.py`)."""
        encryption: dict[str, Any] = {"isClientAuthorizedToRead": key.may("readBucketEncryption"), "value": None}
        if encryption["isClientAuthorizedToRead"]:
            encryption["value"] = {"algorithm": None, **self.encryption.as_json()}
        lock: dict[str, Any] = {"isClientAuthorizedToRead": key.may("readBucketRetentions"), "value": None}
        if lock["isClientAuthorizedToRead"]:
            retention = self.retention.as_json() if self.retention else {"mode": None, "period": None}
            lock["value"] = {"defaultRetention": retention, "isFileLockEnabled": self.file_lock}
        replication: dict[str, Any] = {"isClientAuthorizedToRead": key.may("readBucketReplications"), "value": None}
        if replication["isClientAuthorizedToRead"]:
            replication["value"] = {"asReplicationDestination": None, "asReplicationSource": None}
        return {
            "accountId": self.account_id,
            "bucketId": self.bucket_id,
            "bucketInfo": self.info,
            "bucketName": self.name,
            "bucketType": self.kind,
            "corsRules": self.cors_rules,
            "defaultServerSideEncryption": encryption,
            "fileLockConfiguration": lock,
            "lifecycleRules": self.lifecycle_rules,
            "options": ["s3"],
            "replicationConfiguration": replication,
            "revision": self.revision,
        }

    def file_as_json(self, version: FileVersion, key: Key, api_version: int) -> dict[str, Any]:
        """Return a version as a key sees it (docs, "b2_list_file_versions"; rclone reads `size` from lists of v1)."""
        hidden = version.action == "hide"
        retention = version.retention.as_json() if version.retention else {"mode": None, "retainUntilTimestamp": None}
        may_retention, may_hold = key.may("readFileRetentions"), key.may("readFileLegalHolds")
        shown: dict[str, Any] = {
            "accountId": self.account_id,
            "action": version.action,
            "bucketId": self.bucket_id,
            "contentLength": len(version.data),
            "contentMd5": version.md5,
            "contentSha1": version.sha1,
            "contentType": version.content_type,
            "fileId": version.file_id,
            "fileInfo": version.info,
            "fileName": version.name,
            "fileRetention": {
                "isClientAuthorizedToRead": may_retention,
                "value": retention if may_retention else None,
            },
            "legalHold": {"isClientAuthorizedToRead": may_hold, "value": version.legal_hold if may_hold else None},
            "replicationStatus": None,
            "serverSideEncryption": {"algorithm": None, "mode": None} if hidden else version.encryption.as_json(),
            "uploadTimestamp": version.timestamp,
        }
        if api_version == 1:
            shown["size"] = len(version.data)
        return shown

    def folder_as_json(self, name: str) -> dict[str, Any]:
        """Return what stands for all names that a delimiter makes one (docs, "b2_list_file_names")."""
        nothing = ("contentMd5", "contentSha1", "contentType", "fileId", "replicationStatus")
        return {
            "accountId": self.account_id,
            "action": "folder",
            "bucketId": self.bucket_id,
            "contentLength": 0,
            "fileInfo": {},
            "fileName": name,
            "fileRetention": {"isClientAuthorizedToRead": False, "value": None},
            "legalHold": {"isClientAuthorizedToRead": False, "value": None},
            "serverSideEncryption": {"algorithm": None, "mode": None},
            "size": 0,
            "uploadTimestamp": 0,
            **dict.fromkeys(nothing),
        }


def _checked_info(info: Mapping[str, Any]) -> dict[str, str]:
    checked_file_info(info, locked_or_encrypted=False)
    return dict(info)


def _checked_lifecycle(rules: list[Any]) -> list[dict[str, Any]]:
    if len(rules) > 100:
        raise bad_request("a bucket can have at most 100 lifecycle rules")
    prefixes: list[str] = []
    for rule in rules:
        if not isinstance(rule, dict) or not isinstance(rule.get("fileNamePrefix"), str):
            raise bad_request("a lifecycle rule needs a fileNamePrefix")
        days = [rule.get(name) for name in _RULE_DAYS]
        if all(one is None for one in days) or not all(
            one is None or (isinstance(one, int) and one > 0) for one in days
        ):
            raise bad_request("a lifecycle rule needs a positive number of days")
        if any(rule["fileNamePrefix"].startswith(one) or one.startswith(rule["fileNamePrefix"]) for one in prefixes):
            raise bad_request("two lifecycle rules apply to the same files")
        prefixes.append(rule["fileNamePrefix"])
    return [dict.fromkeys(_RULE_DAYS) | rule for rule in rules]


def _checked_cors(rules: list[Any]) -> list[dict[str, Any]]:
    needed = {"corsRuleName", "allowedOrigins", "allowedOperations", "maxAgeSeconds"}
    if len(rules) > 100:
        raise bad_request("a bucket can have at most 100 CORS rules")
    for rule in rules:
        if not isinstance(rule, dict) or not needed <= set(rule):
            raise bad_request(f"a CORS rule needs {', '.join(sorted(needed))}")
    return rules


def conflict() -> Refused:
    """The settings were changed by somebody else (b2sdk `Conflict`)."""
    return Refused(409, "conflict", "Bucket settings were changed by another request")
