"""Manifests of runs, and the keys of assets and manifests."""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import Enum

from buckia_core.adapters.content_types import guess_content_type
from buckia_core.errors import IntegrityError, InvalidSetting

MAX_BYTES = 256 << 20
"""Largest manifest that is read, in bytes."""

_VERSION = 1
_TYPES = mimetypes.MimeTypes()
"""Python's own table, and not that of the machine."""
_EXTENSION = re.compile(r"\.[a-z0-9]{1,10}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class KeyStrategy(Enum):
    """How a `Sink` names objects.

    Attributes:
        CONTENT_ADDRESSABLE: By the SHA-256 of their content, so that each content is stored once:
            `{prefix}/assets/{sha[:2]}/{sha[2:4]}/{sha}{ext}` and `{prefix}/manifests/{run_id}.json`.
        HIERARCHICAL: By run: `{prefix}/runs/{date}/{run_id}/{name}`, and `manifest.json` beside the assets.
    """

    CONTENT_ADDRESSABLE = "content_addressable"
    HIERARCHICAL = "hierarchical"

    def asset_key(self, prefix: str, created: datetime, run_id: str, name: str, sha256: str) -> str:
        """Return the key of an asset."""
        if self is KeyStrategy.HIERARCHICAL:
            return _join(prefix, f"runs/{created:%Y-%m-%d}/{run_id}/{name}")
        return _join(prefix, f"assets/{sha256[:2]}/{sha256[2:4]}/{sha256}{extension_of(name)}")

    def manifest_key(self, prefix: str, created: datetime, run_id: str) -> str:
        """Return the key of a manifest."""
        if self is KeyStrategy.HIERARCHICAL:
            return _join(prefix, f"runs/{created:%Y-%m-%d}/{run_id}/{MANIFEST_NAME}")
        return _join(prefix, f"manifests/{run_id}.json")


MANIFEST_NAME = "manifest.json"
"""Name of the manifest in the folder of a run."""


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset of a run.

    Attributes:
        name: Its name in the run.
        key: Its object.
        sha256: Hexadecimal digest of its content.
        size: Bytes.
        content_type: MIME type.
        source: The URL it was fetched from, with its signature masked; `None` otherwise.
    """

    name: str
    key: str
    sha256: str
    size: int
    content_type: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a run has stored.

    Attributes:
        key: The manifest's own object.
        run_id: Id of the run.
        created: When the run began.
        assets: The assets, in the order in which they were added.
        metadata: What the caller of the run gave.
    """

    key: str
    run_id: str
    created: datetime
    assets: tuple[Asset, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Return the content of the manifest's object."""
        document = {
            "version": _VERSION,
            "run_id": self.run_id,
            "created": self.created.astimezone(UTC).isoformat(),
            "metadata": dict(self.metadata),
            "assets": [asdict(asset) for asset in self.assets],
        }
        return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, key: str, data: bytes) -> Manifest:
        """Read the content of the manifest's object.

        It is not trusted: the names of its assets are relative paths without `..`, as those that a `Run` writes.

        Raises:
            IntegrityError: It is no manifest, or of a later version.
        """
        try:
            document = json.loads(data)
            _check_version(document["version"])
            assets = tuple(_asset(each) for each in document["assets"])
            _check_names(assets)
            metadata = {str(name): str(value) for name, value in document["metadata"].items()}
            return cls(key, str(document["run_id"]), _time(document["created"]), assets, metadata)
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            OverflowError,
            RecursionError,
            InvalidSetting,
        ) as error:
            raise IntegrityError(f"{key!r}: it is no manifest: {error}", key=key, retryable=False) from error


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of a comparison of a manifest with the bucket.

    Attributes:
        missing: Assets without an object.
        changed: Assets whose object has other content.
    """

    missing: tuple[Asset, ...] = ()
    changed: tuple[Asset, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all assets are as the manifest says."""
        return not self.missing and not self.changed


def extension_of(name: str) -> str:
    """Return the extension of a name in lower case, with its dot; empty if it has none that is short and plain."""
    _, dot, last = name.rpartition(".")
    extension = f".{last.lower()}" if dot and not name.endswith("/") else ""
    return extension if _EXTENSION.fullmatch(extension) else ""


def asset_name(name: str | None, sha256: str, content_type: str | None) -> str:
    """Return the name of an asset: the given one, else one made of digest and type.

    Raises:
        InvalidSetting: The name can't be the end of a key.
    """
    if name is None:
        return f"{sha256}{extension_of(_TYPES.guess_extension(content_type or '', strict=False) or '')}"
    parts = name.split("/") if isinstance(name, str) else [""]
    if any(part in ("", ".", "..") for part in parts) or not _is_text(name) or name == MANIFEST_NAME:
        raise InvalidSetting(f"the name of an asset is a relative path such as images/a.png, and not {name!r}")
    return name


def type_of(name: str, content_type: str | None) -> str:
    """Return the MIME type of an asset."""
    return content_type or guess_content_type(name)


def _check_version(version: object) -> None:
    if version != _VERSION:
        raise ValueError(f"it has version {version!r}")


def _asset(values: Mapping[str, object]) -> Asset:
    found = Asset(**values)  # type: ignore[arg-type]  # checked below
    texts = (found.key, found.sha256, found.content_type, "" if found.source is None else found.source)
    if not all(isinstance(each, str) and _is_text(each) for each in texts):
        raise ValueError("an asset has fields of another type")
    if not isinstance(found.size, int) or isinstance(found.size, bool) or found.size < 0:
        raise ValueError("an asset has no size")
    if found.name is None:
        raise ValueError("an asset has no name")
    asset_name(found.name, found.sha256, None)
    if not _SHA256.fullmatch(found.sha256):
        raise ValueError("an asset has no SHA-256")
    return found


def _check_names(assets: Sequence[Asset]) -> None:
    if len({asset.name for asset in assets}) < len(assets):
        raise ValueError("two assets have one name")


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("its time has no zone")
    return found.astimezone(UTC)


def _is_text(text: str) -> bool:
    """Tell whether a text can be stored: it has no NUL, and no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def _join(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name
