"""Headers, tags, encryption and checksums on real servers, read back by boto3."""

from __future__ import annotations

import base64
import hashlib
import os

import pytest

from buckia_core.adapters.contract.types import IfAbsent, UploadInfo
from buckia_core.config.object_rules import ObjectAttributes
from buckia_core.config.settings import read_settings
from buckia_core.errors import AdapterError, NotSupported, PreconditionFailed
from buckia_core.objects.bucket_copy import BucketCopier
from buckia_core.planning.digest import Digest, merge
from buckia_core.testing.conformance.suite import read
from buckia_s3.config.fields import MIB
from buckia_s3.config.settings import S3Settings
from buckia_s3.objects.checksums import ChecksumAlgorithm, checksum, full_object_checksum
from buckia_s3.sync import S3Sync
from tests.e2e.project import Project

KEY = bytes(range(32))
OTHER_KEY = bytes(range(32, 64))
DATA = os.urandom(11 * MIB)
SMALL_PARTS = {"part_size": 5 * MIB, "multipart_threshold": 5 * MIB}
SSE_C = {"server_side_encryption": "sse-c", "sse_customer_key_base64": base64.b64encode(KEY).decode()}


@pytest.fixture(autouse=True)
def _nobodys_account(monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def opened(tmp_path):
    """Open an adapter on a bucket of a server, with settings as a file has them."""
    adapters = []

    def opening(server, bucket, *, tls=False, **values):
        given = {
            "bucket_name": bucket,
            "region": server.region,
            "endpoint_url": server.endpoint_tls if tls else server.endpoint,
            "access_key_id": server.access_key,
            "secret_access_key": server.secret_key,
            "ca_bundle": server.ca_file if tls else None,
        }
        settings = read_settings(S3Settings, given | values, provider="s3", base_dir=tmp_path, environ={})
        adapters.append(S3Sync(settings))
        return adapters[-1]

    yield opening
    for adapter in adapters:
        adapter.close()


@pytest.fixture
def boto(request):
    """Return boto3's client for a server, closed when the test ends."""

    def client(server, *, tls=False):
        made = server.client(tls=tls)
        request.addfinalizer(made.close)
        return made

    return client


@pytest.fixture
def server(request):
    """One of the servers, by the name of its fixture."""
    return request.getfixturevalue(request.param)


BOTH = pytest.mark.parametrize("server", ["ceph", "moto_server"], indirect=True)

RULES = [
    {
        "match": "*",
        "cache_control": "max-age=60",
        "content_disposition": "inline",
        "content_encoding": "gzip",
        "content_language": "de",
        "expires": "2030-01-31T12:00:00Z",
        "metadata": {"team": "web"},
    },
    {
        "match": "*.html",
        "cache_control": "no-cache",
        "content_type": "text/html; charset=utf-8",
        "tags": {"a b": "c@d=1"},
    },
]


def tags_of(client, bucket, key):
    return [(tag["Key"], tag["Value"]) for tag in client.get_object_tagging(Bucket=bucket, Key=key).get("TagSet", [])]


def seen(client, bucket, key):
    told = client.head_object(Bucket=bucket, Key=key)
    names = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Metadata")
    return [told.get(name) for name in names] + [told["ResponseMetadata"]["HTTPHeaders"]["expires"]]


@BOTH
def test_objects_and_their_copies_have_what_patterns_give(server, bucket_name, opened, boto, monkeypatch):
    bucket, client = bucket_name(server), boto(server)
    adapter = opened(server, bucket, objects=RULES, **SMALL_PARTS)
    expected = [
        "no-cache",
        "inline",
        "gzip",
        "de",
        "text/html; charset=utf-8",
        {"team": "web"},
        "Thu, 31 Jan 2030 12:00:00 GMT",
    ]
    small, large = adapter.upload_file(b"hello", "small.html"), adapter.upload_file(DATA, "large.html")
    assert seen(client, bucket, "small.html") == expected
    assert seen(client, bucket, "large.html") == expected
    plain = opened(server, bucket, **SMALL_PARTS)
    plain.copy_file(small, "copy")
    monkeypatch.setattr("buckia_s3.operations.copy.MAX_PART", 5 * MIB)
    monkeypatch.setattr("buckia_s3.operations.copy._PART_SIZE", 6 * MIB)
    copied = plain.copy_file(large, "copy in parts")
    assert seen(client, bucket, "copy") == expected
    assert seen(client, bucket, "copy in parts") == expected
    assert copied.size == len(DATA)
    assert client.get_object(Bucket=bucket, Key="copy in parts")["Body"].read() == DATA
    for key in ("small.html", "copy", "large.html", "copy in parts"):
        assert tags_of(client, bucket, key) == [("a b", "c@d=1")]


def test_permissions_of_objects(ceph, bucket_name, opened, boto):
    bucket, client = bucket_name(ceph), boto(ceph)
    adapter = opened(ceph, bucket, objects=[{"match": "public/", "acl": "public-read"}])
    adapter.upload_file(b"hello", "public/a")
    adapter.upload_file(b"hello", "b")
    grants = {key: client.get_object_acl(Bucket=bucket, Key=key)["Grants"] for key in ("public/a", "b")}
    permissions = {key: sorted(each["Permission"] for each in given) for key, given in grants.items()}
    assert permissions == {"public/a": ["FULL_CONTROL", "READ"], "b": ["FULL_CONTROL"]}


def test_a_key_of_the_customer(ceph, bucket_name, opened, boto, tmp_path):
    bucket, client = bucket_name(ceph), boto(ceph, tls=True)
    adapter = opened(ceph, bucket, tls=True, **SSE_C, **SMALL_PARTS)
    adapter.upload_file(b"hello", "small", expect=IfAbsent())
    adapter.upload_file(b"hello", "odd//small")
    large = adapter.upload_file(DATA, "large", expect=IfAbsent())
    assert large.digests == ()
    for key, data in (("small", b"hello"), ("odd//small", b"hello"), ("large", DATA)):
        told = client.get_object(Bucket=bucket, Key=key, SSECustomerAlgorithm="AES256", SSECustomerKey=KEY)
        assert told["Body"].read() == data
        adapter.download_file(key, tmp_path / "down", expect=adapter.stat_file(key))
        assert (tmp_path / "down").read_bytes() == data
        with pytest.raises(client.exceptions.ClientError):
            client.head_object(Bucket=bucket, Key=key)
    other = opened(ceph, bucket, tls=True, **SSE_C | {"sse_customer_key_base64": base64.b64encode(OTHER_KEY).decode()})
    with pytest.raises(AdapterError):
        other.stat_file("large")
    with pytest.raises(NotSupported):
        # Ceph 16 copies nothing that a customer's key encrypts.
        adapter.copy_file(adapter.stat_file("small"), "copy")


def test_keys_of_kms(moto_server, bucket_name, opened, boto):
    bucket, client = bucket_name(moto_server), boto(moto_server)
    adapter = opened(moto_server, bucket, server_side_encryption="aws:kms", sse_kms_key_id="alias/mine", **SMALL_PARTS)
    adapter.upload_file(b"hello", "small")
    adapter.upload_file(DATA, "large")
    assert {found.key: found.digests for found in adapter.list_files()} == {"small": (), "large": ()}
    assert adapter.stat_file("small").digests == ()
    plain = opened(moto_server, bucket)
    plain.copy_file(adapter.stat_file("small"), "copy")
    for key in ("small", "large", "copy"):
        told = client.head_object(Bucket=bucket, Key=key)
        assert (told["ServerSideEncryption"], told["SSEKMSKeyId"]) == ("aws:kms", "alias/mine")


@BOTH
@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_checksums(server, bucket_name, opened, algorithm, tmp_path):
    bucket = bucket_name(server)
    adapter = opened(server, bucket, tls=True, checksum_algorithm=algorithm, unsigned_payload=True, **SMALL_PARTS)
    for key, data in (("small", b"hello"), ("large", DATA)):
        uploaded = adapter.upload_file(data, key)
        adapter.download_file(key, tmp_path / key, expect=uploaded)
        assert (tmp_path / key).read_bytes() == data


def test_a_checksum_that_another_has_sent(moto_server, bucket_name, opened, boto, tmp_path):
    bucket, client = bucket_name(moto_server), boto(moto_server)
    client.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm="SHA256")
    adapter = opened(moto_server, bucket, checksum_algorithm="SHA256")
    found, headers = adapter._object_head.head_with_headers("k")
    assert full_object_checksum(headers, ChecksumAlgorithm.SHA256) == checksum(ChecksumAlgorithm.SHA256, [b"hello"])
    adapter.download_file("k", tmp_path / "k", expect=found)
    assert (tmp_path / "k").read_bytes() == b"hello"


