"""What an S3 request asks for, told from its method, path and query alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_OBJECT_SETTINGS: Final = frozenset(
    {"acl", "attributes", "legal-hold", "restore", "retention", "select", "tagging", "torrent"}
)
_BUCKET_LISTS: Final = {"uploads": "list_uploads", "versions": "list_versions"}
_BUCKET_QUERY_OF_LIST: Final = frozenset(
    {"continuation-token", "delimiter", "encoding-type", "fetch-owner", "list-type", "marker", "max-keys", "prefix"}
    | {"start-after"}
)


def s3_kind(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Name the operation of a request with a path-style address.

    | level | kinds |
    |---|---|
    | service | `list_buckets` |
    | bucket | `list` `list_versions` `list_uploads` `delete_many` `create_bucket` `delete_bucket` `head_bucket` |
    | object | `get` `head` `put` `copy` `delete` |
    | multipart | `create_multipart` `upload_part` `copy_part` `complete_multipart` `abort_multipart` `list_parts` |

    Whatever else there is (tags, policies, lifecycle, …) is `object_settings` or `bucket_settings`.
    """
    bucket, _, key = path.removeprefix("/").partition("/")
    if key:
        return _of_object(method, query, copied="x-amz-copy-source" in headers)
    return _of_bucket(method, query) if bucket else "list_buckets"


def _of_object(method: str, query: Mapping[str, str], *, copied: bool) -> str:
    in_multipart = "uploadId" in query
    if _OBJECT_SETTINGS & query.keys():
        return "object_settings"
    match method:
        case "GET":
            return "list_parts" if in_multipart else "get"
        case "HEAD":
            return "head"
        case "PUT" if in_multipart:
            return "copy_part" if copied else "upload_part"
        case "PUT":
            return "copy" if copied else "put"
        case "DELETE":
            return "abort_multipart" if in_multipart else "delete"
        case "POST" if in_multipart:
            return "complete_multipart"
        case "POST" if "uploads" in query:
            return "create_multipart"
        case _:
            return "object_settings"


def _of_bucket(method: str, query: Mapping[str, str]) -> str:
    if method == "POST" and "delete" in query:
        return "delete_many"
    if method == "HEAD":
        return "head_bucket"
    if method == "GET":
        for word, kind in _BUCKET_LISTS.items():
            if word in query:
                return kind
        # A presigned list carries its signature in the query.
        asked = {word for word in query if not word.startswith("X-Amz-")}
        return "list" if asked <= _BUCKET_QUERY_OF_LIST else "bucket_settings"
    if query:
        return "bucket_settings"
    return {"PUT": "create_bucket", "DELETE": "delete_bucket"}.get(method, "bucket_settings")
