"""Names, file info and digests: what B2 holds, and what it tells."""

from __future__ import annotations

import hashlib
import io

import pytest

from buckia_b2.files.attributes import parse_objects_setting
from buckia_b2.files.file_info import build_file_info, from_file, from_headers
from buckia_b2.files.file_names import check_key, is_rewritten_by_proxies
from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.config.values import InvalidValue
from buckia_core.errors import InvalidKey, NotSupported
from buckia_core.planning.digest import Digest
from tests.servers.scripted_server import Reply
from tests.unit.b2.conftest import PART
from tests.unit.b2.scripted import described, file, listing

SHA1 = "a" * 40
SHA256 = "b" * 64


@pytest.mark.parametrize(
    "key",
    [
        "", "/a", "a/", "a//b", "a\nb", "a\x7fb", "a\0b", "\ud800",
        "n" * 251, "ü" * 126, "/".join(["d" * 204] * 6),
    ],
)  # fmt: skip
def test_keys_that_b2_does_not_hold(key):
    with pytest.raises(InvalidKey) as caught:
        check_key(key, key)
    assert caught.value.key == key


@pytest.mark.parametrize("key", ["a", "a b+c%", "ü" * 125, "n" * 250, "a/../b", ".", "\ue000", "a\u2028b"])
def test_keys_that_b2_holds(key):
    check_key(key, key)


def test_a_new_object_has_no_backslash_in_its_key(b2):
    source = b2.upload_file(b"1", "k")
    for write in (lambda: b2.upload_file(b"1", "a\\b"), lambda: b2.copy_file(source, "a\\b")):
        with pytest.raises(InvalidKey, match="backslash") as caught:
            write()
        assert caught.value.key == "a\\b"


def test_objects_that_have_one_can_be_read_and_deleted(opened):
    def responses(asked):
        if "b2_list_file_names" in asked.target:
            return listing(file("a\\b"))
        if "b2_hide_file" in asked.target:
            return Reply(body=file("a\\b", action="hide"))
        return Reply(body=b"abc", headers=described()) if asked.target.endswith("/a%5Cb") else None

    b2, _ = opened(responses)
    assert [each.key for each in b2.list_files()] == ["a\\b"]
    assert b2.read_file("a\\b")[1] == b"abc"
    assert [each.error for each in b2.delete_files(["a\\b"])] == [None]


def test_the_prefix_counts():
    check_key("n" * 250, "p" * 250 + "/" + "n" * 250)
    with pytest.raises(InvalidKey, match="1025 bytes with its prefix"):
        check_key("k" * 20, "/".join(["p" * 200] * 5) + "k" * 21)


@pytest.mark.parametrize(
    ("full_key", "expected"), [("a/../b", True), (".", True), ("a/.", True), ("a/...", False), (".a", False)]
)
def test_names_that_are_changed_on_the_way(full_key, expected):
    assert is_rewritten_by_proxies(full_key) is expected


def file_json(**more):
    file = {
        "fileId": "4_z", "fileName": "k", "action": "upload", "contentLength": 3, "uploadTimestamp": 1_700_000_000_123,
        "contentType": "text/plain", "contentSha1": SHA1, "fileInfo": {},
    }  # fmt: skip
    return file | more


def test_a_file():
    found = from_file(
        "k", file_json(fileInfo={"src_last_modified_millis": "-5", "author": "somebody", "b2-expires": "never"})
    )
    assert (found.size, found.fingerprint, found.version) == (3, "4_z", "4_z")
    assert (found.modified_ns, found.mtime_ns) == (1_700_000_000_123_000_000, -5_000_000)
    assert (found.digests, found.metadata) == ((Digest("sha1", SHA1),), {"author": "somebody"})


KNOWN, STORED, BOUND = Digest("sha1", SHA1), Digest("sha256", SHA256), {"buckia-bound": SHA1}


