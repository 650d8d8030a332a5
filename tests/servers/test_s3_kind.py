"""Every S3 request is counted as what it is."""

from __future__ import annotations

import pytest

from tests.servers.s3_kind import s3_kind

KINDS = """
GET    /                        list_buckets
GET    /b?list-type=2&prefix=x  list
GET    /b/                      list
GET    /b?versions&prefix=x     list_versions
GET    /b?uploads               list_uploads
GET    /b?lifecycle             bucket_settings
HEAD   /b                       head_bucket
PUT    /b                       create_bucket
PUT    /b?versioning            bucket_settings
DELETE /b                       delete_bucket
DELETE /b?policy                bucket_settings
POST   /b?delete                delete_many
GET    /b/k                     get
GET    /b//k                    get
GET    /b/k/                    get
GET    /b/k?tagging             object_settings
HEAD   /b/k                     head
PUT    /b/k                     put
PUT    /b/k?copy                copy
DELETE /b/k?versionId=1         delete
POST   /b/k?uploads             create_multipart
PUT    /b/k?partNumber=1&uploadId=u        upload_part
PUT    /b/k?partNumber=1&uploadId=u&copy   copy_part
GET    /b/k?uploadId=u          list_parts
POST   /b/k?uploadId=u          complete_multipart
DELETE /b/k?uploadId=u          abort_multipart
"""


@pytest.mark.parametrize("row", KINDS.strip().splitlines(), ids=lambda row: " ".join(row.split()))
def test_kinds(row: str) -> None:
    method, target, kind = row.split()
    path, _, text = target.partition("?")
    query = {word.partition("=")[0]: word.partition("=")[2] for word in text.split("&") if word}
    # `copy` in the table stands for the header that names the source.
    headers = {"x-amz-copy-source": "b/s"} if query.pop("copy", None) is not None else {}
    assert s3_kind(method, path, query, headers) == kind