def test_a_copy_by_parts_leaves_what_came_meanwhile(moto_server, bucket_name, opened, boto, monkeypatch):
    bucket, client = bucket_name(moto_server), boto(moto_server)
    adapter = opened(moto_server, bucket, copy_if_not_exists="multipart")
    source = adapter.upload_file(b"hello", "a")
    assert adapter.copy_file(source, "b", expect=IfAbsent()).size == 5
    # As if another had written it after it was looked at.
    monkeypatch.setattr(type(adapter._object_head), "check_precondition", lambda *_: None)
    client.put_object(Bucket=bucket, Key="c", Body=b"theirs")
    with pytest.raises(PreconditionFailed):
        adapter.copy_file(source, "c", expect=IfAbsent())
    assert client.get_object(Bucket=bucket, Key="c")["Body"].read() == b"theirs"
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


@BOTH
@pytest.mark.parametrize("in_parts", [False, True], ids=["one request", "parts"])
@pytest.mark.parametrize("changes", [None, ObjectAttributes(cache_control="no-store")], ids=["same", "changed"])
def test_a_copy_from_another_bucket(server, bucket_name, opened, boto, monkeypatch, in_parts, changes):
    if in_parts:
        monkeypatch.setattr("buckia_s3.operations.bucket_copy.MAX_PART", 5 * MIB)
        monkeypatch.setattr("buckia_s3.operations.copy._PART_SIZE", 6 * MIB)
    monkeypatch.setattr(BucketCopier, "stream", None)
    first, second, client = bucket_name(server), bucket_name(server), boto(server)
    source = opened(server, first, prefix="in/", objects=[{"match": "*", "cache_control": "max-age=60"}], **SMALL_PARTS)
    target = opened(server, second, prefix="out/")
    digest = Digest("sha256", hashlib.sha256(DATA).hexdigest())
    info = UploadInfo(mtime_ns=1_700_000_000_000_000_000, digests=(digest,), content_type="text/x", metadata={"a": "b"})
    source.upload_file(DATA, "old name.txt", info=info)
    found = source.stat_file("old name.txt")
    copied = BucketCopier(source, target).copy(found, "new.txt", changes=changes)
    assert copied.size == len(DATA) and read(target, "new.txt") == DATA
    now = target.stat_file("new.txt")
    assert (now.mtime_ns, now.content_type, dict(now.metadata)) == (info.mtime_ns, "text/x", {"a": "b"})
    assert digest in merge(now.claimed, now.digests)
    told = client.head_object(Bucket=second, Key="out/new.txt")
    assert told["CacheControl"] == ("no-store" if changes else "max-age=60")
    assert not in_parts or told["ETag"].endswith('-2"')
    with pytest.raises(PreconditionFailed):
        BucketCopier(source, target).copy(found, "new.txt", changes=changes, expect=IfAbsent())
    source.upload_file(DATA[::-1], "old name.txt")
    with pytest.raises(PreconditionFailed):
        BucketCopier(source, target).copy(found, "other.txt", changes=changes)
    assert [each.key for each in target.list_files()] == ["new.txt"]
    assert "Uploads" not in client.list_multipart_uploads(Bucket=second)


