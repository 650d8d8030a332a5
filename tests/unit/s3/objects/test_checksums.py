"""Checksums that go with uploads, and what is compared with them on the way back."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import sys
import zlib

import pytest

from buckia_core.config.settings import read_settings
from buckia_core.errors import ConfigError, IntegrityError
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.settings import S3Settings
from buckia_s3.objects.checksums import ChecksumAlgorithm, checksum
from tests.unit.s3.operations.test_multipart import DATA, SMALL_PARTS, Parts
from tests.unit.s3.scripted_server import HELLO, OBJECT, Answer

needs_awscrt = pytest.mark.skipif(
    importlib.util.find_spec("awscrt") is None, reason="the package awscrt, which computes it, is not installed"
)

# The check values of the catalogue of CRCs, and the digests, of this text.
CHECK = b"123456789"
VALUES = [
    pytest.param("CRC32", "cbf43926", id="CRC32"),
    pytest.param("CRC32C", "e3069283", id="CRC32C", marks=needs_awscrt),
    pytest.param("CRC64NVME", "ae8b14860a799888", id="CRC64NVME", marks=needs_awscrt),
    pytest.param("SHA1", hashlib.sha1(CHECK).hexdigest(), id="SHA1"),
    pytest.param("SHA256", hashlib.sha256(CHECK).hexdigest(), id="SHA256"),
]

SOURCE = RemoteObject("k", 5, "5d41402abc4b2a76b9719d911017c592")


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def sha256(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@pytest.mark.parametrize(("name", "value"), VALUES)
def test_the_values_are_those_of_the_catalogue(name, value):
    told = checksum(ChecksumAlgorithm(name), [CHECK[:4], memoryview(CHECK)[4:]])
    assert base64.b64decode(told).hex() == value


@pytest.mark.parametrize("size", [5, 300 << 10], ids=["small", "streamed"])
@pytest.mark.parametrize("kind", ["bytes", "path"])
def test_an_upload_carries_it(connect, size, kind, tmp_path):
    data = b"x" * size
    path = tmp_path / "f"
    path.write_bytes(data)
    adapter, server = connect(lambda asked: HELLO, checksum_algorithm=ChecksumAlgorithm.CRC32)
    adapter.upload_file(data if kind == "bytes" else path, "k")
    assert server.asked[0].headers["x-amz-checksum-crc32"] == crc32(data)
    assert server.asked[0].body == data


def test_nothing_is_added_unless_it_is_asked_for(connect):
    server = Parts()
    adapter, scripted = connect(server, **SMALL_PARTS)
    adapter.upload_file(DATA, "k")
    adapter.stat_file("k")
    with adapter.open_file("k//") as file:
        file.read()
    assert not [name for asked in scripted.asked for name in asked.headers if "checksum" in name]


def test_parts_carry_it_and_the_completion_a_crc_of_the_full_object(connect):
    server = Parts()
    adapter, scripted = connect(server, checksum_algorithm=ChecksumAlgorithm.CRC32, **SMALL_PARTS)
    adapter.upload_file(DATA, "k")
    [begin] = [asked for asked in scripted.asked if "uploads" in asked.query]
    assert begin.headers["x-amz-checksum-algorithm"] == "CRC32"
    assert begin.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    parts = {asked.query["partNumber"]: asked for asked in scripted.asked if "partNumber" in asked.query}
    told = {number: asked.headers["x-amz-checksum-crc32"] for number, asked in parts.items()}
    assert told == {number: crc32(asked.body) for number, asked in parts.items()}
    [end] = [asked for asked in scripted.asked if asked.method == "POST" and "uploadId" in asked.query]
    assert end.headers["x-amz-checksum-crc32"] == crc32(DATA)
    assert f"<ChecksumCRC32>{told['1']}</ChecksumCRC32>" in end.body.decode()


def test_of_a_digest_the_completion_has_those_of_the_parts(connect):
    server = Parts()
    adapter, scripted = connect(server, checksum_algorithm=ChecksumAlgorithm.SHA256, **SMALL_PARTS)
    adapter.upload_file(DATA, "k")
    [begin] = [asked for asked in scripted.asked if "uploads" in asked.query]
    assert begin.headers["x-amz-checksum-type"] == "COMPOSITE"
    [end] = [asked for asked in scripted.asked if asked.method == "POST" and "uploadId" in asked.query]
    for number, data in server.parts.items():
        part = f"<PartNumber>{number}</PartNumber><ETag>&quot;{hashlib.md5(data).hexdigest()}&quot;</ETag>"
        assert f"<Part>{part}<ChecksumSHA256>{sha256(data)}</ChecksumSHA256></Part>" in end.body.decode()
    assert "x-amz-checksum-sha256" not in end.headers


def test_a_copy_asks_the_server_for_it(connect):
    def script(asked):
        return HELLO if asked.method == "HEAD" else Answer(200, b"<X><ETag>e</ETag></X>")

    adapter, server = connect(script, checksum_algorithm=ChecksumAlgorithm.SHA1)
    adapter.copy_file(SOURCE, "new")
    assert server.asked[-1].headers["x-amz-checksum-algorithm"] == "SHA1"


def opened(adapter, target):
    with adapter.open_file("k") as file:
        target.write_bytes(file.read())


READS = {
    "known": lambda adapter, target: adapter.download_file("k", target, expect=SOURCE),
    "unknown": lambda adapter, target: adapter.download_file("k", target),
    "opened": opened,
}


@pytest.mark.parametrize(
    "told",
    [
        {"x-amz-checksum-crc32": crc32(b"hello"), "x-amz-checksum-type": "FULL_OBJECT"},
        {"x-amz-checksum-crc32": crc32(b"hello")},
        {"x-amz-checksum-crc32": f"{crc32(b'other')}-2"},
        {"x-amz-checksum-crc32": crc32(b"other"), "x-amz-checksum-type": "COMPOSITE"},
        {"x-amz-checksum-sha1": "x"},
        {},
    ],
)
def test_what_is_read_is_compared_where_it_can_be(connect, tmp_path, told):
    script = lambda asked: Answer(200, b"hello", OBJECT | told)  # noqa: E731  # the whole server in one line
    adapter, server = connect(script, checksum_algorithm=ChecksumAlgorithm.CRC32)
    for way, read in READS.items():
        read(adapter, tmp_path / way)
    assert [(tmp_path / way).read_bytes() for way in READS] == [b"hello"] * 3
    assert all(asked.headers["x-amz-checksum-mode"] == "ENABLED" for asked in server.asked)


@pytest.mark.parametrize("way", ["known", "unknown", "opened"])
def test_what_came_otherwise_is_noticed(connect, tmp_path, way):
    told = {"x-amz-checksum-crc32": crc32(b"other")}
    adapter, _ = connect(lambda asked: Answer(200, b"hello", OBJECT | told), checksum_algorithm=ChecksumAlgorithm.CRC32)
    with pytest.raises(IntegrityError, match="another CRC32"):
        READS[way](adapter, tmp_path / "f")


@pytest.mark.parametrize("right", [True, False])
def test_what_came_in_ranges_is_compared_with_the_full_object(connect, tmp_path, monkeypatch, right):
    monkeypatch.setattr("buckia_core.adapters.transfers.ranged_download.RANGE_BYTES", 2)
    told = {"x-amz-checksum-crc32": crc32(b"hello" if right else b"other")}

    def script(asked):
        if asked.method == "HEAD":
            return Answer(200, b"hello", OBJECT | told)
        start, end = (int(each) for each in asked.headers["range"].removeprefix("bytes=").split("-"))
        body = b"hello"[start : end + 1]
        span = f"bytes {start}-{start + len(body) - 1}/5"
        return Answer(206, body, OBJECT | {"Content-Range": span})

    adapter, _ = connect(script, checksum_algorithm=ChecksumAlgorithm.CRC32)
    target = tmp_path / "f"
    if right:
        adapter.download_file("k", target, expect=SOURCE)
        assert target.read_bytes() == b"hello"
    else:
        with pytest.raises(IntegrityError, match="another CRC32"):
            adapter.download_file("k", target, expect=SOURCE)


@pytest.fixture
def read(tmp_path):
    def reading(value):
        environ = {"AWS_CHECKSUM_ALGORITHM": value}
        return read_settings(
            S3Settings, {"bucket_name": "b"}, provider="s3", base_dir=tmp_path, environ=environ
        ).checksum_algorithm

    return reading


def test_names_in_any_case(read):
    assert read("sha256") is ChecksumAlgorithm.SHA256
    assert read("CRC32") is ChecksumAlgorithm.CRC32


def test_an_algorithm_that_there_is_not(read):
    with pytest.raises(ConfigError, match="CRC32, CRC32C, CRC64NVME, SHA1, SHA256"):
        read("MD5")


@pytest.mark.parametrize("name", ["CRC32C", "CRC64NVME"])
def test_what_needs_a_package_says_so(read, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "awscrt", None)
    monkeypatch.setitem(sys.modules, "awscrt.checksums", None)
    with pytest.raises(ConfigError, match=r"pip install .buckia-s3\[crt\]"):
        read(name)
