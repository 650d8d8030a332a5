"""File system of fsspec for `buckia://BUCKET/KEY`. Needs fsspec: `pip install "buckia[fsspec]"`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fsspec.asyn import AsyncFileSystem, sync
from fsspec.callbacks import DEFAULT_CALLBACK

from buckia_core.adapters.contract.types import IfAbsent, Precondition
from buckia_core.localfs.create_directories import make_directories
from buckia_core.objects.async_store import AsyncObjectStore
from buckia_core.objects.delete import DeleteResult
from buckia_core.objects.filesystem_file import BucketFile, Info, describe, os_errors
from buckia_core.objects.filesystem_stores import StoresByName
from buckia_core.objects.listing import Page
from buckia_core.objects.store import ObjectStore


class _CurrentDirectory:
    """The current directory, where it decides which configuration is found. See `_extra_tokenize_attributes`."""

    def __get__(self, instance: object, owner: type) -> str:
        return os.getcwd()


class BuckiaFileSystem(AsyncFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Buckets as a file system: `fsspec.open("buckia://BUCKET/KEY")`.

    `BUCKET` is the name of a bucket in the `.buckia` file of the current directory or of the nearest one above. With
    `provider=`, the settings are those of the arguments, and `BUCKET` is their `bucket_name` unless that is given, too.

    Folders exist if there are objects below them. Files are written when they are closed: whole or not at all. Calls
    raise `FileNotFoundError`, `FileExistsError` and `PermissionError`, and otherwise what `ObjectStore` raises.

    Args:
        config: Path of the configuration file.
        provider: Provider of the bucket; without one, the configuration file is used.
        asynchronous: For use by coroutines, such as `_cat_file`, on the caller's event loop.
        loop: Event loop of fsspec.
        batch_size: Calls at once in bulk operations.
        **settings: Settings of the bucket. Those of a configuration file are replaced by them.
    """

    protocol = "buckia"
    cachable = True
    _directory = _CurrentDirectory()
    _extra_tokenize_attributes = ("_directory",)

    def __init__(
        self,
        *,
        config: str | os.PathLike[str] | None = None,
        provider: str | None = None,
        asynchronous: bool = False,
        loop: Any = None,
        batch_size: int | None = None,
        **settings: Any,
    ) -> None:
        # Of fsspec itself, and not of a bucket.
        kept = {name: settings.pop(name) for name in ("use_listings_cache", "skip_instance_cache") if name in settings}
        super().__init__(asynchronous=asynchronous, loop=loop, batch_size=batch_size, **kept)
        self._stores = StoresByName(config, provider, settings)

    def store(self, path: str) -> tuple[ObjectStore, str]:
        """Return the bucket and the key of a path."""
        name, _, key = self._strip_protocol(path).partition("/")
        return self._stores.get(name)[0], key

    def close(self) -> None:
        """Close the connections; later calls open others. If `asynchronous`, await `_close` on its loop before."""
        if self.asynchronous:
            self._stores.close_adapters()
        else:
            sync(self.loop, self._close)

    async def _close(self) -> None:
        await self._stores.close()

    def _async_store(self, path: str) -> tuple[AsyncObjectStore, str, str]:
        """Return the bucket of a path, its name, and the key."""
        name, _, key = self._strip_protocol(path).partition("/")
        return self._stores.get(name)[1], name, key

    # --- what there is -----------------------------------------------------------------------------------

    async def _info(self, path: str, **_more: Any) -> Info:
        path = self._strip_protocol(path)
        if not path:
            return _directory_info("")
        store, name, key = self._async_store(path)
        with os_errors(path):
            if not key:
                return _directory_info(name)
            found = await store.head(key)
            if found is not None:
                return describe(name, found)
            below = await store.list(f"{key}/", max_keys=1)
            if below.objects:
                return _directory_info(path)
        raise FileNotFoundError(path)

    async def _ls(self, path: str, detail: bool = True, **_more: Any) -> list[Any]:
        path = self._strip_protocol(path)
        if not path:
            found = [_directory_info(name) for name in self._stores.names()]
        else:
            store, name, key = self._async_store(path)
            with os_errors(path):
                found = await self._entries(store, name, f"{key}/" if key else "")
            if not found and key:
                info = await self._info(path)
                found = [info] if info["type"] == "file" else []
        return found if detail else [each["name"] for each in found]

    async def _entries(self, store: AsyncObjectStore, name: str, prefix: str) -> list[Info]:
        found: list[Info] = []
        token: str | None = None
        while True:
            page: Page = await store.list(prefix, delimiter="/", continuation_token=token)
            found += [describe(name, each) for each in page.objects if not each.key.endswith("/")]
            # A name with an empty part can't be told from its folder.
            found += [_directory_info(f"{name}/{each[:-1]}") for each in page.prefixes if not each.endswith("//")]
            token = page.next_token
            if token is None:
                return sorted(found, key=lambda info: str(info["name"]))

    async def _find(self, path: str, maxdepth: int | None = None, withdirs: bool = False, **kwargs: Any) -> Any:
        path = self._strip_protocol(path)
        if maxdepth is not None or not path:
            return await super()._find(path, maxdepth=maxdepth, withdirs=withdirs, **kwargs)
        store, name, key = self._async_store(path)
        found: dict[str, Info] = {}
        with os_errors(path):
            async for each in store.iter(key):
                found[f"{name}/{each.key}"] = describe(name, each)
        files = {each: info for each, info in found.items() if not each.endswith("/")}
        if not found and key and await self._isfile(path):
            files = {path: await self._info(path)}
        elif withdirs:
            folders = {folder for each in found for folder in _folders(each, below=path)}
            files |= {folder: _directory_info(folder) for folder in folders}
        names = sorted(files)
        return {each: files[each] for each in names} if kwargs.get("detail") else names

    async def _du(self, path: str, total: bool = True, maxdepth: int | None = None, **_more: Any) -> Any:
        found = await self._find(path, maxdepth=maxdepth, detail=True)
        sizes = {name: info["size"] for name, info in found.items()}
        return sum(sizes.values()) if total else sizes

    def modified(self, path: str) -> datetime:
        """Return when an object was written."""
        when: datetime | None = self.info(path).get("modified")
        if when is None:
            raise FileNotFoundError(path)
        return when

    def sign(self, path: str, expiration: float | timedelta = 100, **kwargs: Any) -> str:
        """Return a signed URL for reading; see `ObjectStore.presigned_get`, which has the other arguments."""
        store, key = self.store(path)
        return store.presigned_get(key, expires_in=expiration, **kwargs).url

    # --- read and write ----------------------------------------------------------------------------------

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **_more: Any) -> bytes:
        store, _, key = self._async_store(path)
        with os_errors(path):
            if not start and end is None:
                return await store.get(key)
            if (start or 0) < 0 or (end or 0) < 0:
                start, end, _ = slice(start, end).indices((await store.stat(key)).size)
            start = start or 0
            length = None if end is None else max(0, end - start)
            return b"" if length == 0 else await store.get_range(key, start, length)

    async def _pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        store, _, key = self._async_store(path)
        expect = _condition(mode)
        with os_errors(path, expect=expect):
            await store.put(key, value, expect=expect, content_type=kwargs.get("content_type"))

    async def _put_file(
        self, lpath: str, rpath: str, mode: str = "overwrite", callback: Any = DEFAULT_CALLBACK, **kwargs: Any
    ) -> None:
        source = Path(lpath)
        if source.is_dir():
            return
        store, _, key = self._async_store(rpath)
        callback.set_size(source.stat().st_size)
        expect = _condition(mode)
        with os_errors(rpath, expect=expect):
            await store.put(
                key,
                source,
                expect=expect,
                content_type=kwargs.get("content_type"),
                progress=lambda step: callback.absolute_update(step.bytes_transferred),
            )

    async def _get_file(self, rpath: str, lpath: str, callback: Any = DEFAULT_CALLBACK, **_more: Any) -> None:
        store, _, key = self._async_store(rpath)
        try:
            with os_errors(rpath):
                found = await store.stat(key) if key else None
        except FileNotFoundError:
            found = None
        if found is None:
            if not await self._isdir(rpath):
                raise FileNotFoundError(rpath)
            make_directories(lpath)
            return
        callback.set_size(found.size)
        with os_errors(rpath):
            await store.download(
                key, lpath, overwrite=True, progress=lambda step: callback.absolute_update(step.bytes_transferred)
            )

    async def _cp_file(self, path1: str, path2: str, **_more: Any) -> None:
        source, _, key = self._async_store(path1)
        target, _, new_key = self._async_store(path2)
        try:
            with os_errors(path1):
                if source is target:
                    await source.copy(key, new_key)
                    return
                found = await source.stat(key)
                keeps = target.adapter.capabilities.metadata
                await target.put(
                    new_key,
                    source.stream(key),
                    content_type=found.content_type,
                    metadata=found.metadata if keeps else None,
                )
        except FileNotFoundError:
            if not await self._isdir(path1):
                raise

    async def _rm_file(self, path: str, **_more: Any) -> None:
        store, _, key = self._async_store(path)
        with os_errors(path):
            await store.delete(key)

    async def _rm(
        self,
        path: str | Iterable[str],
        recursive: bool = False,
        batch_size: int | None = None,  # noqa: ARG002  # batches are those of the provider
        maxdepth: int | None = None,
        **_more: Any,
    ) -> None:
        deep = recursive and maxdepth is None
        keys: dict[str, list[str]] = {}
        for each in await self._expand_path(path, recursive=recursive and not deep, maxdepth=maxdepth):
            store, name, key = self._async_store(each)
            if recursive and not key:
                raise ValueError(f"{each!r}: it would delete the whole bucket: name a folder")
            if deep:
                with os_errors(each):
                    below = await store.delete_prefix(key, dry_run=False)
                    _raise_failed(below)
                    if not await store.exists(key):
                        if not below.count:
                            raise FileNotFoundError(each)
                        continue
            keys.setdefault(name, []).append(key)
        for name, found in keys.items():
            with os_errors(name):
                _raise_failed(await self._stores.get(name)[1].delete_many(found))

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> BucketFile:
        store, key = self.store(path)
        return BucketFile(
            self, path, mode, block_size, autocommit, store=store, key=key, cache_options=cache_options, **kwargs
        )


def _directory_info(name: str) -> Info:
    return {"name": name, "size": 0, "type": "directory"}


def _folders(name: str, below: str) -> Iterable[str]:
    """Yield a folder, and those in it that a name is in."""
    end = len(below)
    while end >= 0:
        yield name[:end]
        end = name.find("/", end + 1)


def _raise_failed(result: DeleteResult) -> None:
    for outcome in result.failed:
        if outcome.error is not None:
            raise outcome.error


def _condition(mode: str) -> Precondition | None:
    return IfAbsent() if mode == "create" else None