@pytest.mark.parametrize(
    ("content_sha1", "info", "digests", "claimed"),
    [
        ("none", {"large_file_sha1": SHA1}, (Digest("sha1?", SHA1),), (KNOWN,)),
        ("none", {"large_file_sha1": "nonsense"}, (), ()),
        (f"unverified:{SHA1}", {}, (), ()),
        (None, {}, (), ()),
        (SHA1, {"large_file_sha1": "c" * 40}, (KNOWN,), ()),
        (SHA1, {"buckia-sha256": SHA256, **BOUND}, (KNOWN, STORED), ()),
        (SHA1, {"buckia-sha256": SHA256, "buckia-bound": "c" * 40}, (KNOWN,), (STORED,)),
        (SHA1, {"buckia-sha256": SHA256}, (KNOWN,), (STORED,)),
        (SHA1, {"buckia-sha256": "no digest", **BOUND}, (KNOWN,), ()),
        (SHA1, {"buckia-a b": SHA256, **BOUND}, (KNOWN,), ()),
        ("none", {"buckia-sha256": SHA256, "buckia-bound": "none"}, (), (STORED,)),
        (f"unverified:{SHA1}", {"buckia-sha256": SHA256, **BOUND}, (), (STORED,)),
    ],
)
def test_digests(content_sha1, info, digests, claimed):
    """A digest in file info counts only where it is known to have been written with this content."""
    found = from_file("k", file_json(contentSha1=content_sha1, fileInfo=info))
    assert (found.digests, found.claimed) == (digests, claimed)


def test_where_b2_did_not_compute_the_sha1_it_may_have_computed_the_md5():
    assert from_file("k", file_json(contentSha1=f"unverified:{SHA1}", contentMd5="d" * 32)).digests == (
        Digest("md5", "d" * 32),
    )


@pytest.mark.parametrize("digests", [{}, {"buckia-sha256": SHA256, "buckia-bound": SHA1}])
@pytest.mark.parametrize("content_sha1", [SHA1, "none", None])
def test_a_listing_reads_less_of_a_file_and_nothing_else(content_sha1, digests):
    file = file_json(
        contentSha1=content_sha1, fileInfo={"large_file_sha1": SHA1, "src_last_modified_millis": "5", **digests}
    )
    full, listed = from_file("k", file), from_file("k", file, with_metadata=False)
    sha1_alone = tuple(each for each in full.digests if each.algorithm != "sha256")
    assert listed == full._replace(digests=sha1_alone, metadata=None, claimed=())


@pytest.mark.parametrize(
    "odd",
    [
        {"contentLength": None}, {"contentLength": -1}, {"contentLength": 10**400}, {"contentLength": "3"},
        {"contentLength": 3.0}, {"contentLength": True}, {"uploadTimestamp": None}, {"uploadTimestamp": 10**18},
        {"fileId": None}, {"fileId": 5}, {"contentSha1": 5}, {"contentType": 5}, {"fileInfo": [1]},
        {"fileInfo": {"a": 5}}, {"contentSha1": None, "contentMd5": 5},
    ],
)  # fmt: skip
def test_a_file_of_another_form(odd):
    with pytest.raises((AttributeError, TypeError, ValueError)):
        from_file("k", file_json(**odd))


@pytest.mark.parametrize("name", ["contentLength", "uploadTimestamp", "fileId", "contentSha1", "fileInfo"])
def test_what_a_file_does_not_tell_is_not_made_up(name):
    file = file_json()
    del file[name]
    with pytest.raises(KeyError):
        from_file("k", file)


@pytest.mark.parametrize(
    ("millis", "expected"), [("1700000000123", 1_700_000_000_123_000_000), ("9" * 13, None), ("soon", None)]
)
def test_a_time_that_no_disk_has_is_not_known(millis, expected):
    assert from_file("k", file_json(fileInfo={"src_last_modified_millis": millis})).mtime_ns == expected


def test_headers_tell_the_same():
    headers = {
        "Content-Length": "2", "Content-Range": "bytes 0-1/3", "Content-Type": "text/plain", "x-bz-file-id": "4_z",
        "X-Bz-Content-Sha1": SHA1, "X-Bz-Upload-Timestamp": "1700000000123", "X-Bz-Info-author": "J%C3%B6+%2B",
    }  # fmt: skip
    assert from_headers("k", headers) == from_file("k", file_json(fileInfo={"author": "Jö +"}))


