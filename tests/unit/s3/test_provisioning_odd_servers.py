"""Accounts at servers that are none of S3's, or that lie: errors that say so, and no endless loops."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from buckia_core import AdapterError, BucketOptions, BucketRecord, KeyScope, Secret
from buckia_s3.provisioning import ceph_admin, cloudflare_api, s3_account
from buckia_s3.provisioning.aws import AwsAccountSettings, AwsProvisioner
from buckia_s3.provisioning.ceph import CephAccountSettings, CephProvisioner
from buckia_s3.provisioning.r2 import R2AccountSettings, R2Provisioner
from tests.unit.s3.scripted_server import Answer, Asked, ScriptedServer, scripted

BUCKET = BucketRecord("photos", "photos", {"bucket_name": "photos"})
KEYS: dict[str, Any] = {"access_key_id": Secret("AKIAADMIN"), "secret_access_key": Secret("s3cr3t-of-some-length")}
ANSWERS = {
    "redirect": Answer(307, b"", {"Location": "http://127.0.0.1:1/"}),
    "html": Answer(200, b"<html><body>Sign in<br></body>", {"Content-Type": "text/html"}),
    "json": Answer(200, b'{"keys": 7, "Users": "x", "result": 5, "success": true, "errors": []}'),
    "list": Answer(200, b"[1, 2]"),
    "empty": Answer(200),
    "other xml": Answer(200, b"<Wrong><Bucket>x</Bucket><Buckets><Bucket><Other/></Bucket></Buckets></Wrong>"),
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    for module in (s3_account, ceph_admin, cloudflare_api):
        monkeypatch.setattr(module, "RETRY_POLICY", dataclasses.replace(s3_account.RETRY_POLICY, max_attempts=1))
    with scripted(lambda _: Answer(500)) as server:
        yield server


def aws(url: str) -> AwsProvisioner:
    return AwsProvisioner(AwsAccountSettings(endpoint_url=url, **KEYS))


def ceph(url: str) -> CephProvisioner:
    return CephProvisioner(CephAccountSettings(endpoint_url=url, **KEYS))


def r2(url: str) -> R2Provisioner:
    return R2Provisioner(
        R2AccountSettings(account_id="a1", api_token=KEYS["secret_access_key"], api_url=url, endpoint_url=url)
    )


CALLS: dict[str, Callable[[Any], object]] = {
    "find": lambda vendor: vendor.find_bucket("photos"),
    "create": lambda vendor: vendor.create_bucket("photos", BucketOptions()),
    "empty": lambda vendor: vendor.empty_bucket(BUCKET),
    "keys": lambda vendor: vendor.list_keys(BUCKET, "buckia/photos/"),
    "key": lambda vendor: vendor.create_key(BUCKET, "buckia/photos/0a1b2c3d", KeyScope()),
    "public": lambda vendor: vendor.public_access(BUCKET),
    "publish": lambda vendor: vendor.publish(BUCKET, None),
}


@pytest.mark.parametrize("opening", [aws, ceph, r2])
def test_a_server_of_another_kind_causes_no_other_error(server, opening):
    failed = set()
    vendor = opening(server.endpoint)
    for kind, answer in ANSWERS.items():
        server.script = lambda _, answer=answer: answer
        for name, call in CALLS.items():
            try:
                call(vendor)
            except AdapterError:
                failed.add((kind, name))
    vendor.close()
    assert failed >= {(kind, "key") for kind in ANSWERS}


@pytest.mark.parametrize("following", ["same", "", None, 7])
def test_a_list_of_users_that_does_not_advance_ends(server, following):
    page = {"keys": ["u"], "truncated": True, **({} if following is None else {"marker": following})}
    server.script = lambda _: Answer(200, json.dumps(page).encode())
    vendor = ceph(server.endpoint)
    with pytest.raises(AdapterError, match=r"listing the users: .* gave an unexpected response"):
        vendor.list_keys(BUCKET, "buckia/photos/")
    vendor.close()
    assert len(server.asked) <= 2


def test_a_list_of_tokens_that_does_not_advance_ends(server):
    page = {"success": True, "errors": [], "result": [{"id": f"{each}", "name": "x"} for each in range(50)]}
    server.script = lambda _: Answer(200, json.dumps(page).encode())
    vendor = r2(server.endpoint)
    with pytest.raises(AdapterError, match=r"listing the tokens: .* gave an unexpected response"):
        vendor.list_keys(BUCKET, "buckia/photos/")
    vendor.close()
    assert len(server.asked) == 2


def test_deletes_without_effect_end(server):
    version = b"<Version><Key>a</Key><VersionId>1</VersionId></Version>"
    versions = b"<ListVersionsResult>" + version + b"</ListVersionsResult>"

    def script(asked: Asked) -> Answer:
        return (
            Answer(204) if asked.method == "DELETE" else Answer(200, versions if "versions" in asked.query else b"<A/>")
        )

    server.script = script
    vendor = aws(server.endpoint)
    with pytest.raises(AdapterError, match="still there after they were deleted"):
        vendor.empty_bucket(BUCKET)
    vendor.close()
    assert len(server.asked) == 4
