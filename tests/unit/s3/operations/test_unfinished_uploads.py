"""Uploads that were begun and not finished: listed, measured, aborted."""

from __future__ import annotations

import dataclasses
import time
from contextlib import closing

import pytest

from buckia_core.adapters.transfers.upload_session import UnfinishedUpload
from buckia_core.errors import AdapterError, PermissionDenied, Transient
from buckia_s3.config.options import RetryConfig
from tests.unit.s3.scripted_server import Answer, error

SECOND = 1_000_000_000


@pytest.fixture(params=["ceph", "moto_server"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def bucket(server, bucket_name):
    return bucket_name(server)


def begin(server, bucket, key, *parts):
    """Begin an upload and send some parts; return its id."""
    with closing(server.client()) as client:
        upload_id = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        for number, data in enumerate(parts, 1):
            client.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=data)
    return upload_id


def test_listed_measured_and_aborted(server, bucket, adapter_on):
    first = begin(server, bucket, "p/big ü+%41&<x", b"abc", b"de")
    second = begin(server, bucket, "p/other")
    begin(server, bucket, "elsewhere")
    adapter = adapter_on(server, bucket, prefix="p")

    uploads = adapter.unfinished
    found = list(uploads.all())
    assert [(each.key, each.upload_id) for each in found] == [("big ü+%41&<x", first), ("other", second)]
    assert [uploads.size(each) for each in found] == [5, 0]
    assert [each.key for each in uploads.all("oth")] == ["other"]

    for _ in range(2):
        uploads.abort(found[0])
    assert [each.key for each in uploads.all()] == ["other"]
    assert uploads.size(found[0]) == 0
    assert len(list(adapter_on(server, bucket).unfinished.all())) == 2


def test_page_by_page(ceph, bucket_name, adapter_on):
    bucket = bucket_name(ceph)
    begun = [(key, begin(ceph, bucket, key)) for key in ("a", "b", "b", "c 1", "d")]
    adapter = adapter_on(ceph, bucket)
    by_two = dataclasses.replace(adapter.unfinished, page_size=2)
    assert sorted((each.key, each.upload_id) for each in by_two.all()) == sorted(begun)
    assert all(abs(each.started_ns - time.time_ns()) < 3600 * SECOND for each in by_two.all())


def page(*keys, more=False):
    uploads = "".join(
        f"<Upload><Key>{key}</Key><UploadId>u-{key}</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>"
        for key in keys
    )
    told = f"<IsTruncated>{str(more).lower()}</IsTruncated>{uploads}"
    return f"<ListMultipartUploadsResult>{told}</ListMultipartUploadsResult>".encode()


def test_a_key_that_xml_can_not_hold_is_asked_for_in_another_form(connect):
    def script(asked):
        return Answer(200, page("a%01%252B" if "encoding-type" in asked.query else "a&#x1;%2B"))

    adapter, _ = connect(script)
    assert [each.key for each in adapter.unfinished.all()] == ["a\x01%2B"]


@pytest.mark.parametrize(
    "body",
    [
        b"<html/>",
        page("a")[:-9],
        page(more=True),
        page("a").replace(b"<UploadId>u-a</UploadId>", b""),
        page("a").replace(b"<IsTruncated>false</IsTruncated>", b""),
    ],
    ids=["another thing", "cut", "nowhere", "no id", "perhaps more"],
)
def test_an_unusable_response(connect, body):
    adapter, _ = connect(lambda asked: Answer(200, body), retry_config=RetryConfig(init_backoff=0.0))
    with pytest.raises(Transient, match="can't be used"):
        list(adapter.unfinished.all())


def test_a_server_that_begins_again_is_noticed(connect):
    adapter, _ = connect(lambda asked: Answer(200, page("a", more=True)), retry_config=RetryConfig(init_backoff=0.0))
    with pytest.raises(AdapterError, match="begins again"):
        list(adapter.unfinished.all())


def test_one_that_may_not_be_aborted(connect):
    adapter, _ = connect(lambda asked: error(403, "AccessDenied"))
    with pytest.raises(PermissionDenied):
        adapter.unfinished.abort(UnfinishedUpload("k", "u", 0))
