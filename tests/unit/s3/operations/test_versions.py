"""Versions: pages of them, requests about one, and what servers say of those that are none."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest

from buckia_core.errors import (
    AdapterError,
    IntegrityError,
    NotFound,
    PermissionDenied,
    Transient,
)
from buckia_s3.config.options import RetryConfig
from buckia_s3.xml.list_versions import VersionMarker, parse_versions
from buckia_s3.xml.reader import MalformedResponse
from tests.unit.s3.scripted_server import HELLO, OBJECT, Answer, error

SECOND = 1_000_000_000
NOON = 1_767_268_800 * SECOND


def version(key: str, name: str, *, latest: bool = False, second: int = 0, size: int = 5) -> str:
    return (
        f"<Version><Key>{key}</Key><VersionId>{name}</VersionId><IsLatest>{str(latest).lower()}</IsLatest>"
        f"<LastModified>2026-01-01T12:00:{second:02}.000Z</LastModified><ETag>&quot;e-{name}&quot;</ETag>"
        f"<Size>{size}</Size><Owner><ID>x</ID><DisplayName>y</DisplayName></Owner></Version>"
    )


def marker(key: str, name: str, *, latest: bool = False, second: int = 0) -> str:
    return (
        f"<DeleteMarker><Owner><ID>x</ID></Owner><Key>{key}</Key><VersionId>{name}</VersionId>"
        f"<IsLatest>{str(latest).lower()}</IsLatest><LastModified>2026-01-01T12:00:{second:02}Z</LastModified>"
        "</DeleteMarker>"
    )


def page(*inside: str, more: VersionMarker | None = None, head: str = "<EncodingType>url</EncodingType>") -> bytes:
    end = "<IsTruncated>false</IsTruncated>"
    if more is not None:
        end = (
            f"<IsTruncated>true</IsTruncated><NextKeyMarker>{more.key}</NextKeyMarker>"
            f"<NextVersionIdMarker>{more.version}</NextVersionIdMarker>"
        )
    return (
        '<?xml version="1.0"?><ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"{head}{end}{''.join(inside)}</ListVersionsResult>"
    ).encode()


class TestPages:
    def test_fields_of_a_version(self):
        found = parse_versions(page(marker("a%2Fb+c", "3", latest=True, second=9), version("a%2Fb+c", "1", size=7)))
        gone, kept = found.versions
        assert (gone.key, gone.version, gone.latest, gone.deleted) == ("a/b c", "3", True, True)
        assert (gone.modified_ns, gone.size, gone.fingerprint) == (NOON + 9 * SECOND, 0, "")
        assert (kept.key, kept.version, kept.latest, kept.deleted) == ("a/b c", "1", False, False)
        assert (kept.modified_ns, kept.size, kept.fingerprint) == (NOON, 7, "e-1")
        assert found.next is None

    def test_keys_that_are_not_encoded(self):
        (found,) = parse_versions(page(version("a%2Fb+c", "1", latest=True), head="")).versions
        assert found.key == "a%2Fb+c"

    def test_delete_markers_after_all_versions_are_sorted(self):
        body = page(
            version("a", "2", second=2), version("a", "1", second=1), version("b", "5", latest=True, second=5),
            marker("a", "3", latest=True, second=3),
        )  # fmt: skip
        assert [each.version for each in parse_versions(body).versions] == ["3", "2", "1", "5"]

    def test_an_order_that_is_right_stays_whatever_times_say(self):
        # AWS tells when an upload in parts began, and orders by when it ended.
        body = page(version("a", "2", latest=True, second=1), version("a", "1", second=9))
        assert [each.version for each in parse_versions(body).versions] == ["2", "1"]

    def test_where_the_next_one_begins(self):
        # Ceph says that it encodes keys, and does not encode this one.
        body = page(version("100%2525", "1", latest=True), more=VersionMarker("100%25", "1"))
        assert parse_versions(body).next == VersionMarker("100%25", "1")

    def test_characters_that_no_xml_may_have(self):
        body = page(version("a%01", "1", latest=True), more=VersionMarker("a&#x1;", "1"))
        assert parse_versions(body).next == VersionMarker("a\x01", "1")

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            (page(version("a", "1"))[:-30], "well-formed"),
            (b"<html><IsTruncated>false</IsTruncated></html>", "not a ListVersionsResult"),
            (b"<ListVersionsResult></ListVersionsResult>", "whether there are more pages"),
            (page(version("a", "1").replace("<Size>5</Size>", "")), "lacks a field"),
            (page(version("a", "1").replace("<Size>5", "<Size>x")), "an invalid value"),
            (page(version("a", "1").replace("2026-01-01T", "yesterday")), "an invalid value"),
            (page().replace(b"false", b"true"), "where"),
            (b"<!DOCTYPE x>" + page()[21:], "document type"),
        ],
    )
    def test_what_is_no_page(self, body, problem):
        with pytest.raises(MalformedResponse, match=problem):
            parse_versions(body)


class TestListing:
    def test_page_by_page(self, connect):
        pages = [page(version("p/a", "2", latest=True), more=VersionMarker("p/a", "2")), page(version("p/a", "1"))]
        adapter, server = connect(lambda asked: Answer(200, pages["key-marker" in asked.query]), prefix="p")
        assert [(each.key, each.version) for each in adapter.list_versions("a")] == [("a", "2"), ("a", "1")]
        first, second = (asked.query for asked in server.asked)
        assert (first["prefix"], first["encoding-type"], first["max-keys"]) == ("p/a", "url", "1000")
        assert (second["key-marker"], second["version-id-marker"]) == ("p/a", "2")

    def test_a_lost_page_is_asked_for_again(self, connect):
        answers = iter([None, Answer(200, page(version("a", "1", latest=True)))])
        adapter, _ = connect(lambda asked: next(answers), retry_config=RetryConfig(init_backoff=0.0))
        assert [each.key for each in adapter.list_versions()] == ["a"]

    @pytest.mark.parametrize(
        "pages",
        [
            [page(version("b", "1"), more=VersionMarker("b", "1")), page(version("a", "1"))],
            [page(version("b", "1"), more=VersionMarker("b", "1"))] * 2,
        ],
        ids=["backwards", "for ever"],
    )
    def test_an_order_that_can_not_be(self, connect, pages):
        script = lambda asked: Answer(200, pages["key-marker" in asked.query])  # noqa: E731  # the whole server
        adapter, _ = connect(script, retry_config=RetryConfig(init_backoff=0.0))
        with pytest.raises(AdapterError, match="can't be used") as caught:
            list(adapter.list_versions())
        assert not caught.value.retryable

    def test_on_a_server_page_by_page(self, ceph, bucket_name, adapter_on):
        adapter = adapter_on(ceph, bucket_name(ceph, ObjectLockEnabledForBucket=True))
        for number in range(3):
            for key in ("a/1", "a 2\x01", "ü%41"):
                adapter.upload_file(b"%d" % number, key)
        adapter.delete_files(["a/1"])
        whole = list(adapter.list_versions())
        assert [(each.key, each.deleted) for each in whole] == [
            *[("a 2\x01", False)] * 3, ("a/1", True), *[("a/1", False)] * 3, *[("ü%41", False)] * 3,
        ]  # fmt: skip
        by_two = dataclasses.replace(adapter.versions, page_size=2)
        assert list(by_two.list("")) == whole
        assert all(a.modified_ns >= b.modified_ns for a, b in pairwise(whole) if a.key == b.key)


class TestOneVersion:
    def test_it_is_asked_for_by_its_id(self, connect):
        adapter, server = connect(lambda asked: HELLO)
        assert adapter.stat_version("k", "v 1").size == 5
        with adapter.open_version("k", "v 1") as reader:
            assert reader.read() == b"hello"
        assert [(asked.method, asked.query) for asked in server.asked] == [
            ("HEAD", {"versionId": "v 1"}),
            ("GET", {"versionId": "v 1"}),
        ]

    def test_bytes_that_are_missing(self, connect):
        short = Answer(200, b"hel", OBJECT, claims=5, cut=True)
        adapter, _ = connect(lambda asked: short)
        with adapter.open_version("k", "v") as reader, pytest.raises((IntegrityError, Transient)):
            reader.read()

    @pytest.mark.parametrize("status", [400, 404, 405])
    def test_one_that_is_none_or_has_no_content(self, connect, status):
        adapter, _ = connect(lambda asked: Answer(status))
        with pytest.raises(NotFound, match="no version 'v' of it that has content") as caught:
            adapter.stat_version("k", "v")
        assert caught.value.key == "k"
        with pytest.raises(NotFound), adapter.open_version("k", "v"):
            pass

    def test_it_is_copied_over_the_latest(self, connect):
        def script(asked):
            if asked.method == "PUT":
                return Answer(200, b"<CopyObjectResult><ETag>&quot;e&quot;</ETag></CopyObjectResult>")
            return HELLO

        adapter, server = connect(script)
        assert adapter.restore_version("ä k", "v/1").fingerprint == "e"
        put = server.asked[-1]
        assert (put.method, put.path) == ("PUT", "/bucket/ä k")
        assert put.headers["x-amz-copy-source"] == "bucket/%C3%A4%20k?versionId=v%2F1"
        assert "x-amz-copy-source-if-match" not in put.headers

    def test_a_large_one_is_copied_in_parts(self, connect):
        size = (5 << 30) + 1
        sources = set()

        def script(asked):
            if asked.method == "HEAD":
                return Answer(200, b"", OBJECT | {"x-amz-meta-a": "b"}, claims=size)
            if asked.method == "GET" and "tagging" in asked.query:
                assert asked.query["versionId"] == "v"
                return Answer(200, b"<Tagging><TagSet><Tag><Key>t</Key><Value>1</Value></Tag></TagSet></Tagging>")
            if "uploads" in asked.query:
                assert (asked.headers["x-amz-meta-a"], asked.headers["x-amz-tagging"]) == ("b", "t=1")
                return Answer(200, b"<UploadId>u</UploadId>")
            if "partNumber" in asked.query:
                sources.add(asked.headers["x-amz-copy-source"])
                return Answer(200, b"<CopyPartResult><ETag>e</ETag></CopyPartResult>")
            return Answer(200, b"<X><ETag>whole-11</ETag></X>")

        adapter, _ = connect(script)
        assert adapter.restore_version("k", "v").size == size
        assert sources == {"bucket/k?versionId=v"}

    def test_deleting_one(self, connect):
        adapter, server = connect(lambda asked: Answer(204))
        adapter.delete_version("k", "v")
        adapter.versions.delete("k", "v", bypass_governance=True)
        plain, bypassing = server.asked
        assert (plain.method, plain.query) == ("DELETE", {"versionId": "v"})
        assert "x-amz-bypass-governance-retention" not in plain.headers
        assert bypassing.headers["x-amz-bypass-governance-retention"] == "true"

    def test_one_that_is_gone_is_deleted(self, connect):
        adapter, _ = connect(lambda asked: error(404, "NoSuchVersion"))
        adapter.delete_version("k", "v")

    def test_the_error_names_the_lock(self, connect):
        lock = {
            "x-amz-object-lock-mode": "GOVERNANCE",
            "x-amz-object-lock-retain-until-date": "2999-01-02T03:04:05.000000000Z",
        }
        adapter, _ = connect(
            lambda asked: error(403, "AccessDenied") if asked.method == "DELETE" else Answer(200, b"", OBJECT | lock)
        )
        with pytest.raises(PermissionDenied, match=r"retained until 2999-01-02T03:04:05Z.*bypass-governance"):
            adapter.delete_version("k", "v")

    def test_what_is_not_permitted_for_another_reason(self, connect):
        adapter, _ = connect(
            lambda asked: error(403, "AccessDenied") if asked.method == "DELETE" else Answer(200, b"", OBJECT)
        )
        with pytest.raises(PermissionDenied, match="access denied"):
            adapter.delete_version("k", "v")
