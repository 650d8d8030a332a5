"""The core of Buckia: what adapters are written against, and the engine that they serve.

Adapter authors import from here and from `buckia_core.testing`; applications import from `buckia`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from buckia_core.adapters.backoff import Backoff, repeated
    from buckia_core.adapters.base import BaseSync, Source
    from buckia_core.adapters.blocks import reader_of
    from buckia_core.adapters.capabilities import Capabilities
    from buckia_core.adapters.content_types import guess_content_type
    from buckia_core.adapters.hookspecs import hookimpl
    from buckia_core.adapters.objects import DeleteOutcome, IfAbsent, IfUnchanged, Precondition, UploadInfo, fits
    from buckia_core.adapters.pieces import Pieces
    from buckia_core.adapters.prefixes import as_directory
    from buckia_core.adapters.protocols import (
        PublicUrl,
        ResumableDownload,
        ResumableUpload,
        ServerCopy,
        SignedUrl,
        Versioned,
    )
    from buckia_core.adapters.ranged import Opened, RangedDownload
    from buckia_core.adapters.ranges import LimitedReader
    from buckia_core.adapters.registry import AdapterSpec
    from buckia_core.adapters.resuming import Landing, Note, Parts, PartsSource, read_on
    from buckia_core.adapters.sources import DigestCheck, chunks, reading
    from buckia_core.config.secrets import Secret
    from buckia_core.config.settings import setting
    from buckia_core.errors import (
        AdapterError,
        AlreadyExists,
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

__version__ = "0.6.0"

__all__ = [
    "AdapterError",
    "AdapterSpec",
    "AlreadyExists",
    "Backoff",
    "BaseSync",
    "BuckiaError",
    "Capabilities",
    "DeleteOutcome",
    "Digest",
    "DigestCheck",
    "Digests",
    "IfAbsent",
    "IfUnchanged",
    "IntegrityError",
    "InvalidKey",
    "Landing",
    "LimitedReader",
    "MissingCredentials",
    "NotFound",
    "NotSupported",
    "Note",
    "ObjectVersion",
    "Opened",
    "Parts",
    "PartsSource",
    "PermissionDenied",
    "Pieces",
    "Precondition",
    "PreconditionFailed",
    "PublicUrl",
    "RangedDownload",
    "RemoteObject",
    "ResumableDownload",
    "ResumableUpload",
    "Secret",
    "ServerCopy",
    "SignedUrl",
    "Source",
    "Throttled",
    "Transient",
    "Unauthenticated",
    "UploadInfo",
    "Versioned",
    "as_directory",
    "chunks",
    "fits",
    "guess_content_type",
    "hookimpl",
    "read_on",
    "reader_of",
    "reading",
    "repeated",
    "setting",
]

# Imported when first used, as in `buckia`: each module of ours imports this one first, and most need little of it.
_HOMES = {
    "buckia_core.adapters.backoff": ("Backoff", "repeated"),
    "buckia_core.adapters.base": ("BaseSync", "Source"),
    "buckia_core.adapters.blocks": ("reader_of",),
    "buckia_core.adapters.capabilities": ("Capabilities",),
    "buckia_core.adapters.content_types": ("guess_content_type",),
    "buckia_core.adapters.hookspecs": ("hookimpl",),
    "buckia_core.adapters.objects": ("DeleteOutcome", "IfAbsent", "IfUnchanged", "Precondition", "UploadInfo", "fits"),
    "buckia_core.adapters.pieces": ("Pieces",),
    "buckia_core.adapters.prefixes": ("as_directory",),
    "buckia_core.adapters.protocols": (
        "PublicUrl",
        "ResumableDownload",
        "ResumableUpload",
        "ServerCopy",
        "SignedUrl",
        "Versioned",
    ),
    "buckia_core.adapters.ranged": ("Opened", "RangedDownload"),
    "buckia_core.adapters.ranges": ("LimitedReader",),
    "buckia_core.adapters.registry": ("AdapterSpec",),
    "buckia_core.adapters.resuming": ("Landing", "Note", "Parts", "PartsSource", "read_on"),
    "buckia_core.adapters.sources": ("DigestCheck", "chunks", "reading"),
    "buckia_core.config.secrets": ("Secret",),
    "buckia_core.config.settings": ("setting",),
    "buckia_core.planning.digest": ("Digest", "Digests"),
    "buckia_core.planning.manifest": ("RemoteObject",),
    "buckia_core.planning.versions": ("ObjectVersion",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'buckia_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME.get(name, "buckia_core.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