def test_the_command_gives_what_patterns_say_and_has_nothing_to_do_then(on_ceph):
    on_ceph.configure(objects=[{"match": "*.html", "cache_control": "no-cache", "tags": {"kind": "page"}}])
    on_ceph.write("index.html", "page")
    on_ceph.write("logo.svg", "picture")
    assert on_ceph.sync().code == 0
    client, bucket = on_ceph.bucket.client, on_ceph.bucket.name
    assert client.head_object(Bucket=bucket, Key="index.html")["CacheControl"] == "no-cache"
    assert "CacheControl" not in client.head_object(Bucket=bucket, Key="logo.svg")
    assert tags_of(client, bucket, "index.html") == [("kind", "page")]
    on_ceph.nothing_to_do(unchanged=2)


def test_the_command_tells_where_a_pattern_is_wrong(on_ceph):
    on_ceph.configure(objects=[{"match": "*.html", "cache_contrl": "no-cache"}])
    ran = on_ceph.run("sync")
    assert ran.code == 2
    assert "objects[0].cache_contrl" in ran.stderr
    assert "Did you mean 'cache_control'?" in ran.stderr


def test_the_command_with_a_key_of_the_customer(tmp_path, ceph, s3_bucket):
    key = SSE_C["sse_customer_key_base64"]
    settings = {
        "endpoint_url": ceph.endpoint_tls,
        "ca_bundle": ceph.ca_file,
        "server_side_encryption": "sse-c",
        "sse_customer_key_base64": "env:MEDIA_KEY",
    }
    here, there = (Project(tmp_path / name, s3_bucket, **settings) for name in ("here", "there"))
    content = "x" * 300_000
    here.write("a.txt", "hello")
    here.write("b.bin", content)
    ran = here.sync("-v", MEDIA_KEY=key)
    assert ran.code == 0
    assert there.sync(MEDIA_KEY=key).code == 0
    assert there.tree() == {"a.txt": "hello", "b.bin": content}
    # Ceph 16 copies no such object, so a moved file is uploaded again.
    here.path("b.bin").rename(here.path("c.bin"))
    assert here.sync(MEDIA_KEY=key).code == 0
    here.sync(MEDIA_KEY=key)
    assert there.sync(MEDIA_KEY=key).code == 0
    assert there.tree() == {"a.txt": "hello", "c.bin": content}
    assert key not in f"{ran.stdout}{ran.stderr}"
    refused = here.sync(MEDIA_KEY=base64.b64encode(OTHER_KEY).decode()[:-4])
    assert refused.code == 2
    assert "256 bits in base64" in refused.stderr
