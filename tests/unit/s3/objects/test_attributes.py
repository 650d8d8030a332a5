"""What objects are given by settings and by patterns, and what copies keep of it."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.config.settings import read_settings
from buckia_core.errors import ConfigError, NotSupported, PermissionDenied
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.settings import S3Settings
from tests.unit.s3.operations.test_multipart import DATA, SMALL_PARTS, Parts
from tests.unit.s3.scripted_server import HELLO, OBJECT, Answer, error

SOURCE = RemoteObject("k", 5, "5d41402abc4b2a76b9719d911017c592")

RULES = [
    {
        "match": "*.html",
        "cache_control": "no-cache",
        "content_disposition": "inline",
        "content_encoding": "gzip",
        "content_language": "de",
        "content_type": "text/html; charset=utf-8",
        "storage_class": "STANDARD_IA",
        "metadata": {"Team": "wéb"},
    },
    {
        "match": "old/",
        "expires": "2030-01-31T12:00:00Z",
        "acl": "public-read",
        "website_redirect": "/new.html",
        "tags": {"a b": "c&d=ü"},
    },
]

OF_PAGES = {
    "cache-control": "no-cache",
    "content-disposition": "inline",
    "content-encoding": "gzip",
    "content-language": "de",
    "content-type": "text/html; charset=utf-8",
    "x-amz-storage-class": "STANDARD_IA",
    "x-amz-meta-team": "=?UTF-8?B?d8OpYg==?=",
}
OF_OLD = {
    "expires": "Thu, 31 Jan 2030 12:00:00 GMT",
    "x-amz-acl": "public-read",
    "x-amz-website-redirect-location": "/new.html",
    "x-amz-tagging": "a%20b=c%26d%3D%C3%BC",
}


@pytest.fixture
def given(connect, tmp_path):
    """As `connect`, with settings as a file has them."""

    def connected(script, **values):
        names = {"bucket_name": "b", "endpoint_url": "http://h"}
        read = read_settings(S3Settings, names | values, provider="s3", base_dir=tmp_path, environ={})
        return connect(script, **{name: getattr(read, name) for name in values})

    return connected


def sent(asked, names):
    return {name: asked.headers.get(name) for name in names}


@pytest.mark.parametrize(
    ("key", "headers", "absent"),
    [
        pytest.param("a.html", OF_PAGES, OF_OLD, id="plain_key"),
        pytest.param("x//a.html", OF_PAGES, OF_OLD, id="odd_key"),
        pytest.param("old/a.txt", OF_OLD, OF_PAGES.keys() - {"content-type"}, id="another_pattern"),
        pytest.param("old/a.html", OF_PAGES | OF_OLD, (), id="both_patterns"),
    ],
)
def test_headers_by_pattern(given, key, headers, absent):
    adapter, server = given(lambda asked: HELLO, objects=RULES)
    adapter.upload_file(b"hello", key)
    [asked] = server.asked
    assert sent(asked, headers) == headers
    assert not asked.headers.keys() & set(absent)


def test_headers_by_pattern_of_an_object_in_parts(given):
    adapter, server = given(Parts(), objects=RULES, **SMALL_PARTS)
    adapter.upload_file(DATA, "old/a.html")
    [begin] = [asked for asked in server.asked if "uploads" in asked.query]
    assert sent(begin, OF_PAGES | OF_OLD) == OF_PAGES | OF_OLD
    assert all("cache-control" not in asked.headers for asked in server.asked if asked is not begin)


TAGS_XML = (
    b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>'
    b"<Tag><Key>a b</Key><Value>c&amp;d=\xc3\xbc</Value></Tag></TagSet></Tagging>"
)


def test_tags_of_an_object_in_parts_are_given_once_more(given):
    adapter, server = given(Parts(), objects=RULES, **SMALL_PARTS)
    adapter.upload_file(DATA, "old/a.html")
    [asked] = [asked for asked in server.asked if "tagging" in asked.query]
    assert (asked.method, asked.body) == ("PUT", TAGS_XML)
    assert "x-amz-acl" not in asked.headers


def test_a_server_that_has_no_tags_keeps_the_object(given):
    parts = Parts(lambda asked, _: error(501, "NotImplemented") if "tagging" in asked.query else None)
    adapter, _ = given(parts, tags={"a": "b"}, **SMALL_PARTS)
    assert adapter.upload_file(DATA, "k").size == len(DATA)


def test_tags_that_are_refused_are_an_error(given):
    parts = Parts(lambda asked, _: error(403, "AccessDenied") if "tagging" in asked.query else None)
    adapter, _ = given(parts, tags={"a": "b"}, **SMALL_PARTS)
    with pytest.raises(PermissionDenied, match="giving it tags"):
        adapter.upload_file(DATA, "k")


def test_patterns_are_of_keys_without_the_prefix(given):
    adapter, server = given(lambda asked: HELLO, objects=[{"match": "/a.html", "cache_control": "x"}], prefix="p/")
    adapter.upload_file(b"hello", "a.html")
    assert server.asked[0].path == "/bucket/p/a.html"
    assert server.asked[0].headers["cache-control"] == "x"


def test_upload_info_holds_over_patterns(given):
    adapter, server = given(lambda asked: HELLO, objects=RULES)
    info = UploadInfo(content_type="text/plain", metadata={"team": "other", "more": "m"})
    uploaded = adapter.upload_file(b"hello", "a.html", info=info)
    assert uploaded.content_type == "text/plain"
    assert uploaded.metadata == {"team": "other", "more": "m"}
    headers = {"content-type": "text/plain", "x-amz-meta-team": "other", "x-amz-meta-more": "m"}
    assert sent(server.asked[0], headers) == headers


def test_what_a_pattern_gives_is_returned_with_the_object(given):
    adapter, _ = given(lambda asked: HELLO, objects=RULES)
    uploaded = adapter.upload_file(b"hello", "a.html")
    assert (uploaded.content_type, uploaded.metadata) == ("text/html; charset=utf-8", {"team": "wéb"})


def test_settings_for_all_objects_give_way_to_patterns(given):
    adapter, server = given(
        lambda asked: HELLO,
        acl="private",
        tags={"all": "1", "a b": "2"},
        storage_class="GLACIER_IR",
        objects=RULES,
    )
    adapter.upload_file(b"hello", "a.txt")
    adapter.upload_file(b"hello", "old/a.html")
    plain, ruled = server.asked
    assert (plain.headers["x-amz-acl"], plain.headers["x-amz-storage-class"]) == ("private", "GLACIER_IR")
    assert plain.headers["x-amz-tagging"] == "all=1&a%20b=2"
    assert (ruled.headers["x-amz-acl"], ruled.headers["x-amz-storage-class"]) == ("public-read", "STANDARD_IA")
    assert dict(parse_qsl(ruled.headers["x-amz-tagging"])) == {"all": "1", "a b": "c&d=ü"}


def test_tagging_can_be_left_out(given):
    adapter, server = given(lambda asked: HELLO, tags={"a": "1"}, disable_tagging=True)
    adapter.upload_file(b"hello", "a.txt")
    assert "x-amz-tagging" not in server.asked[0].headers


def test_more_tags_than_s3_takes(given):
    tags = {str(number): "" for number in range(9)}
    rules = [{"match": "*", "tags": {"x": "", "y": ""}}]
    adapter, server = given(lambda asked: HELLO, tags=tags, objects=rules)
    with pytest.raises(NotSupported, match="11 tags"):
        adapter.upload_file(b"hello", "a.txt")
    assert server.asked == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"acl": "public"}, "public-read"),
        ({"tags": {str(number): "" for number in range(11)}}, "11 tags"),
        ({"tags": {"aws:x": "1"}}, r"tags.aws:x"),
        ({"tags": {"x": "1" * 257}}, "257 characters"),
        ({"objects": [{"match": "*", "acl": "public"}]}, r"objects\[0\].acl.*public-read"),
        ({"objects": [{"match": "*", "tags": {"": "1"}}]}, r"objects\[0\].tags"),
        ({"objects": [{"match": "*", "metadata": {"mtime": "1"}}]}, r"objects\[0\].metadata.mtime.*Buckia's own"),
        ({"objects": [{"match": "*", "website_redirect": "x"}]}, "begins with /"),
    ],
)
def test_what_can_not_be(tmp_path, values, message):
    with pytest.raises(ConfigError, match=message):
        read_settings(S3Settings, {"bucket_name": "b"} | values, provider="s3", base_dir=tmp_path, environ={})


def test_tagging_by_the_environment(tmp_path):
    environ = {"AWS_DISABLE_TAGGING": "1"}
    assert read_settings(
        S3Settings, {"bucket_name": "b"}, provider="s3", base_dir=tmp_path, environ=environ
    ).disable_tagging


TOLD = OBJECT | {
    "Content-Type": "text/css",
    "Cache-Control": "max-age=60",
    "Content-Disposition": "attachment",
    "Content-Encoding": "br",
    "Content-Language": "fr",
    "Expires": "Thu, 31 Jan 2030 12:00:00 GMT",
    "x-amz-meta-mtime": "1.500000000",
    "x-amz-meta-team": "=?UTF-8?B?d8OpYg==?=",
    "x-amz-storage-class": "STANDARD_IA",
    "x-amz-website-redirect-location": "/there",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "id-1",
    "x-amz-server-side-encryption-bucket-key-enabled": "true",
}
TAGS = b"<Tagging><TagSet><Tag><Key>a b</Key><Value>c&amp;d</Value></Tag></TagSet></Tagging>"

ALWAYS = {
    name: value for name, value in TOLD.items() if name.startswith("x-amz-") and not name.startswith("x-amz-meta-")
}
CONTENT = {name.lower(): value for name, value in TOLD.items() if name not in OBJECT and name not in ALWAYS}


class Copying:
    """A server that has one object, and takes copies of it."""

    def __init__(self, told=TOLD, tags=None):
        self.told = told
        self.tags = tags or Answer(200, TAGS)
        self.parts = Parts()

    def __call__(self, asked):
        if "tagging" in asked.query:
            return self.tags
        if asked.method == "HEAD":
            return Answer(200, b"hello", self.told) if asked.path in ("/bucket/k", "/bucket/new") else Answer(404)
        if "partNumber" in asked.query:
            return Answer(200, b"<CopyPartResult><ETag>e</ETag></CopyPartResult>")
        if asked.query:
            return self.parts(asked)
        return Answer(200, b"<CopyObjectResult><ETag>&quot;e&quot;</ETag></CopyObjectResult>")


def test_a_copy_sends_what_the_server_does_not_copy(given):
    adapter, server = given(Copying())
    adapter.copy_file(SOURCE, "new")
    asked = server.asked[-1]
    assert sent(asked, ALWAYS) == ALWAYS
    # To say any of these would replace them all.
    assert not asked.headers.keys() & (CONTENT.keys() | {"x-amz-metadata-directive", "x-amz-tagging"})


def test_a_multipart_copy_sends_everything(given, monkeypatch):
    monkeypatch.setattr("buckia_s3.operations.copy.MAX_PART", 4)
    adapter, server = given(Copying())
    adapter.copy_file(SOURCE, "new")
    [begin] = [asked for asked in server.asked if "uploads" in asked.query]
    assert sent(begin, ALWAYS | CONTENT) == ALWAYS | CONTENT
    assert begin.headers["x-amz-tagging"] == "a%20b=c%26d"


def test_what_settings_say_of_the_new_key_holds(given):
    rules = [{"match": "new", "storage_class": "GLACIER_IR", "acl": "public-read", "cache_control": "x"}]
    adapter, server = given(Copying(), server_side_encryption="AES256", objects=rules, tags={"x": "y"})
    adapter.copy_file(SOURCE, "new")
    headers = server.asked[-1].headers
    assert headers["x-amz-storage-class"] == "GLACIER_IR"
    assert headers["x-amz-acl"] == "public-read"
    assert headers["x-amz-server-side-encryption"] == "AES256"
    absent = {"x-amz-server-side-encryption-aws-kms-key-id", "cache-control", "x-amz-tagging"}
    assert not headers.keys() & absent


@pytest.mark.parametrize(
    "told", [error(404, "NoSuchTagSet"), error(501, "NotImplemented"), Answer(200, b"<Tagging/>"), Answer(200)]
)
def test_a_copy_in_parts_of_what_has_no_tags(given, monkeypatch, told):
    monkeypatch.setattr("buckia_s3.operations.copy.MAX_PART", 4)
    adapter, server = given(Copying(tags=told))
    adapter.copy_file(SOURCE, "new")
    [begin] = [asked for asked in server.asked if "uploads" in asked.query]
    assert "x-amz-tagging" not in begin.headers


def test_a_copy_in_parts_loses_no_tags_that_may_not_be_read(given, monkeypatch):
    monkeypatch.setattr("buckia_s3.operations.copy.MAX_PART", 4)
    adapter, server = given(Copying(tags=error(403, "AccessDenied")))
    with pytest.raises(PermissionDenied, match="reading tags"):
        adapter.copy_file(SOURCE, "new")
    assert all("uploads" not in asked.query for asked in server.asked)


def test_a_copy_in_parts_asks_for_no_tags_where_there_are_to_be_none(given, monkeypatch):
    monkeypatch.setattr("buckia_s3.operations.copy.MAX_PART", 4)
    adapter, server = given(Copying(), disable_tagging=True)
    adapter.copy_file(SOURCE, "new")
    assert all("tagging" not in asked.query for asked in server.asked)
