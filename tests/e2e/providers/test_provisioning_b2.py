"""Provisioning on the B2 server: narrow keys, first use, rotation, destruction, and a process that is really killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from buckia_core import Access
from buckia_core.adapters.factory import open_bucket
from buckia_core.config import load
from buckia_core.errors import MissingCredentials, PermissionDenied, PreconditionFailed
from buckia_core.provisioning.request import Action, Request
from buckia_core.provisioning.session import Provisioned, Provisioning
from tests.servers.b2.server import B2Account
from tests.servers.process import clean_environment


class Project:
    """A project whose buckets are provisioned in an account, with secrets in files."""

    def __init__(self, directory: Path, account: B2Account) -> None:
        self.path = directory / ".buckia"
        self.name = f"prov-{uuid.uuid4().hex[:10]}"
        self.account = account

    def provisioning(self) -> Provisioning:
        account = {
            "application_key_id": self.account.key_id,
            "application_key": self.account.key,
            "api_url": self.account.endpoint,
        }
        return Provisioning(self.path, account)

    def run(self, action: Action, **given: Any) -> Provisioned:
        if action in (Action.BUCKET, Action.SHARE_BUCKET):
            given = {"vendor": "b2", "store": "file:secrets", **given}
        provisioning = self.provisioning()
        return provisioning.run(provisioning.complete(Request(action=action, name=self.name, **given)))

    def config(self) -> Any:
        return load(self.path).bucket(self.name)

    def application_keys(self) -> list[Any]:
        return list(self.account.api().list_keys())

    def buckets(self) -> list[str]:
        return [each.name for each in self.account.api().list_buckets()]

    def secret_files(self) -> list[Path]:
        return [each for each in (self.path.parent / "secrets").glob("*") if each.is_file()]


@pytest.fixture
def project(tmp_path: Path, b2_account: B2Account) -> Project:
    return Project(tmp_path, b2_account)


def test_a_bucket_is_provisioned_used_rotated_and_destroyed(project):
    project.run(Action.BUCKET)
    (key,) = project.application_keys()
    assert key.key_name == f"buckia-{project.name}-{key.key_name[-8:]}"
    other = project.account.new_bucket("other")
    with open_bucket(project.config()) as adapter:
        adapter.upload_file(b"one", "a/one.txt")
        assert [each.key for each in adapter.list_files()] == ["a/one.txt"]
    with open_bucket(project.config().with_changes(bucket_name=other)) as adapter:
        with pytest.raises(PermissionDenied):
            list(adapter.list_files())
        with pytest.raises(PermissionDenied):
            adapter.upload_file(b"", "a")

    old = project.config()
    project.run(Action.ROTATE)
    assert [each.id_ for each in project.application_keys()] == [project.config().settings["application_key_id"]]
    with open_bucket(project.config()) as adapter:
        assert [each.key for each in adapter.list_files()] == ["a/one.txt"]
    with pytest.raises(MissingCredentials):
        open_bucket(old)
    assert len(project.secret_files()) == 1

    with pytest.raises(PreconditionFailed, match="not empty"):
        project.run(Action.DESTROY)
    project.run(Action.DESTROY, delete_content=True)
    assert (project.buckets(), project.application_keys(), project.secret_files()) == ([other], [], [])


def test_a_key_is_as_narrow_as_asked_for(project):
    project.run(Action.BUCKET, access=Access.READ_ONLY, prefix="in/")
    (key,) = project.application_keys()
    assert key.name_prefix == "in/"
    assert set(key.capabilities) == {"listBuckets", "listFiles", "readFiles", "readBuckets"}
    with open_bucket(project.config()) as adapter:
        assert list(adapter.list_files()) == []
        with pytest.raises(PermissionDenied):
            adapter.upload_file(b"", "a.txt")
    with open_bucket(project.config().with_changes(prefix="")) as adapter, pytest.raises(PermissionDenied):
        list(adapter.list_files())


def test_a_bucket_becomes_public(project):
    done = project.run(Action.SHARE_BUCKET, public=True)
    assert project.account.api().get_bucket_by_name(project.name).type_ == "allPublic"
    assert done.public_url == f"{project.account.endpoint}/file/{project.name}"
    with project.provisioning().open_vendor("b2") as vendor:
        bucket = vendor.find_bucket(project.name)
        vendor.unpublish(bucket, keep=vendor.public_access(bucket))
        assert vendor.public_access(bucket) == ["allPublic"]
        vendor.unpublish(bucket)
        assert vendor.public_access(bucket) == []
    project.run(Action.DESTROY)
    assert project.buckets() == []


def test_a_key_whose_secret_is_not_stored_is_revoked(project):
    (project.path.parent / "secrets").write_text("a file where the directory of secrets should be")
    with pytest.raises(Exception, match="secrets"):
        project.run(Action.BUCKET)
    assert (project.buckets(), project.application_keys()) == ([], [])
    assert not list(project.path.parent.glob(".buckia-state/provision/*.json"))


KILLS = {
    "before the bucket": ("buckia_b2.provisioner:B2Provisioner.create_bucket", "before"),
    "after the bucket": ("buckia_b2.provisioner:B2Provisioner.create_bucket", "after"),
    "after the key": ("buckia_b2.provisioner:B2Provisioner.create_key", "after"),
    "after the secret": ("buckia_core.config.secrets.references:SecretStores.write", "after"),
    "before the entry": ("buckia_core.config.editor:ConfigEditor.add_bucket", "before"),
    "after the entry": ("buckia_core.provisioning.executor:_DO.entry", "after"),
}
"""What a process kills itself at: a function, and whether before or after it."""

PROGRAM = """
import importlib, os, signal, sys
from buckia_core.cli import main
if where := sys.argv.pop(1):
    module, _, path = where.partition(":")
    owner, name = path.split(".")
    owner = getattr(importlib.import_module(module), owner)
    real = owner[name] if isinstance(owner, dict) else getattr(owner, name)
    def killing(*args, **options):
        if os.environ["KILL"] == "after":
            real(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    if isinstance(owner, dict):
        owner[name] = killing
    else:
        setattr(owner, name, killing)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    "where",
    [pytest.param(name, marks=[] if name == "after the key" else [pytest.mark.long]) for name in KILLS],
)
def test_a_command_that_is_killed_goes_on_when_it_is_repeated(project, where):
    """After the key: it exists, and its secret died with the process."""
    function, when = KILLS[where]
    account = {"B2_MASTER_KEY_ID": project.account.key_id, "B2_MASTER_KEY": project.account.key}
    log = project.path.parent / "log.txt"
    words = ["provision", "bucket", project.name, "--vendor", "b2", "--store", "file:secrets", "--json"]
    words += ["--account", f"api_url={project.account.endpoint}", "--log-file", str(log)]
    seen = []

    def run(kill: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, kill, *words],
            cwd=project.path.parent,
            env=clean_environment(**account, KILL=when),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        seen.extend([done.stdout, done.stderr])
        return done.returncode

    assert run(function) == -signal.SIGKILL
    before = [each.id_ for each in project.application_keys()]
    assert run("") == 0, seen[-1]
    (key,) = project.application_keys()
    assert (key.id_ in before) is (where in ("before the entry", "after the entry"))
    assert (project.buckets(), len(project.secret_files())) == ([project.name], 1)
    assert project.config().settings["application_key_id"] == key.id_
    with open_bucket(project.config()) as adapter:
        assert list(adapter.list_files()) == []
    assert json.loads(seen[-2].splitlines()[-1])["type"] == "provisioned"
    seen += [project.path.read_text(), log.read_text()]
    seen += [each.read_text() for each in project.path.parent.glob(".buckia-state/provision/*.json")]
    for secret in (project.secret_files()[0].read_text().strip(), project.account.key):
        assert all(secret not in text for text in seen)
