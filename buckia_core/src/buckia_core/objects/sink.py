"""`Sink`: stores the assets of runs, and a manifest of each run."""

from __future__ import annotations

import re
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, cast
from urllib.parse import unquote, urlsplit

from buckia_core.adapters.contract.object_options import Encryption, Retention
from buckia_core.adapters.contract.types import IfAbsent, UploadInfo
from buckia_core.adapters.transfers.hashing import hash_file, hash_stream, new_hash
from buckia_core.config.secrets.redaction import redact
from buckia_core.errors import AlreadyExists, IntegrityError, InvalidSetting, PreconditionFailed
from buckia_core.objects.fetch import Fetcher
from buckia_core.objects.manifest import MAX_BYTES, Asset, KeyStrategy, Manifest, Verification, asset_name, type_of
from buckia_core.objects.sources import PutSource, as_source, is_seekable
from buckia_core.objects.upload import Upload
from buckia_core.planning.digest import Comparison, Digest, compare

if TYPE_CHECKING:
    from buckia_core.objects.store import ObjectStore

MAX_FETCHED = 5 << 30
"""Largest content of a URL, in bytes, unless the caller says otherwise."""

_IN_MEMORY = 8 << 20
_LOOK_FIRST = 1 << 20
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Sink:
    """Stores assets under keys of a strategy, and a manifest with the SHA-256 of each asset for each run.

        with Sink(store, "site").run() as run:
            run.add(Path("a.png"))
            run.add_url("https://cdn.example.com/b.png")
        assert sink.verify(run.manifest).ok

    Args:
        store: The bucket.
        prefix: A folder of the bucket.
        key_strategy: How assets are named.
        encryption: Encryption of assets and manifests on the server.
        manifest_retention: Object lock of manifests, in buckets with object lock.
        max_fetched: Largest content of a URL, in bytes.

    Raises:
        NotSupported: The provider has no encryption or no locks for single objects.
    """

    def __init__(
        self,
        store: ObjectStore,
        prefix: str = "",
        key_strategy: KeyStrategy | str = KeyStrategy.CONTENT_ADDRESSABLE,
        *,
        encryption: Encryption | None = None,
        manifest_retention: Retention | None = None,
        max_fetched: int = MAX_FETCHED,
    ) -> None:
        try:
            self.key_strategy = KeyStrategy(key_strategy)
        except ValueError:
            allowed = ", ".join(each.value for each in KeyStrategy)
            raise InvalidSetting(f"key_strategy must be one of {allowed}, not {key_strategy!r}") from None
        self.store = store
        self.prefix = prefix.strip("/")
        self.encryption = encryption
        self.manifest_retention = manifest_retention
        self.fetcher = Fetcher(max_fetched)
        store.adapter_with(encryption, manifest_retention)

    def run(self, run_id: str | None = None, *, metadata: Mapping[str, str] | None = None) -> Run:
        """Begin a run. Its manifest is written at the end of the `with` block, unless the block raises.

        Args:
            run_id: Letters, digits, `.`, `_` and `-`; by default random.
            metadata: Kept in the manifest.
        """
        name = secrets.token_hex(16) if run_id is None else run_id
        if not _RUN_ID.fullmatch(name):
            raise InvalidSetting(f"run_id has letters, digits, dots, dashes and underscores, and not {name!r}")
        return Run(self, name, dict(metadata or {}))

    def load(self, key: str) -> Manifest:
        """Read a manifest.

        Raises:
            NotFound: There is no such object.
            IntegrityError: It is no manifest, or larger than 256 MiB.
        """
        data = bytearray()
        for chunk in self.store.stream(key, encryption=self.encryption):
            data += chunk
            if len(data) > MAX_BYTES:
                message = f"{key!r}: it is no manifest: it has more than {MAX_BYTES:,} bytes"
                raise IntegrityError(message, key=key, retryable=False)
        return Manifest.from_json(key, bytes(data))

    def verify(self, manifest: Manifest) -> Verification:
        """Read all assets of a manifest, and compare them with it. One of another size is not read."""
        missing, changed = [], []
        for asset in manifest.assets:
            found = self.store.head(asset.key, encryption=self.encryption)
            if found is None:
                missing.append(asset)
                continue
            if found.size != asset.size:
                changed.append(asset)
                continue
            running, size = new_hash("sha256"), 0
            try:
                for chunk in self.store.stream(asset.key, encryption=self.encryption):
                    running.update(chunk)
                    size += len(chunk)
            except IntegrityError:
                changed.append(asset)
                continue
            if (running.hexdigest(), size) != (asset.sha256, asset.size):
                changed.append(asset)
        return Verification(tuple(missing), tuple(changed))


