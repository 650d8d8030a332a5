"""What a server says that it has of an upload."""

from __future__ import annotations

import hashlib
import json

import pytest

from buckia_core.adapters.contract.resume import MultipartSource
from buckia_core.errors import PermissionDenied, Transient
from buckia_s3.config.fields import MIN_PART
from buckia_s3.operations.list_parts import UploadedPart, list_parts
from tests.unit.s3.scripted_server import Answer, error


def page(first: int, last: int, *, more: bool) -> Answer:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;etag{number}&quot;</ETag><Size>{number}</Size></Part>"
        for number in range(first, last + 1)
    )
    end = f"<NextPartNumberMarker>{last}</NextPartNumberMarker><IsTruncated>{str(more).lower()}</IsTruncated>"
    return Answer(200, f"<ListPartsResult>{end}{parts}</ListPartsResult>".encode())


def test_all_pages_are_read(connect):
    def script(asked):
        after = int(asked.query.get("part-number-marker", 0))
        return page(after + 1, after + 1000, more=after < 2000)

    adapter, server = connect(script)
    found = list_parts(adapter._client, "pre/k", "k", "u&1")
    assert found is not None
    assert len(found) == 3000
    assert found[2001] == UploadedPart("etag2001", 2001)
    assert [asked.query["uploadId"] for asked in server.asked] == ["u&1"] * 3


def test_an_upload_that_is_not_known(connect):
    adapter, _ = connect(lambda _: error(404, "NoSuchUpload"))
    assert list_parts(adapter._client, "k", "k", "u") is None


def test_half_a_list_is_none(connect):
    adapter, _ = connect(lambda _: Answer(200, page(1, 3, more=False).body[:100]))
    with pytest.raises(Transient):
        list_parts(adapter._client, "k", "k", "u")


def test_abandoning_what_is_gone_is_no_error(connect):
    adapter, server = connect(lambda _: error(404, "NoSuchUpload"))
    adapter.abort_upload("k", json.dumps({"upload_id": "u", "part_size": 5, "becoming": ""}))
    adapter.abort_upload("k", "not of ours")
    assert [(asked.method, asked.query["uploadId"]) for asked in server.asked] == [("DELETE", "u")]


def test_other_headers_begin_anew(connect, tmp_path):
    """What the beginning of an upload decided can't be changed by its end."""

    class Note:
        text = None

        def read(self):
            return self.text

        def write(self, text):
            self.text = text

        def clear(self):
            self.text = None

    def script(asked):
        if "uploads" in asked.query:
            return Answer(200, b"<X><UploadId>new</UploadId></X>")
        if asked.method == "DELETE":
            return Answer(204)
        return error(403, "AccessDenied")

    adapter, server = connect(script, part_size=MIN_PART, multipart_threshold=MIN_PART)
    path, note = tmp_path / "f", Note()
    path.write_bytes(bytes(MIN_PART + 1))
    note.text = json.dumps({"upload_id": "old", "part_size": MIN_PART, "becoming": "something else"})
    parts = adapter.part_layout(MIN_PART + 1)
    assert parts is not None
    digests = [hashlib.sha256(bytes(size)).hexdigest() for size in (MIN_PART, 1)]
    with pytest.raises(PermissionDenied):
        adapter.upload_parts(MultipartSource(path, MIN_PART + 1, parts, digests, note, lambda _: None), "k")
    assert [asked.query.get("uploadId") for asked in server.asked if asked.method == "DELETE"] == ["old"]
    assert json.loads(note.text or "{}")["upload_id"] == "new"
