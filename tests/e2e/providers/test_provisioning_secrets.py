"""From the provision of a bucket to its destruction, no secret is in arguments, output, logs or files of a project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.e2e.cli.test_secrets import forms
from tests.servers.ceph import CephGateway
from tests.servers.process import clean_environment
from tests.unit.config.secrets.stores.conftest import FakeOp

AUDITED = """
import os, sys

def note(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        with open(os.environ["STARTED_PROGRAMS"], "a") as file:
            print(arguments[:2], file=file)

sys.addaudithook(note)
from buckia.__main__ import main
sys.exit(main())
"""
"""The command, which writes down each program that it starts, with its arguments."""


class Watched:
    """A project whose commands are watched.

    Attributes:
        secrets: What must be nowhere: the account's key, and each key that was issued.
    """

    def __init__(self, directory: Path, server: CephGateway) -> None:
        self.directory, self.project = directory, directory / "project"
        self.project.mkdir()
        self.name = f"prov-{uuid.uuid4().hex[:10]}"
        self.op = FakeOp(directory / "op")
        self.secrets = {server.secret_key}
        self.environment = {
            "CEPH_ACCESS_KEY_ID": server.access_key,
            "CEPH_SECRET_ACCESS_KEY": server.secret_key,
            "BUCKIA_CONFIG_DIR": str(directory / "user"),
            "HOME": str(directory),
            "STARTED_PROGRAMS": str(directory / "started"),
            **self.op.environ,
            "PATH": os.pathsep.join([self.op.environ["PATH"], os.environ["PATH"]]),
        }

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command with as much output as there is, and search all that it leaves behind."""
        log = self.directory / "log.txt"
        done = subprocess.run(
            [sys.executable, "-c", AUDITED, *arguments, "-vvv", "--log-file", str(log)],
            cwd=self.project,
            env=clean_environment(PYTHONUTF8="1", **self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
        )
        assert done.returncode == code, done.stdout + done.stderr
        # 1Password is the one place where they are, and its standard input the one way there.
        self.secrets |= {field["value"] for item in self.op.items for field in item["fields"] if "value" in field}
        assert len(self.secrets) > 1
        places = {"stdout": done.stdout, "stderr": done.stderr, "log": log.read_text("utf-8")}
        places["arguments of op"] = json.dumps([each["argv"] for each in self.op.calls])
        places["started programs"] = (self.directory / "started").read_text("utf-8")
        for path in [*self.project.rglob("*"), *(self.directory / "user").rglob("*")]:
            if path.is_file():
                places[str(path)] = path.read_bytes().decode("utf-8", "replace")
        for place, text in places.items():
            assert not any(form in text for secret in self.secrets for form in forms(secret)), place
        return done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for op is found by its name without an ending")
def test_no_secret_is_anywhere_but_in_its_store(tmp_path, ceph):
    watched = Watched(tmp_path, ceph)
    name = watched.name
    (watched.project / "a.txt").write_text("a")
    account = ("--account", f"endpoint_url={ceph.endpoint}")
    watched.run("provision", "bucket", name, "--vendor", "ceph", "--store", "op://Private", *account)
    assert "op://Private" in (watched.project / ".buckia").read_text()
    assert "a.txt" in watched.run("sync", "--json")
    for command in (
        ["token", "list", "--json"],
        ["provision", "status", name, "--json"],
        ["doctor", "--json"],
        ["history"],
    ):
        watched.run(*command)
    before = set(watched.secrets)
    watched.run("provision", "rotate", name, "--yes", *account)
    assert watched.secrets > before
    watched.run("sync")
    watched.run("provision", "destroy", name, "--delete-content", "--yes", "--json", *account)
    assert not any(name in json.dumps(item) for item in watched.op.items)
