"""Tests of preconditions: no write replaces an object that it does not expect."""

from __future__ import annotations

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import IfAbsent, IfUnchanged
from buckia_core.errors import PreconditionFailed
from buckia_core.testing.conformance.suite import Suite, put, read


class PreconditionTests(Suite):
    """Tests of `expect` in `upload_file`."""

    def test_if_absent_writes_a_new_object(self, adapter: BaseSync) -> None:
        assert adapter.upload_file(b"1", "d/k", expect=IfAbsent()).size == 1
        assert read(adapter, "d/k") == b"1"

    def test_if_absent_does_not_replace(self, adapter: BaseSync, second: BaseSync) -> None:
        put(second, {"k": b"old"})
        with pytest.raises(PreconditionFailed) as caught:
            adapter.upload_file(b"new", "k", expect=IfAbsent())
        assert caught.value.key == "k"
        assert caught.value.provider == adapter.provider
        assert not caught.value.retryable
        assert read(adapter, "k") == b"old"

    def test_if_absent_after_a_delete(self, adapter: BaseSync) -> None:
        put(adapter, {"k": b"old"})
        adapter.delete_files(["k"])
        adapter.upload_file(b"new", "k", expect=IfAbsent())
        assert read(adapter, "k") == b"new"

    @pytest.mark.parametrize("how", ["uploaded", "listed", "stat"])
    def test_if_unchanged_takes_an_object_from_anywhere(self, adapter: BaseSync, how: str) -> None:
        uploaded = adapter.upload_file(b"old", "k")
        seen = {
            "uploaded": lambda: uploaded,
            "listed": lambda: next(iter(adapter.list_files())),
            "stat": lambda: adapter.stat_file("k"),
        }[how]()
        replaced = adapter.upload_file(b"new", "k", expect=IfUnchanged(seen))
        assert replaced.fingerprint != uploaded.fingerprint
        assert read(adapter, "k") == b"new"

    def test_if_unchanged_does_not_replace_another_version(self, adapter: BaseSync, second: BaseSync) -> None:
        seen = adapter.upload_file(b"old", "k")
        second.upload_file(b"own", "k")
        with pytest.raises(PreconditionFailed) as caught:
            adapter.upload_file(b"new", "k", expect=IfUnchanged(seen))
        assert caught.value.key == "k"
        assert read(adapter, "k") == b"own"

    def test_if_unchanged_does_not_recreate_a_deleted_object(self, adapter: BaseSync, second: BaseSync) -> None:
        seen = adapter.upload_file(b"old", "k")
        second.delete_files(["k"])
        with pytest.raises(PreconditionFailed):
            adapter.upload_file(b"new", "k", expect=IfUnchanged(seen))
        assert list(adapter.list_files()) == []