def test_file_info():
    info = UploadInfo(1_234_567_890_123_456_789, (Digest("sha256", SHA256), Digest("sha1", SHA1)), metadata={"A": "ü"})
    small = build_file_info(info, {}, key="k", large=False)
    kept = {"a": "ü", "src_last_modified_millis": "1234567890123", "buckia-sha256": SHA256}
    assert small == {**kept, "buckia-bound": SHA1}
    assert build_file_info(info, {}, key="k", large=True) == {**kept, "large_file_sha1": SHA1}


def test_digests_make_room_for_metadata():
    info = UploadInfo(0, (Digest("sha256", SHA256), Digest("sha1", SHA1)), metadata={f"n{n}": "x" for n in range(8)})
    assert set(build_file_info(info, {}, key="k", large=True)) == {
        *info.metadata,
        "src_last_modified_millis",
        "large_file_sha1",
    }


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({f"n{number}": "x" for number in range(11)}, "10 entries"),
        ({"long": "ü" * 2000}, "7000 bytes"),
        ({"a b": "x"}, "letters, digits"),
        ({"n" * 51: "x"}, "1 to 50"),
        ({"src_last_modified_millis": "0"}, "another use"),
        ({"buckia-sha256": "0"}, "another use"),
        ({"b2-expires": "0"}, "another use"),
    ],
)
def test_metadata_that_b2_does_not_keep(metadata, words):
    with pytest.raises(NotSupported, match=words):
        build_file_info(UploadInfo(metadata=metadata), {}, key="k", large=False)


def test_names_with_dots_in_them_are_other_objects(b2):
    b2.upload_file(b"in", "a/b")
    b2.upload_file(b"out", "a/../a/b")
    assert b2.read_file("a/b")[1] == b"in"
    assert b2.read_file("a/../a/b")[1] == b"out"
    assert b2.stat_file("a/../a/b").size == 3


@pytest.mark.parametrize("size", [PART // 10, 2 * PART + 1])
def test_b2_knows_the_sha1_of_what_comes_from_a_file(b2, tmp_path, size):
    data = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "file").write_bytes(data)
    b2.upload_file(tmp_path / "file", "k")
    (listed,) = b2.list_files()
    algorithm = "sha1" if size <= PART else "sha1?"
    assert listed.digests == (Digest(algorithm, hashlib.sha1(data).hexdigest()),)


def test_of_a_reader_it_does_not_where_it_comes_in_parts(b2):
    b2.upload_file(io.BytesIO(bytes(PART + 1)), "k")
    assert next(b2.list_files()).digests == ()


RULES = [
    {"match": "*.html", "cache_control": "no-cache", "content_type": "text/html; charset=utf-8"},
    {"match": "downloads/", "content_disposition": 'attachment; filename="a b.txt"', "metadata": {"team": "web"}},
]


@pytest.mark.parametrize("size", [3, PART + 1])
def test_headers_and_metadata_by_pattern(connect, raw_bucket, size):
    b2 = connect(objects=parse_objects_setting(RULES))
    b2.upload_file(bytes(size), "downloads/a.html", info=UploadInfo(5_000_000, metadata={"by": "hand"}))
    found = b2.stat_file("downloads/a.html")
    assert (found.content_type, found.metadata) == ("text/html; charset=utf-8", {"team": "web", "by": "hand"})
    (version,) = [each for each, _ in raw_bucket.ls(recursive=True)]
    assert (version.cache_control, version.content_disposition) == ("no-cache", 'attachment; filename="a b.txt"')
    copied = b2.copy_file(found, "other")
    assert b2.stat_file("other").metadata == copied.metadata == found.metadata


@pytest.mark.parametrize(
    ("rule", "words"),
    [({"acl": "private"}, "not known"), ({"metadata": {"a b": "x"}}, "letters"), ({"tags": {"a": "b"}}, "not known")],
)
def test_patterns_can_not_give_what_b2_has_not(rule, words):
    with pytest.raises(InvalidValue, match=words):
        parse_objects_setting([{"match": "*", **rule}])
