"""What a server tells of an upload, where it does not compare the content itself."""

from __future__ import annotations

import hashlib

import pytest

from buckia_core.adapters.contract.types import IfAbsent
from buckia_core.errors import IntegrityError
from buckia_s3.config.fields import ConditionalWrites
from buckia_s3.config.options import RetryConfig
from buckia_s3.objects.checksums import ChecksumAlgorithm
from tests.unit.s3.scripted_server import OBJECT, Answer, error

AT_ONCE = {"retry_config": RetryConfig(init_backoff=0.0)}


def md5(data):
    return hashlib.md5(data).hexdigest()


class Damaging:
    """A server that changes some of what comes, and tells an ETag of what it has.

    `etag` makes one; `headers` are told with each write.
    """

    def __init__(self, times=0, etag=md5, compares=False, **headers):
        self.left = times
        self.etag = etag
        self.compares = compares
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.objects: dict[str, bytes] = {}
        self.writes = 0

    def __call__(self, asked):
        probe = "probe" in asked.path
        if "versioning" in asked.query or asked.path == "/bucket":
            return Answer()
        if asked.method == "PUT":
            if self.compares and asked.headers["x-amz-content-sha256"] != hashlib.sha256(asked.body).hexdigest():
                return error(400, "XAmzContentSHA256Mismatch")
            wanted = asked.headers.get("if-match")
            if "if-none-match" in asked.headers and asked.path in self.objects:
                return error(412, "PreconditionFailed")
            if wanted and wanted != f'"{self.etag(self.objects.get(asked.path, b""))}"':
                return error(412, "PreconditionFailed")
            data = asked.body
            if not probe:
                self.writes += 1
                if self.left:
                    self.left -= 1
                    data = data.replace(b"7", b"1")
            self.objects[asked.path] = data
            return Answer(200, b"", {"ETag": f'"{self.etag(data)}"', **self.headers})
        if asked.method == "DELETE":
            self.objects.pop(asked.path, None)
            return Answer(204)
        if asked.path not in self.objects:
            return error(404, "NoSuchKey")
        data = self.objects[asked.path]
        return Answer(200, data, {**OBJECT, "ETag": f'"{self.etag(data)}"'})


@pytest.fixture(params=["small", "large"])
def content(request, tmp_path):
    """The bytes of an upload, and what is uploaded."""
    data = b"7 million" if request.param == "small" else b"7" * 300_000
    path = tmp_path / "file"
    path.write_bytes(data)
    return data, path


@pytest.mark.parametrize("probed", [True, False], ids=["probed", "not probed"])
def test_what_was_damaged_once_is_sent_again(connect, content, probed):
    data, path = content
    script = Damaging(times=1)
    adapter, _ = connect(script, **AT_ONCE)
    if probed:
        adapter.probe()
    written = adapter.upload_file(path, "k", expect=IfAbsent())
    assert script.objects == {"/bucket/k": data}
    assert written.fingerprint == md5(data)
    assert script.writes == 2


@pytest.mark.parametrize("expect", [IfAbsent(), None], ids=["new", "any"])
def test_what_is_damaged_each_time_is_removed(connect, content, expect):
    script = Damaging(times=9)
    adapter, _ = connect(script, **AT_ONCE)
    with pytest.raises(IntegrityError, match="'k': writing: other bytes arrived") as caught:
        adapter.upload_file(content[1], "k", expect=expect)
    assert not caught.value.retryable
    assert script.objects == {}


def test_an_etag_that_only_looks_like_an_md5_is_found_out(connect, content, caplog):
    data, path = content
    script = Damaging(etag=lambda data: md5(data + b"salt"))
    adapter, server = connect(script, conditional_writes=ConditionalWrites.OFF)
    written = adapter.upload_file(path, "k")
    assert (script.objects, written.digests) == ({"/bucket/k": data}, ())
    assert "etag_is_md5: false" in caplog.text
    adapter.upload_file(path, "k2")
    assert [asked.method for asked in server.asked] == ["PUT", "GET", "PUT"], "the object is read once"


@pytest.mark.parametrize(
    "script",
    [
        Damaging(compares=True),
        Damaging(etag=lambda data: "an-etag-of-another-kind"),
        Damaging(etag=lambda data: md5(data + b"x"), x_amz_server_side_encryption="aws:kms"),
        Damaging(etag=lambda data: md5(data + b"x"), x_amz_server_side_encryption_customer_algorithm="AES256"),
    ],
    ids=["the server compares", "other ETags", "KMS", "customer's key"],
)
def test_nothing_is_read_where_nothing_can_be_compared(connect, content, script):
    adapter, server = connect(script)
    adapter.probe()
    adapter.upload_file(content[1], "k")
    assert [asked.method for asked in server.asked if asked.path == "/bucket/k"] == ["PUT"]


def test_a_checksum_that_differs(connect):
    right = Damaging()
    adapter, _ = connect(right, checksum_algorithm=ChecksumAlgorithm.SHA256, conditional_writes=ConditionalWrites.OFF)
    adapter.upload_file(b"7", "k")
    wrong = Damaging(x_amz_checksum_sha256="another")
    adapter, _ = connect(
        wrong, checksum_algorithm=ChecksumAlgorithm.SHA256, conditional_writes=ConditionalWrites.OFF, **AT_ONCE
    )
    with pytest.raises(IntegrityError):
        adapter.upload_file(b"7", "k")


class Parts:
    """A server of uploads in parts, which changes the first ones that come."""

    def __init__(self, script, times):
        self.script, self.left = script, times
        self.parts: list[bytes] = []

    def __call__(self, asked):
        if asked.path != "/bucket/k":
            return self.script(asked)
        if "uploads" in asked.query:
            return Answer(200, b"<UploadId>u</UploadId>")
        if "partNumber" in asked.query:
            damaged, self.left = self.left > 0, self.left - 1
            data = asked.body.replace(b"7", b"1") if damaged else asked.body
            self.parts.append(data)
            return Answer(200, b"", {"ETag": f'"{md5(data)}"'})
        if asked.method == "POST":
            return Answer(200, b"<ETag>x-1</ETag>")
        return Answer(200, b"7 million", {**OBJECT, "ETag": '"x-1"'})


def test_a_damaged_part_is_sent_again(connect):
    script = Parts(Damaging(), times=1)
    adapter, _ = connect(script, multipart_threshold=4, **AT_ONCE)
    adapter.probe()
    adapter.upload_file(b"7 million", "k")
    assert script.parts == [b"1 million", b"7 million"]


def test_a_part_that_is_damaged_each_time(connect):
    adapter, server = connect(Parts(Damaging(), times=9), multipart_threshold=4, **AT_ONCE)
    adapter.probe()
    with pytest.raises(IntegrityError):
        adapter.upload_file(b"7 million", "k")
    assert server.asked[-1].method == "DELETE", "the upload is aborted"