class Run:
    """One run of a sink. Use it in a `with` block.

    Its `id`, the time `created` when it began, the `assets` that were added so far, and those of them that were
    `stored`, because they were not there already, are attributes. Use a run from one thread.
    """

    def __init__(self, sink: Sink, run_id: str, metadata: Mapping[str, str]) -> None:
        self.id = run_id
        self.created = datetime.now(UTC)
        self.assets: list[Asset] = []
        self.stored: list[Asset] = []
        self._sink = sink
        self._metadata = dict(metadata)
        self._manifest: Manifest | None = None

    @property
    def manifest(self) -> Manifest:
        """The manifest, after the `with` block.

        Raises:
            ValueError: It is not written yet.
        """
        if self._manifest is None:
            raise ValueError("the manifest is written at the end of the run")
        return self._manifest

    def add(self, source: PutSource, *, name: str | None = None, content_type: str | None = None) -> Asset:
        """Store an asset: a path, bytes, a binary file or an iterable of bytes.

        With `CONTENT_ADDRESSABLE`, content that is there already is not stored again.

        Args:
            source: The content.
            name: Name in the manifest, and of the object with `HIERARCHICAL`; by default that of the file.
            content_type: MIME type; guessed from the name by default.

        Raises:
            AlreadyExists: The run has another asset of that name.
            IntegrityError: The source changed meanwhile, or the key has other content.
            AdapterError, OSError: As `ObjectStore.put`.
        """
        given = as_source(source)
        if isinstance(given, Path):
            (digest,), status = hash_file(str(given), ("sha256",))
            return self._store(given, digest.value, status.st_size, given.name if name is None else name, content_type)
        if isinstance(given, bytes):
            digest_of_bytes = new_hash("sha256", given).hexdigest()
            return self._store(given, digest_of_bytes, len(given), name, content_type)
        if not isinstance(given, Iterator) and is_seekable(given):
            start = given.tell()
            (digest,), size = hash_stream(given, ("sha256",))
            given.seek(start)
            return self._store(given, digest.value, size, name, content_type)
        with _spool() as file:
            chunks: Iterable[bytes] = given if isinstance(given, Iterator) else iter(lambda: given.read(1 << 20), b"")
            file.writelines(chunks)
            file.seek(0)
            (digest,), size = hash_stream(file, ("sha256",))
            file.seek(0)
            return self._store(file, digest.value, size, name, content_type)

    def add_url(self, url: str, *, name: str | None = None, content_type: str | None = None) -> Asset:
        """Fetch an https URL and store its content, as `add` does. It passes through a temporary file if it is large.

        Raises:
            FetchRefused: The URL is not https, leads to an address that is not public, or its content is too large.
            Transient: The host can't be reached, or the connection was lost.
            AdapterError: The server answers with an error.
        """
        with _spool() as file:
            fetched = self._sink.fetcher.fetch(url, file)
            file.seek(0)
            named = name or unquote(urlsplit(url).path.rpartition("/")[2]) or None
            kind = content_type or fetched.content_type
            return self._store(file, fetched.sha256, fetched.size, named, kind, origin=redact(url))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._write_manifest()

    def _write_manifest(self) -> None:
        sink = self._sink
        key = sink.key_strategy.manifest_key(sink.prefix, self.created, self.id)
        found = Manifest(key, self.id, self.created, tuple(self.assets), self._metadata)
        sink.store.put(
            key,
            found.to_json(),
            content_type="application/json",
            encryption=sink.encryption,
            retention=sink.manifest_retention,
            expect=IfAbsent(),
        )
        self._manifest = found

    def _store(
        self,
        source: PutSource,
        sha256: str,
        size: int,
        name: str | None,
        content_type: str | None,
        *,
        origin: str | None = None,
    ) -> Asset:
        """Store content whose digest is known, unless it is there."""
        sink = self._sink
        named = asset_name(name, sha256, content_type)
        key = sink.key_strategy.asset_key(sink.prefix, self.created, self.id, named, sha256)
        asset = Asset(named, key, sha256, size, type_of(named, content_type), origin)
        for other in self.assets:
            if other.name == named and other.sha256 == sha256:
                return other
            if other.name == named:
                raise AlreadyExists(f"{named!r}: the run has another asset of this name", key=key)
        # A large upload that a condition refuses is sent in vain.
        if size <= _LOOK_FIRST or not self._is_there(asset):
            adapter = sink.store.adapter_with(sink.encryption)
            info = UploadInfo(digests=(Digest("sha256", sha256),), content_type=asset.content_type)
            try:
                Upload(adapter, key, info, "sha256", IfAbsent()).send(source)
                self.stored.append(asset)
            except PreconditionFailed:
                if not self._is_there(asset):
                    raise
        self.assets.append(asset)
        return asset

    def _is_there(self, asset: Asset) -> bool:
        """Tell whether the object of an asset exists.

        Raises:
            IntegrityError: It exists, with other content.
        """
        found = self._sink.store.head(asset.key, encryption=self._sink.encryption)
        if found is None:
            return False
        wanted = (Digest("sha256", asset.sha256),)
        if found.size != asset.size or compare(found.digests, wanted) is Comparison.DIFFERENT:
            raise IntegrityError(f"{asset.key!r}: it exists, with other content", key=asset.key, retryable=False)
        return True


@contextmanager
def _spool() -> Iterator[BinaryIO]:
    """Open a temporary file, which is in memory as long as it is small."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        yield cast("BinaryIO", file)
