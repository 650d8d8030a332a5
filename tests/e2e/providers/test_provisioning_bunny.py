"""Provisioning at bunny.net: a zone with one password, its rotation, a pull zone, destruction."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from buckia_core import Access
from buckia_core.adapters.factory import open_bucket
from buckia_core.config import load
from buckia_core.errors import AlreadyExists, PermissionDenied, PreconditionFailed, Unauthenticated
from buckia_core.provisioning.request import Action, Request
from buckia_core.provisioning.session import Provisioned, Provisioning
from tests.servers.bunny.server import BunnyAccount


class Project:
    """A project whose zones are provisioned in an account, with secrets in files."""

    def __init__(self, directory: Path, account: BunnyAccount) -> None:
        self.path = directory / ".buckia"
        self.name = f"prov-{uuid.uuid4().hex[:10]}"
        self.account = account

    def provisioning(self) -> Provisioning:
        return Provisioning(self.path, {"api_key": self.account.api_key, "api_url": self.account.core_url})

    def run(self, action: Action, **given: Any) -> Provisioned:
        if action in (Action.BUCKET, Action.SHARE_BUCKET):
            given = {"vendor": "bunny", "store": "file:secrets", **given}
        provisioning = self.provisioning()
        return provisioning.run(provisioning.complete(Request(action=action, name=self.name, **given)))

    def config(self) -> Any:
        return load(self.path).bucket(self.name)

    def zones(self, kind: str) -> list[str]:
        _, found = self.account.core("GET", f"/{kind}?page=1&perPage=100")
        return [each["Name"] for each in found["Items"]]

    def secrets(self) -> list[str]:
        return [each.read_text().strip() for each in (self.path.parent / "secrets").glob("*") if each.is_file()]


@pytest.fixture
def project(tmp_path: Path, bunny_account: BunnyAccount) -> Project:
    return Project(tmp_path, bunny_account)


def test_a_zone_is_provisioned_used_rotated_and_destroyed(project):
    project.run(Action.BUCKET)
    with open_bucket(project.config()) as adapter:
        adapter.upload_file(b"one", "a/one.txt")
    other = project.account.new_zone("other")
    wrong = project.config().with_changes(bucket_name=other.name)
    with open_bucket(wrong) as adapter, pytest.raises((Unauthenticated, PermissionDenied)):
        list(adapter.list_files())

    (old,) = project.secrets()
    provisioning = project.provisioning()
    request = provisioning.complete(Request(action=Action.ROTATE, name=project.name))
    plan = provisioning.plan(request)
    assert [step.kind.value for step in plan.steps][:3] == ["reset", "credentials", "entry"]
    assert "one password" in plan.notes[0]
    provisioning.run(request)
    (new,) = project.secrets()
    assert new != old
    with open_bucket(project.config()) as adapter:
        assert [each.key for each in adapter.list_files()] == ["a/one.txt"]

    with pytest.raises(PreconditionFailed, match="not empty"):
        project.run(Action.DESTROY)
    project.run(Action.DESTROY, delete_content=True)
    assert (project.zones("storagezone"), project.secrets()) == ([other.name], [])


def test_a_zone_can_be_read_only(project):
    project.run(Action.BUCKET, access=Access.READ_ONLY)
    with open_bucket(project.config()) as adapter:
        assert list(adapter.list_files()) == []
        with pytest.raises((Unauthenticated, PermissionDenied)):
            adapter.upload_file(b"", "a")


def test_a_zone_becomes_public_under_a_host_name_of_the_user(project):
    host = f"{project.name}.example.com"
    done = project.run(Action.SHARE_BUCKET, public=True, domain=host)
    assert done.public_url == f"https://{host}"
    with open_bucket(project.config()) as adapter:
        adapter.upload_file(b"everybody", "a.txt")
    assert project.account.fetch(f"https://{host}/a.txt")[:2] == (200, b"everybody")
    with project.provisioning().open_vendor("bunny") as vendor:
        bucket = vendor.find_bucket(project.name)
        before = vendor.public_access(bucket)
        vendor.publish(bucket, f"www.{host}")
        assert len(vendor.public_access(bucket)) == len(before) + 1
        vendor.unpublish(bucket, keep=before)
        assert vendor.public_access(bucket) == before
    project.run(Action.DESTROY, delete_content=True)
    assert (project.zones("storagezone"), project.zones("pullzone")) == ([], [])


def test_a_name_that_is_taken_is_refused(project, bunny_server):
    other = bunny_server.new_account()
    try:
        assert other.core("POST", "/storagezone", {"Name": project.name, "Region": "DE"})[0] == 201
        with pytest.raises(AlreadyExists):
            project.run(Action.BUCKET)
    finally:
        other.drop()
    assert not list(project.path.parent.glob(".buckia-state/provision/*.json"))
