"""Tests of attributes: times, content types, metadata and digests."""

from __future__ import annotations

import hashlib
import io
import os
import time
from pathlib import Path

import pytest

from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.planning.digest import Digest
from buckia_core.planning.manifest import RemoteObject
from buckia_core.testing.conformance.suite import Suite, put, require

_DAY_NS = 24 * 3600 * 10**9
_OLD_NS = 1_000_000_000 * 10**9
_PRECISION_NS = 1_000_000
"""Providers store milliseconds or better."""


class AttributeTests(Suite):
    """What an upload says of an object is what `stat_file` returns; nothing is invented."""

    def test_modification_time_is_kept(self, adapter: BaseSync) -> None:
        require(adapter, lambda each: each.capabilities.mtime, "mtime")
        times = {
            "now": 1_700_000_000_123_456_789,
            "early": -86_400_000_000_000,
            "epoch": 0,
            "late": 4_102_444_800_000_000_000,
        }
        for key, mtime_ns in times.items():
            adapter.upload_file(b"1", key, info=UploadInfo(mtime_ns=mtime_ns))
        reported = {key: adapter.stat_file(key).mtime_ns for key in times}
        for key, mtime_ns in times.items():
            kept = reported[key]
            assert kept is not None
            assert abs(kept - mtime_ns) <= _PRECISION_NS, key

    def test_modification_time_is_that_of_the_upload_or_absent(self, adapter: BaseSync, tmp_path: Path) -> None:
        """A listing may leave it out, but it never reports the time of the upload, or of the source, instead."""
        source = tmp_path / "source"
        source.write_bytes(b"1")
        adapter.upload_file(source, "with", info=UploadInfo(mtime_ns=_OLD_NS))
        adapter.upload_file(b"1", "without")
        adapter.upload_file(source, "without, from a path")
        for listed in adapter.list_files():
            reported = adapter.stat_file(listed.key)
            for each in (listed, reported):
                assert each.mtime_ns is None or (each.key == "with" and abs(each.mtime_ns - _OLD_NS) <= _PRECISION_NS)

    def test_upload_time_is_that_of_the_provider(self, adapter: BaseSync) -> None:
        """`modified_ns` is in nanoseconds, and is not the modification time of the file; 0 if it is unknown."""
        uploaded = adapter.upload_file(b"1", "k", info=UploadInfo(mtime_ns=_OLD_NS))
        for each in (uploaded, adapter.stat_file("k"), *adapter.list_files()):
            assert each.modified_ns == 0 or abs(each.modified_ns - time.time_ns()) < _DAY_NS

    def test_content_type_is_guessed_from_the_key(self, adapter: BaseSync) -> None:
        put(adapter, {"a.html": b"1", "b.png": b"1"})
        reported = {key: adapter.stat_file(key).content_type for key in ("a.html", "b.png")}
        assert reported in ({"a.html": "text/html", "b.png": "image/png"}, {"a.html": None, "b.png": None})

    def test_content_type_of_the_upload_is_kept(self, adapter: BaseSync) -> None:
        put(adapter, {"plain.html": b"1"})
        adapter.upload_file(b"1", "k.html", info=UploadInfo(content_type="text/x-conformance; charset=utf-8"))
        reports_types = adapter.stat_file("plain.html").content_type is not None
        assert adapter.stat_file("k.html").content_type == (
            "text/x-conformance; charset=utf-8" if reports_types else None
        )

    def test_metadata_is_kept(self, adapter: BaseSync) -> None:
        require(adapter, lambda each: each.capabilities.metadata, "metadata")
        metadata = {"author": "someone", "with-dash": "a b=c", "number": "1", "1st-2": "digits"}
        adapter.upload_file(b"1", "k", info=UploadInfo(metadata=metadata))
        adapter.upload_file(b"1", "without")
        assert adapter.stat_file("k").metadata == metadata
        assert adapter.stat_file("without").metadata == {}

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param("Upper Case", id="case"),
            pytest.param("ä€\U0001f600", id="unicode"),
            pytest.param(" inner  spaces ", id="spaces"),
            pytest.param("100%25 a+b", id="percent"),
            pytest.param('"quoted", back\\slash; =?utf-8?q?a?=', id="syntax_of_headers"),
            pytest.param("", id="empty"),
        ],
    )
    def test_values_of_metadata_are_kept(self, adapter: BaseSync, value: str) -> None:
        """Values are any text without control characters. The adapter encodes what its provider can't store."""
        require(adapter, lambda each: each.capabilities.metadata, "metadata")
        metadata = {"k": value, "other": "1"}
        adapter.upload_file(b"1", "k", info=UploadInfo(metadata=metadata, mtime_ns=_OLD_NS))
        assert adapter.stat_file("k").metadata == metadata, "and no entry of the adapter is shown"

    def test_metadata_is_replaced_with_the_object(self, adapter: BaseSync) -> None:
        require(adapter, lambda each: each.capabilities.metadata, "metadata")
        adapter.upload_file(b"1", "k", info=UploadInfo(metadata={"old": "1"}))
        adapter.upload_file(b"2", "k", info=UploadInfo(metadata={"new": "2"}))
        assert adapter.stat_file("k").metadata == {"new": "2"}

    @pytest.mark.parametrize("size", ["small", "large"])
    def test_reported_digests_match_the_content(self, adapter: BaseSync, size: str) -> None:
        """Also after another content was overwritten, and for an object that was sent in parts."""
        adapter.upload_file(b"another content", "k")
        data = os.urandom(1000 if size == "small" else self.large_bytes)
        digests = (Digest("sha256", hashlib.sha256(data).hexdigest()),)
        uploaded = adapter.upload_file(io.BytesIO(data), "k", info=UploadInfo(digests=digests))
        listed = next(iter(adapter.list_files()))
        if size == "small":
            assert {digest.algorithm for digest in listed.digests} >= set(adapter.capabilities.listing_digests)
        for reported in (uploaded, listed, adapter.stat_file("k")):
            for digest in (*reported.digests, *reported.claimed):
                if digest.algorithm in hashlib.algorithms_guaranteed:
                    assert digest.value == hashlib.new(digest.algorithm, data).hexdigest(), digest.algorithm

    @pytest.mark.parametrize("size", ["small", "large"])
    def test_all_reports_agree(self, adapter: BaseSync, size: str) -> None:
        """`upload_file`, `list_files`, `stat_file` and `read_file` return the same key, size and fingerprint."""
        data = b"1" if size == "small" else bytes(self.large_bytes)
        reports: list[RemoteObject] = [adapter.upload_file(io.BytesIO(data), "d/k"), *adapter.list_files()]
        reports += [adapter.stat_file("d/k"), adapter.read_file("d/k")[0]]
        assert {(each.key, each.size, each.fingerprint) for each in reports} == {
            ("d/k", len(data), reports[0].fingerprint)
        }
