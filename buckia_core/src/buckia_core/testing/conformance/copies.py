"""Tests of copies on the server."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.protocols import ServerCopy
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged, UploadInfo
from buckia_core.errors import AdapterError, InvalidKey, NotFound, PreconditionFailed
from buckia_core.testing.conformance.suite import Suite, is_same, listed_keys, read, require


class CopyTests(Suite):
    """Tests of `copy_file`, for adapters that declare the capability `server_copy`."""

    def test_copy_on_the_server(self, adapter: BaseSync) -> None:
        copier = _copier(adapter)
        source = adapter.upload_file(b"content", "d/source", info=_info(adapter, "a"))
        copied = copier.copy_file(source, "other/target")
        assert (copied.key, copied.size) == ("other/target", 7)
        assert read(adapter, "other/target") == b"content"
        assert read(adapter, "d/source") == b"content"
        assert adapter.stat_file("other/target").fingerprint == copied.fingerprint
        assert _attributes(adapter, "other/target") == _attributes(adapter, "d/source")

    def test_copy_of_a_nasty_key(self, adapter: BaseSync) -> None:
        copier = _copier(adapter)
        try:
            source = adapter.upload_file(b"1", "a b/ü+%20&?c")
        except InvalidKey:
            source = adapter.upload_file(b"1", "a b/ü")
        assert copier.copy_file(source, "ö/%41 +").key == "ö/%41 +"
        assert read(adapter, "ö/%41 +") == b"1"

    def test_copy_of_an_empty_object(self, adapter: BaseSync) -> None:
        copier = _copier(adapter)
        assert copier.copy_file(adapter.upload_file(b"", "source"), "target").size == 0
        assert read(adapter, "target") == b""

    def test_copy_replaces_all_of_the_target(self, adapter: BaseSync) -> None:
        copier = _copier(adapter)
        source = adapter.upload_file(b"1", "source.txt", info=_info(adapter, "a"))
        adapter.upload_file(b"longer", "target.txt", info=_info(adapter, "b"))
        copier.copy_file(source, "target.txt")
        assert read(adapter, "target.txt") == b"1"
        assert _attributes(adapter, "target.txt") == _attributes(adapter, "source.txt")

    def test_copy_onto_itself_loses_nothing(self, adapter: BaseSync) -> None:
        """An adapter may refuse it."""
        copier = _copier(adapter)
        source = adapter.upload_file(b"content", "k", info=_info(adapter, "a"))
        before = _attributes(adapter, "k")
        with suppress(AdapterError):
            assert copier.copy_file(source, "k").size == 7
        assert read(adapter, "k") == b"content"
        assert _attributes(adapter, "k") == before

    def test_copy_of_a_large_object(self, adapter: BaseSync, second: BaseSync) -> None:
        copier = _copier(adapter)
        data = os.urandom(self.large_bytes)
        source = adapter.upload_file(data, "source", info=_info(adapter, "a"))
        assert copier.copy_file(source, "target").size == len(data)
        assert is_same(read(adapter, "target"), data)
        assert _attributes(adapter, "target") == _attributes(adapter, "source")
        second.upload_file(bytes(self.large_bytes), "source")
        with pytest.raises(PreconditionFailed):
            copier.copy_file(source, "other")
        assert listed_keys(adapter.list_files()) == ["source", "target"]

    def test_copy_of_another_version(self, adapter: BaseSync) -> None:
        copier = _copier(adapter)
        source = adapter.upload_file(b"old", "source")
        adapter.upload_file(b"new", "source")
        with pytest.raises(PreconditionFailed):
            copier.copy_file(source, "target")
        with pytest.raises(NotFound):
            adapter.stat_file("target")

    def test_copy_of_what_is_gone(self, adapter: BaseSync) -> None:
        copier = _copier(adapter)
        source = adapter.upload_file(b"old", "source")
        adapter.delete_files(["source"])
        with pytest.raises((NotFound, PreconditionFailed)):
            copier.copy_file(source, "target")
        assert list(adapter.list_files()) == []

    def test_copy_checks_preconditions(self, adapter: BaseSync) -> None:
        copier = _copier(adapter)
        source = adapter.upload_file(b"source", "source")
        target = adapter.upload_file(b"target", "target")
        with pytest.raises(PreconditionFailed):
            copier.copy_file(source, "target", expect=IfAbsent())
        adapter.upload_file(b"edited", "target")
        with pytest.raises(PreconditionFailed):
            copier.copy_file(source, "target", expect=IfUnchanged(target))
        assert read(adapter, "target") == b"edited"
        copier.copy_file(source, "target", expect=IfUnchanged(adapter.stat_file("target")))
        assert read(adapter, "target") == b"source"


def _copier(adapter: BaseSync) -> ServerCopy:
    require(adapter, lambda each: each.capabilities.server_copy, "server_copy")
    assert isinstance(adapter, ServerCopy)
    return adapter


def _info(adapter: BaseSync, text: str) -> UploadInfo:
    """Return attributes that contain a text."""
    metadata = {text: text, "same": text} if adapter.capabilities.metadata else {}
    return UploadInfo(1_600_000_000_000_000_000 + ord(text) * 10**9, content_type=f"text/x-{text}", metadata=metadata)


def _attributes(adapter: BaseSync, key: str) -> tuple[object, ...]:
    found = adapter.stat_file(key)
    return found.metadata, found.mtime_ns, found.content_type
