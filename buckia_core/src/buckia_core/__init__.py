"""Core of Buckia: the contract for adapters, and the sync engine.

Adapter authors import from here and from `buckia_core.testing`; applications import from `buckia`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from buckia_core.adapters.content_types import guess_content_type
    from buckia_core.adapters.contract.base import BaseSync, BeforeRequest, Source
    from buckia_core.adapters.contract.capabilities import Capabilities
    from buckia_core.adapters.contract.identity import normalize_prefix
    from buckia_core.adapters.contract.object_options import Encryption, ObjectOptions, Retention
    from buckia_core.adapters.contract.protocols import (
        AsyncReader,
        Coroutines,
        Lifecycle,
        PrefixListing,
        PublicUrl,
        ResumableDownload,
        ResumableUpload,
        ServerCopy,
        SignedUrl,
        Versioned,
        WithOptions,
    )
    from buckia_core.adapters.contract.provisioner import (
        Access,
        BucketOptions,
        BucketProvisioner,
        BucketRecord,
        IssuedKey,
        IssuesKeys,
        KeyRecord,
        KeyScope,
        PublishesBuckets,
        ResetsPassword,
    )
    from buckia_core.adapters.contract.readers import LimitedReader, open_chunks
    from buckia_core.adapters.contract.resume import (
        Checkpoint,
        MultipartSource,
        PartialDownload,
        PartLayout,
        resume_by_open,
    )
    from buckia_core.adapters.contract.types import (
        DeleteOutcome,
        IfAbsent,
        IfUnchanged,
        Precondition,
        UploadInfo,
        satisfies,
    )
    from buckia_core.adapters.plugins.account_sources import AccountSource, FoundAccount
    from buckia_core.adapters.plugins.hookspecs import hookimpl
    from buckia_core.adapters.plugins.provisioners import ProvisionerSpec
    from buckia_core.adapters.plugins.registry import AdapterSpec
    from buckia_core.adapters.transfers.part_pool import PartPool
    from buckia_core.adapters.transfers.ranged_download import RangedDownload, RangeStream
    from buckia_core.adapters.transfers.retry import RetryPolicy, retry_call
    from buckia_core.adapters.transfers.sources import DigestVerifier, iter_chunks, open_source
    from buckia_core.config.secrets.secret import Secret
    from buckia_core.config.settings import setting
    from buckia_core.errors import (
        AdapterError,
        AlreadyExists,
        BucketNotFound,
        BuckiaError,
        IntegrityError,
        InvalidKey,
        MissingCredentials,
        NotFound,
        NotSupported,
        PermissionDenied,
        PreconditionFailed,
        Throttled,
        Transient,
        Unauthenticated,
    )
    from buckia_core.planning.digest import Digest, Digests
    from buckia_core.planning.manifest import RemoteObject
    from buckia_core.planning.versions import ObjectVersion

__version__ = "0.7.0"

__all__ = [
    "Access",
    "AccountSource",
    "AdapterError",
    "AdapterSpec",
    "AlreadyExists",
    "AsyncReader",
    "BaseSync",
    "BeforeRequest",
    "BucketNotFound",
    "BucketOptions",
    "BucketProvisioner",
    "BucketRecord",
    "BuckiaError",
    "Capabilities",
    "Checkpoint",
    "Coroutines",
    "DeleteOutcome",
    "Digest",
    "DigestVerifier",
    "Digests",
    "Encryption",
    "FoundAccount",
    "IfAbsent",
    "IfUnchanged",
    "IntegrityError",
    "InvalidKey",
    "IssuedKey",
    "IssuesKeys",
    "KeyRecord",
    "KeyScope",
    "Lifecycle",
    "LimitedReader",
    "MissingCredentials",
    "MultipartSource",
    "NotFound",
    "NotSupported",
    "ObjectOptions",
    "ObjectVersion",
    "PartLayout",
    "PartPool",
    "PartialDownload",
    "PermissionDenied",
    "Precondition",
    "PreconditionFailed",
    "PrefixListing",
    "ProvisionerSpec",
    "PublicUrl",
    "PublishesBuckets",
    "RangeStream",
    "RangedDownload",
    "RemoteObject",
    "ResetsPassword",
    "ResumableDownload",
    "ResumableUpload",
    "Retention",
    "RetryPolicy",
    "Secret",
    "ServerCopy",
    "SignedUrl",
    "Source",
    "Throttled",
    "Transient",
    "Unauthenticated",
    "UploadInfo",
    "Versioned",
    "WithOptions",
    "guess_content_type",
    "hookimpl",
    "iter_chunks",
    "normalize_prefix",
    "open_chunks",
    "open_source",
    "resume_by_open",
    "retry_call",
    "satisfies",
    "setting",
]

# Imported on first use, as in `buckia`: each module imports this package first, and needs few of its names.
_NAMES = {
    "adapters.content_types": "guess_content_type",
    "adapters.contract.base": "BaseSync BeforeRequest Source",
    "adapters.contract.capabilities": "Capabilities",
    "adapters.contract.identity": "normalize_prefix",
    "adapters.contract.object_options": "Encryption ObjectOptions Retention",
    "adapters.contract.protocols": (
        "AsyncReader Coroutines Lifecycle PrefixListing PublicUrl ResumableDownload ResumableUpload ServerCopy "
        "SignedUrl Versioned WithOptions"
    ),
    "adapters.contract.provisioner": (
        "Access BucketOptions BucketProvisioner BucketRecord IssuedKey IssuesKeys KeyRecord KeyScope PublishesBuckets "
        "ResetsPassword"
    ),
    "adapters.contract.readers": "LimitedReader open_chunks",
    "adapters.contract.resume": "Checkpoint MultipartSource PartLayout PartialDownload resume_by_open",
    "adapters.contract.types": "DeleteOutcome IfAbsent IfUnchanged Precondition UploadInfo satisfies",
    "adapters.plugins.account_sources": "AccountSource FoundAccount",
    "adapters.plugins.hookspecs": "hookimpl",
    "adapters.plugins.provisioners": "ProvisionerSpec",
    "adapters.plugins.registry": "AdapterSpec",
    "adapters.transfers.part_pool": "PartPool",
    "adapters.transfers.ranged_download": "RangeStream RangedDownload",
    "adapters.transfers.retry": "RetryPolicy retry_call",
    "adapters.transfers.sources": "DigestVerifier iter_chunks open_source",
    "config.secrets.secret": "Secret",
    "config.settings": "setting",
    "planning.digest": "Digest Digests",
    "planning.manifest": "RemoteObject",
    "planning.versions": "ObjectVersion",
}
_MODULES = {name: f"buckia_core.{module}" for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'buckia_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES.get(name, "buckia_core.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
