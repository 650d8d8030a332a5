"""The core of Buckia: what adapters are written against, and the engine that they serve.

Adapter authors import from here and from `buckia_core.testing`; applications import from `buckia`.
"""

from __future__ import annotations

from buckia_core.adapters.base import BaseSync, Source
from buckia_core.adapters.capabilities import Capabilities
from buckia_core.adapters.content_types import guess_content_type
from buckia_core.adapters.hookspecs import hookimpl
from buckia_core.adapters.objects import DeleteOutcome, IfAbsent, IfUnchanged, Precondition, UploadInfo
from buckia_core.adapters.prefixes import as_directory
from buckia_core.adapters.protocols import (
    PublicUrl,
    ResumableDownload,
    ResumableUpload,
    ServerCopy,
    SignedUrl,
    Versioned,
)
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
    "Parts",
    "PartsSource",
    "PermissionDenied",
    "Precondition",
    "PreconditionFailed",
    "PublicUrl",
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
    "guess_content_type",
    "hookimpl",
    "read_on",
    "reading",
    "setting",
]
