"""Tests of what a call leaves behind: in its arguments, open files and threads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import IfAbsent, UploadInfo
from buckia_core.errors import NotFound, PreconditionFailed
from buckia_core.testing.conformance.suite import Suite, put, read

_DESCRIPTORS = Path("/proc/self/fd")
_THREAD_SECONDS = 10.0


class ResourceTests(Suite):
    """Calls change none of their arguments, close what they open, and `close` ends what is left."""

    def test_arguments_stay_as_they_are(self, adapter: BaseSync) -> None:
        """The engine uses them again: in a retry, and to match outcomes with keys."""
        metadata = {"author": "someone"} if adapter.capabilities.metadata else {}
        before = dict(metadata)
        adapter.upload_file(b"1", "k", info=UploadInfo(mtime_ns=1_600_000_000_123_456_789, metadata=metadata))
        assert metadata == before
        keys = ["k", "b", "a"]
        adapter.delete_files(keys)
        assert keys == ["k", "b", "a"]

    @pytest.mark.parametrize("size", ["small", "large"])
    def test_files_are_closed(self, adapter: BaseSync, size: str, tmp_path: Path) -> None:
        """Windows can't rename an open file, and a long run ends with too many of them."""
        directory = tmp_path / "files"  # the bucket may be beside it
        directory.mkdir()
        source, target = directory / "source", directory / "target"
        source.write_bytes(bytes(1000 if size == "small" else self.large_bytes))
        adapter.upload_file(source, "k")
        with pytest.raises(PreconditionFailed):
            adapter.upload_file(source, "k", expect=IfAbsent())
        adapter.download_file("k", target)
        with pytest.raises(NotFound):
            adapter.download_file("none", target)
        assert list(_open_files(directory)) == []

    def test_close_ends_threads(self, adapter: BaseSync, tmp_path: Path) -> None:
        before = set(threading.enumerate())
        large = tmp_path / "large"
        large.write_bytes(bytes(self.large_bytes))
        adapter.upload_file(large, "k")
        adapter.download_file("k", tmp_path / "target")
        put(adapter, ["a", "b"])
        assert read(adapter, "a") == b"a"
        list(adapter.list_files())
        adapter.delete_files(["a", "b"])
        adapter.close()
        begun = set(threading.enumerate()) - before
        deadline = time.monotonic() + _THREAD_SECONDS
        for thread in begun:
            thread.join(max(0.0, deadline - time.monotonic()))
        assert [thread for thread in begun if thread.is_alive()] == []


def _open_files(directory: Path) -> Iterator[str]:
    """Yield the files below a directory that this process holds open."""
    if _DESCRIPTORS.is_dir():
        for descriptor in _DESCRIPTORS.iterdir():
            with suppress(OSError):  # that of the listing itself
                name = os.readlink(descriptor)
                if name.startswith(f"{directory.resolve()}{os.sep}"):
                    yield name
    elif os.name == "nt":
        for file in list(directory.iterdir()):
            try:
                file.rename(file.with_suffix(".renamed"))
            except OSError:
                yield str(file)
