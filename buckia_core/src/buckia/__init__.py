"""Buckia syncs local folders with cloud buckets.

    from buckia import BuckiaClient, BucketConfig

    config = BucketConfig(provider="file", root="backup")
    result = BuckiaClient(config).sync("assets")
    print(f"{result.uploaded} uploaded, {result.downloaded} downloaded")

This package is the public API for applications. Adapters import from `buckia_core`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from buckia_core.adapters.contract.object_options import Encryption, Retention
    from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged
    from buckia_core.app_data.app import AppData, AppStatus
    from buckia_core.app_data.demo_database import NotApplied, TableChange
    from buckia_core.app_data.reset import ResetResult
    from buckia_core.client import BuckiaClient
    from buckia_core.config.app_profile import AppProfile
    from buckia_core.config.bucket import BucketConfig, KeepReplaced
    from buckia_core.config.file import ConfigFile
    from buckia_core.config.file import find as find_config
    from buckia_core.config.file import load as load_config
    from buckia_core.config.path_rules import PathRule
    from buckia_core.config.secrets.secret import Secret
    from buckia_core.config.share_settings import ShareAccess
    from buckia_core.errors import (
        AdapterBroken,
        AdapterError,
        AdapterNotInstalled,
        AlreadyExists,
        BucketNotConfigured,
        BucketNotFound,
        BuckiaError,
        ConfigError,
        CorruptDatabase,
        IntegrityError,
        InvalidKey,
        InvalidSetting,
        LockHeld,
        MissingCredentials,
        NotFound,
        NotSupported,
        PermissionDenied,
        PluginError,
        PreconditionFailed,
        SideEmptied,
        StateDenied,
        StateError,
        SyncIncomplete,
        Throttled,
        TooManyDeletes,
        TooManyOverwrites,
        Transient,
        Unauthenticated,
        UnknownSetting,
        UnresolvedConflicts,
        UnsafePlan,
    )
    from buckia_core.objects.async_store import AsyncObjectStore
    from buckia_core.objects.bucket_methods import Preflight
    from buckia_core.objects.delete import DeleteIncomplete, DeleteResult
    from buckia_core.objects.fetch import FetchRefused
    from buckia_core.objects.listing import Page
    from buckia_core.objects.manifest import Asset, KeyStrategy, Manifest, Verification
    from buckia_core.objects.progress import TransferProgress
    from buckia_core.objects.sink import Run, Sink
    from buckia_core.objects.store import ObjectStore
    from buckia_core.objects.urls import ObjectUrl, UrlPolicy
    from buckia_core.planning.plan import Action, Operation, Plan, Reason
    from buckia_core.planning.policy import ConflictPolicy, Direction, Side
    from buckia_core.planning.versions import ObjectVersion, Restoration
    from buckia_core.sharing.config import ShareConfig
    from buckia_core.sharing.record import ShareState
    from buckia_core.sharing.share import Share, ShareFailure, SweepResult
    from buckia_core.sharing.shares import Shares
    from buckia_core.syncing.disk.trash import NotInTrash, NotRestored, Trash
    from buckia_core.syncing.disk.trash_records import Trashed
    from buckia_core.syncing.events import (
        Event,
        FileError,
        Finished,
        Listener,
        Notice,
        Planned,
        Scanning,
        Status,
        SyncResult,
        Transferred,
    )
    from buckia_core.syncing.fetching.runs import FetchResult
    from buckia_core.syncing.planner.check import CheckResult, Difference
    from buckia_core.syncing.planner.resolve import Conflict, NotAConflict
    from buckia_core.syncing.state.database_file import StateTooNew
    from buckia_core.syncing.transfer.versions import BucketVersions, Restored

__version__ = "0.7.0"

__all__ = [
    "Action",
    "AdapterBroken",
    "AdapterError",
    "AdapterNotInstalled",
    "AlreadyExists",
    "AppData",
    "AppProfile",
    "AppStatus",
    "Asset",
    "AsyncObjectStore",
    "BucketConfig",
    "BucketNotConfigured",
    "BucketNotFound",
    "BucketVersions",
    "BuckiaClient",
    "BuckiaError",
    "CheckResult",
    "ConfigError",
    "ConfigFile",
    "Conflict",
    "ConflictPolicy",
    "CorruptDatabase",
    "DeleteIncomplete",
    "DeleteResult",
    "Difference",
    "Direction",
    "Encryption",
    "Event",
    "FetchRefused",
    "FetchResult",
    "FileError",
    "Finished",
    "IfAbsent",
    "IfUnchanged",
    "IntegrityError",
    "InvalidKey",
    "InvalidSetting",
    "KeepReplaced",
    "KeyStrategy",
    "Listener",
    "LockHeld",
    "Manifest",
    "MissingCredentials",
    "NotAConflict",
    "NotApplied",
    "NotFound",
    "NotInTrash",
    "NotRestored",
    "NotSupported",
    "Notice",
    "ObjectStore",
    "ObjectUrl",
    "ObjectVersion",
    "Operation",
    "Page",
    "PathRule",
    "PermissionDenied",
    "Plan",
    "Planned",
    "PluginError",
    "PreconditionFailed",
    "Preflight",
    "Reason",
    "ResetResult",
    "Restoration",
    "Restored",
    "Retention",
    "Run",
    "Scanning",
    "Secret",
    "Share",
    "ShareAccess",
    "ShareConfig",
    "ShareFailure",
    "ShareState",
    "Shares",
    "Side",
    "SideEmptied",
    "Sink",
    "StateDenied",
    "StateError",
    "StateTooNew",
    "Status",
    "SweepResult",
    "SyncIncomplete",
    "SyncResult",
    "TableChange",
    "Throttled",
    "TooManyDeletes",
    "TooManyOverwrites",
    "TransferProgress",
    "Transferred",
    "Transient",
    "Trash",
    "Trashed",
    "Unauthenticated",
    "UnknownSetting",
    "UnresolvedConflicts",
    "UnsafePlan",
    "UrlPolicy",
    "Verification",
    "__version__",
    "find_config",
    "load_config",
]

# Imported on first use, so that a program that needs only the version or an error class does not load the engine.
_NAMES = {
    "client": "BuckiaClient",
    "app_data.app": "AppData AppStatus",
    "app_data.demo_database": "NotApplied TableChange",
    "app_data.reset": "ResetResult",
    "config.app_profile": "AppProfile",
    "adapters.contract.types": "IfAbsent IfUnchanged",
    "adapters.contract.object_options": "Encryption Retention",
    "objects.async_store": "AsyncObjectStore",
    "objects.bucket_methods": "Preflight",
    "objects.delete": "DeleteIncomplete DeleteResult",
    "objects.fetch": "FetchRefused",
    "objects.listing": "Page",
    "objects.manifest": "Asset KeyStrategy Manifest Verification",
    "objects.progress": "TransferProgress",
    "objects.sink": "Run Sink",
    "objects.store": "ObjectStore",
    "objects.urls": "ObjectUrl UrlPolicy",
    "config.file": "ConfigFile find_config load_config",
    "config.bucket": "BucketConfig KeepReplaced",
    "config.path_rules": "PathRule",
    "config.secrets.secret": "Secret",
    "planning.plan": "Action Operation Plan Reason",
    "planning.policy": "ConflictPolicy Direction Side",
    "planning.versions": "ObjectVersion Restoration",
    "config.share_settings": "ShareAccess",
    "sharing.config": "ShareConfig",
    "sharing.record": "ShareState",
    "sharing.share": "Share ShareFailure SweepResult",
    "sharing.shares": "Shares",
    "syncing.transfer.versions": "BucketVersions Restored",
    "syncing.planner.check": "CheckResult Difference",
    "syncing.planner.resolve": "Conflict NotAConflict",
    "syncing.fetching.runs": "FetchResult",
    "syncing.state.database_file": "StateTooNew",
    "syncing.disk.trash": "NotInTrash NotRestored Trash",
    "syncing.disk.trash_records": "Trashed",
    "syncing.events": "Event FileError Finished Listener Notice Planned Scanning Status SyncResult Transferred",
}
_NAME_IN_MODULE = {"find_config": "find", "load_config": "load"}
_MODULES = {name: f"buckia_core.{module}" for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'buckia' has no attribute {name!r}")
    module = importlib.import_module(_MODULES.get(name, "buckia_core.errors"))
    value = getattr(module, _NAME_IN_MODULE.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*(name for name in globals() if name.startswith("__")), *__all__]
