"""Fake of a Linode account: endpoints, buckets, access keys and quotas, with the API's validation."""

from __future__ import annotations

import math
import re
import secrets
from typing import Any

from .linode_objects import BucketStore, ObjectNotFound

Record = dict[str, Any]

ACLS = ("private", "public-read", "authenticated-read", "public-read-write")
WITH_CORS = ("E0", "E1")

ENDPOINTS: list[Record] = [
    {"region": "us-ord", "endpoint_type": "E1", "s3_endpoint": "us-ord-1.linodeobjects.com"},
    {"region": "us-iad", "endpoint_type": "E1", "s3_endpoint": "us-iad-1.linodeobjects.com"},
    {"region": "us-iad", "endpoint_type": "E3", "s3_endpoint": "us-iad-10.linodeobjects.com"},
    {"region": "de-fra-2", "endpoint_type": "E3", "s3_endpoint": "de-fra-1.linodeobjects.com"},
    {"region": "nl-ams", "endpoint_type": "E0", "s3_endpoint": "nl-ams-1.linodeobjects.com"},
    {"region": "jp-osa", "endpoint_type": "E2", "s3_endpoint": None},
]


class Refused(Exception):
    """An error response."""

    def __init__(self, status: int, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.field = field


class FakeAccount:
    """State of the account. `page_limit` limits the size of pages."""

    def __init__(self, store: BucketStore) -> None:
        self.store = store
        self.endpoints = [dict(each) for each in ENDPOINTS]
        self.buckets: dict[tuple[str, str], Record] = {}
        self.keys: dict[int, Record] = {}
        self.transferred = 0
        self.page_limit = 500

    def call(self, method: str, path: list[str], asked: Record) -> Record:
        """Execute one call; `asked` is query and body together."""
        match method, path:
            case "GET", ["endpoints"]:
                return self._page(self.endpoints, asked)
            case "GET", ["buckets"]:
                return self._page([self._shown(each) for each in self.buckets.values()], asked)
            case "GET", ["buckets", region]:
                return self._page([self._shown(each) for each in self._in_region(region)], asked)
            case "POST", ["buckets"]:
                return self._create_bucket(asked)
            case "GET", ["buckets", region, name]:
                return self._shown(self._bucket(region, name))
            case "DELETE", ["buckets", region, name]:
                return self._delete_bucket(self._bucket(region, name))
            case _, ["buckets", region, name, part]:
                return self._part(method, self._bucket(region, name), part, asked)
            case "GET", ["keys"]:
                return self._page([each | {"secret_key": "[REDACTED]"} for each in self.keys.values()], asked)
            case "POST", ["keys"]:
                return self._create_key(asked)
            case "DELETE", ["keys", number] if int(number) in self.keys:
                del self.keys[int(number)]
                return {}
            case "GET", ["quotas"]:
                return self._page([self._quota(each) for each in self.endpoints if each["s3_endpoint"]], asked)
            case "GET", ["quotas", quota, "usage"]:
                host = quota.removeprefix("obj-buckets-")
                return {
                    "quota_limit": 1000,
                    "usage": sum(each["s3_endpoint"] == host for each in self.buckets.values()),
                }
            case "GET", ["transfer"]:
                return {"used": self.transferred}
        raise Refused(404, "Not found")

    def _page(self, entries: list[Record], asked: Record) -> Record:
        page, size = int(asked.get("page", 1)), int(asked.get("page_size", 100))
        if not 25 <= size <= 500:
            raise Refused(400, "Must be 25-500", "page_size")
        size = min(size, self.page_limit)
        pages = max(1, math.ceil(len(entries) / size))
        if page > pages:
            raise Refused(404, "Not found")
        return {"data": entries[(page - 1) * size : page * size], "page": page, "pages": pages, "results": len(entries)}

    def _in_region(self, region: str) -> list[Record]:
        return [each for each in self.buckets.values() if region in (each["region"], each["cluster"])]

    def _bucket(self, region: str, name: str) -> Record:
        for each in self._in_region(region):
            if each["label"] == name:
                return each
        raise Refused(404, "Not found")

    def _shown(self, bucket: Record) -> Record:
        sizes = self.store.sizes(bucket["label"])
        hidden = {"acl", "cors_enabled"}
        return {k: v for k, v in bucket.items() if k not in hidden} | {"objects": len(sizes), "size": sum(sizes)}

    def _create_bucket(self, asked: Record) -> Record:
        name, region = asked.get("label") or "", asked.get("region") or asked.get("cluster") or ""
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
            raise Refused(400, "Label must be 3-63 lowercase letters, digits, dots or dashes", "label")
        if asked.get("acl", "private") not in ACLS:
            raise Refused(400, "ACL is not valid", "acl")
        matching = [
            each
            for each in self.endpoints
            if each["s3_endpoint"]
            and (each["region"] == region or each["s3_endpoint"].split(".")[0] == asked.get("cluster"))
            and asked.get("endpoint_type") in (None, each["endpoint_type"])
            and asked.get("s3_endpoint") in (None, each["s3_endpoint"])
        ]
        if not matching:
            raise Refused(400, "Object Storage is not available there", "region")
        endpoint = min(matching, key=lambda each: each["endpoint_type"])
        if asked.get("cors_enabled") and endpoint["endpoint_type"] not in WITH_CORS:
            raise Refused(400, "CORS is not supported by this endpoint type", "cors_enabled")
        if (endpoint["region"], name) not in self.buckets:
            self.store.create(name)
            self.buckets[endpoint["region"], name] = {
                "label": name,
                "region": endpoint["region"],
                "cluster": endpoint["s3_endpoint"].split(".")[0],
                "created": "2026-01-02T03:04:05",
                "hostname": f"{name}.{endpoint['s3_endpoint']}",
                "s3_endpoint": endpoint["s3_endpoint"],
                "endpoint_type": endpoint["endpoint_type"],
                "acl": asked.get("acl", "private"),
                "cors_enabled": bool(asked.get("cors_enabled")),
            }
        return self._shown(self.buckets[endpoint["region"], name])

    def _delete_bucket(self, bucket: Record) -> Record:
        if self.store.sizes(bucket["label"]):
            raise Refused(400, "Bucket is not empty")
        self.store.remove(bucket["label"])
        del self.buckets[bucket["region"], bucket["label"]]
        return {}

    def _part(self, method: str, bucket: Record, part: str, asked: Record) -> Record:
        name, key = bucket["label"], asked.get("name", "")
        with_cors = bucket["endpoint_type"] in WITH_CORS
        try:
            match method, part:
                case "GET", "access":
                    cors = bucket["cors_enabled"] if with_cors else None
                    return {"acl": bucket["acl"], "acl_xml": "<x/>", "cors_enabled": cors, "cors_xml": None}
                case "PUT" | "POST", "access":
                    if asked.get("acl", "private") not in ACLS:
                        raise Refused(400, "ACL is not valid", "acl")
                    if "cors_enabled" in asked and not with_cors:
                        raise Refused(400, "CORS is not supported by this endpoint type", "cors_enabled")
                    bucket.update({k: asked[k] for k in ("acl", "cors_enabled") if k in asked})
                    return {}
                case "GET", "object-acl":
                    return {"acl": self.store.acl(name, key), "acl_xml": "<x/>"}
                case "PUT", "object-acl":
                    if asked.get("acl") not in ACLS:
                        raise Refused(400, "ACL is not valid", "acl")
                    self.store.set_acl(name, key, asked["acl"])
                    return {"acl": asked["acl"], "acl_xml": "<x/>"}
                case "POST", "object-url":
                    return self._object_url(name, key, asked)
        except ObjectNotFound as error:
            raise Refused(404, "Not found") from error
        raise Refused(404, "Not found")

    def _object_url(self, bucket: str, key: str, asked: Record) -> Record:
        method, seconds = asked.get("method", "GET"), asked.get("expires_in", 3600)
        if not 360 <= seconds <= 86400:
            raise Refused(400, "Must be 360-86400", "expires_in")
        if method not in ("GET", "DELETE") and not asked.get("content_type"):
            raise Refused(400, "content_type is required", "content_type")
        return {"url": self.store.url(bucket, key, method, seconds, asked.get("content_type")), "exists": True}

    def _create_key(self, asked: Record) -> Record:
        if not 3 <= len(asked.get("label", "")) <= 50:
            raise Refused(400, "Length must be 3-50 characters", "label")
        grants = asked.get("bucket_access")
        for grant in grants or ():
            if (grant.get("region") or grant.get("cluster"), grant["bucket_name"]) not in self.buckets:
                raise Refused(400, "You do not own this bucket", "bucket_access")
        wanted = asked.get("regions") or []
        if not wanted and not grants:
            raise Refused(400, "regions is required", "regions")
        hosts = [each for each in self.endpoints if each["region"] in wanted and each["s3_endpoint"]]
        number = len(self.keys) + 1
        key = {
            "id": number,
            "label": asked["label"],
            "access_key": secrets.token_hex(10).upper(),
            "limited": grants is not None,
            "bucket_access": grants,
            "regions": [
                {"id": e["region"], "s3_endpoint": e["s3_endpoint"], "endpoint_type": e["endpoint_type"]} for e in hosts
            ],
        }
        self.keys[number] = key
        return key | {"secret_key": secrets.token_hex(20)}

    def _quota(self, endpoint: Record) -> Record:
        return {
            "quota_id": f"obj-buckets-{endpoint['s3_endpoint']}",
            "quota_name": "Number of Buckets",
            "endpoint_type": endpoint["endpoint_type"],
            "s3_endpoint": endpoint["s3_endpoint"],
            "description": "Maximum number of buckets at this endpoint",
            "quota_limit": 1000,
            "resource_metric": "bucket",
            "quota_type": "obj-buckets",
            "has_usage": True,
        }
