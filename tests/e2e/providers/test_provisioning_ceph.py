"""Provisioning on a real Ceph gateway: narrow keys, first use, rotation, destruction."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from buckia_core.adapters.factory import open_bucket
from buckia_core.adapters.plugins.registry import registry
from buckia_core.config import load
from buckia_core.errors import MissingCredentials, PreconditionFailed, Unauthenticated
from buckia_core.provisioning.request import Action, Request
from buckia_core.provisioning.session import Provisioned, Provisioning
from tests.servers.ceph import CephGateway


class Project:
    """A project whose buckets are provisioned at a gateway, with secrets in files."""

    def __init__(self, directory: Path, server: CephGateway) -> None:
        self.path = directory / ".buckia"
        self.name = f"prov-{uuid.uuid4().hex[:10]}"
        self.server = server
        self.account = {
            "endpoint_url": server.endpoint,
            "access_key_id": server.access_key,
            "secret_access_key": server.secret_key,
        }

    def run(self, action: Action, **given: Any) -> Provisioned:
        if action in (Action.BUCKET, Action.SHARE_BUCKET):
            given = {"vendor": "ceph", "store": "file:secrets", **given}
        provisioning = Provisioning(self.path, self.account)
        return provisioning.run(provisioning.complete(Request(action=action, name=self.name, **given)))

    def keys(self) -> tuple[str, str]:
        config = load(self.path).bucket(self.name)
        settings = config.adapter_settings(registry().spec("s3").settings_class())
        return settings.access_key_id.reveal(), settings.secret_access_key.reveal()

    def narrow_client(self) -> Any:
        import boto3

        access, secret = self.keys()
        return boto3.client(
            "s3",
            endpoint_url=self.server.endpoint,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            region_name="us-east-1",
        )

    def users(self) -> list[str]:
        from buckia_core import Secret
        from buckia_s3.provisioning.ceph_admin import CephAdmin

        admin = CephAdmin(self.server.endpoint, Secret(self.server.access_key), Secret(self.server.secret_key), None)
        try:
            return [each for each in admin.user_ids() if self.name in each]
        finally:
            admin.close()

    def has_bucket(self) -> bool:
        client = self.server.client()
        return any(each["Name"] == self.name for each in client.list_buckets()["Buckets"])

    def secret_files(self) -> list[Path]:
        directory = self.path.parent / "secrets"
        return [each for each in directory.rglob("*") if each.is_file()] if directory.exists() else []


@pytest.fixture
def project(tmp_path: Path, ceph: CephGateway) -> Iterator[Project]:
    project = Project(tmp_path, ceph)
    yield project
    if project.has_bucket():
        project.run(Action.DESTROY, delete_content=True)


def denied(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def test_a_bucket_is_provisioned_used_rotated_and_destroyed(project, ceph, bucket_name):
    project.run(Action.BUCKET)
    config = load(project.path).bucket(project.name)
    with open_bucket(config) as adapter:
        adapter.upload_file(b"one", "a/one.txt")
        assert [each.key for each in adapter.list_files()] == ["a/one.txt"]

    other, narrow = bucket_name(ceph, "other"), project.narrow_client()
    ceph.client().put_object(Bucket=other, Key="secret.txt", Body=b"x")
    assert denied(narrow.list_objects_v2, Bucket=other) == "AccessDenied"
    assert denied(narrow.get_object, Bucket=other, Key="secret.txt") == "AccessDenied"
    assert denied(narrow.put_object, Bucket=other, Key="a", Body=b"") == "AccessDenied"
    assert denied(narrow.create_bucket, Bucket=f"{project.name}-new") in ("AccessDenied", "TooManyBuckets")
    assert denied(narrow.delete_bucket, Bucket=project.name) == "AccessDenied"
    assert denied(narrow.put_bucket_policy, Bucket=project.name, Policy="{}") == "AccessDenied"

    old = project.keys()
    project.run(Action.ROTATE)
    assert project.keys() != old
    with open_bucket(load(project.path).bucket(project.name)) as adapter:
        with adapter.open_file("a/one.txt") as file:
            assert file.read() == b"one"
        adapter.upload_file(b"two", "a/one.txt")
    with pytest.raises(MissingCredentials, match="secrets/"):
        open_bucket(config)
    assert denied(narrow.list_objects_v2, Bucket=project.name) == "InvalidAccessKeyId"
    assert len(project.users()) == len(project.secret_files()) == 1

    with pytest.raises(PreconditionFailed, match="not empty"):
        project.run(Action.DESTROY)
    assert project.has_bucket()
    project.run(Action.DESTROY, delete_content=True)
    assert (project.has_bucket(), project.users(), project.secret_files()) == (False, [], [])
    assert project.name not in project.path.read_text()


@pytest.mark.parametrize(
    ("options", "reads", "writes"),
    [
        ({"access": "read-only"}, ["in/a.txt", "out.txt"], []),
        ({"prefix": "in/"}, ["in/a.txt"], ["in/b.txt"]),
    ],
    ids=["read-only", "prefix"],
)
def test_a_key_is_as_narrow_as_asked_for(project, ceph, options, reads, writes):
    from buckia_core import Access

    if "access" in options:
        options = {"access": Access(options["access"])}
    project.run(Action.BUCKET, **options)
    for key in ("in/a.txt", "out.txt"):
        ceph.client().put_object(Bucket=project.name, Key=key, Body=b"x")
    narrow = project.narrow_client()
    for key in ("in/a.txt", "out.txt"):
        if key in reads:
            narrow.get_object(Bucket=project.name, Key=key)
        else:
            assert denied(narrow.get_object, Bucket=project.name, Key=key) == "AccessDenied"
    for key in ("in/b.txt", "new.txt"):
        if key in writes:
            narrow.put_object(Bucket=project.name, Key=key, Body=b"")
        else:
            assert denied(narrow.put_object, Bucket=project.name, Key=key, Body=b"") == "AccessDenied"
    if "prefix" in options:
        assert denied(narrow.list_objects_v2, Bucket=project.name) == "AccessDenied"
        request = {"Objects": [{"Key": "in/a.txt"}, {"Key": "out.txt"}]}
        assert [each["Key"] for each in narrow.delete_objects(Bucket=project.name, Delete=request)["Errors"]] == [
            "out.txt"
        ]


def test_a_public_bucket_is_read_by_everybody_and_listed_by_nobody(project, ceph):
    import urllib.error
    import urllib.request

    done = project.run(Action.SHARE_BUCKET, public=True)
    ceph.client().put_object(Bucket=project.name, Key="a.txt", Body=b"everybody")
    assert done.public_url == f"{ceph.endpoint}/{project.name}"
    with urllib.request.urlopen(f"{done.public_url}/a.txt", timeout=30) as response:
        assert response.read() == b"everybody"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{done.public_url}", timeout=30)
    assert load(project.path).bucket(project.name).settings["public_url_base"] == done.public_url


def test_an_object_is_shared_by_a_provisioned_share_bucket(project):
    import urllib.request

    from buckia_core.client import BuckiaClient

    private, shared = project.name, f"{project.name}-share"
    project.run(Action.BUCKET)
    project.name = shared
    project.run(Action.SHARE_BUCKET, public=True, share_for=private)
    with BuckiaClient(load(project.path).bucket(private)) as client:
        client.objects.put("reports/q3.txt", b"third quarter")
        share = client.shares.add("reports/q3.txt")
        assert share.url is not None
        with urllib.request.urlopen(share.url.url, timeout=30) as response:
            assert response.read() == b"third quarter"
        client.shares.remove(share.id)
    project.run(Action.DESTROY, delete_content=True)
    assert "share" not in project.path.read_text().replace("# Share", "")
    project.name = private


def test_an_account_without_the_capability_is_told_so(project, ceph):
    project.run(Action.BUCKET)
    access, secret = project.keys()
    account = {"endpoint_url": ceph.endpoint, "access_key_id": access, "secret_access_key": secret}
    provisioning = Provisioning(project.path, account)
    findings = provisioning.status(project.name)
    assert {each.part: each.is_there for each in findings}["bucket"] is False
    assert all(secret not in json.dumps(each.problem) for each in findings)


def test_wrong_credentials_of_the_account_create_nothing(project):
    project.account = {**project.account, "secret_access_key": "wrong"}
    with pytest.raises(Unauthenticated):
        project.run(Action.BUCKET)
    assert not list(project.path.parent.glob(".buckia-state/provision/*.json"))
    project.account = {**project.account, "secret_access_key": project.server.secret_key}
