"""No command ever shows a secret, wherever it came from and whatever goes wrong."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from urllib.parse import quote, quote_plus

import pytest

from buckia_core.testing.fault_proxy.faults import Reset
from buckia_core.testing.fault_proxy.ports import HOST, free_port
from tests.e2e.project import NAME, Project
from tests.e2e.ran import Ran
from tests.servers.process import clean_environment

VARIABLE = "THE_SECRET_OF_THIS_TEST"

WRONG = "wr0ng+/and=odd &'\"ä%41"
"""A secret that looks different in an address, in JSON and in base64."""

COMMANDS = (["sync"], ["status"], ["ls", "-l"], ["doctor"], ["check"], ["history"], ["stat", "a.txt"])


def run(project: Project, *arguments: str, **environment: str) -> Ran:
    """Run a command that may show a traceback, as one that fails does from `-vv` on."""
    ran = subprocess.run(
        [*project.command, *arguments],
        cwd=project.directory,
        env=clean_environment(PYTHONWARNINGS="error", PYTHONUTF8="1", **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
        encoding="utf-8",
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


class Guarded:
    """A project on the Ceph gateway whose secret stands where `form` says, and a look at all that it leaves behind."""

    def __init__(self, project: Project, form: str, secret: str, **settings: object) -> None:
        self.project = project
        self.secret = secret
        self.log = project.directory.parent / "log.txt"
        self.environment: dict[str, str] = {}
        key: str = project.bucket.settings()["access_key_id"]
        keys = project.directory.parent / "keys"
        keys.mkdir()
        given: dict[str, str | None] = {}
        match form:
            case "plain":
                given["secret_access_key"] = secret
            case "env":
                given["secret_access_key"] = f"env:{VARIABLE}"
                self.environment[VARIABLE] = secret
            case "file":
                given["secret_access_key"] = "file:../keys/secret"
                (keys / "secret").write_text(f"{secret}\n", encoding="utf-8")
            case "environment of AWS":
                given |= {"access_key_id": None, "secret_access_key": None}
                self.environment |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
            case "profile of AWS":
                given |= {"access_key_id": None, "secret_access_key": None, "profile": "test"}
                profile = f"[test]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
                (keys / "aws").write_text(profile, encoding="utf-8")
                self.environment |= {"AWS_SHARED_CREDENTIALS_FILE": str(keys / "aws"), "AWS_CONFIG_FILE": "none"}
            case _:
                raise ValueError(form)
        project.configure(**given, **settings)

    def run(self, *arguments: str) -> Ran:
        """Run a command that tells as much as it can, and look for the secret in all that it said and wrote."""
        ran = run(self.project, *arguments, "--log-file", str(self.log), **self.environment)
        self.look(ran)
        return ran

    def look(self, ran: Ran) -> None:
        """Look for the secret, in any form, in what was said, in the log, and in every byte of the project."""
        places = {"stdout": ran.stdout.encode(), "stderr": ran.stderr.encode(), "log": self.log.read_bytes()}
        for path in self.project.directory.rglob("*"):
            if path.is_file() and path != self.project.path(".buckia"):
                places[str(path)] = path.read_bytes()
        for form in forms(self.secret):
            for place, content in places.items():
                assert form.encode() not in content, f"{form!r} is in {place}: {content!r}"


def forms(secret: str) -> set[str]:
    """Return a secret as it stands in texts of different kinds."""
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], encoded}


@pytest.mark.parametrize("form", ["plain", "env", "file"])
def test_no_command_shows_it(on_ceph, form):
    guarded = Guarded(on_ceph, form, on_ceph.bucket.server.secret_key)
    on_ceph.write("a.txt", "a")
    on_ceph.bucket.put("b.txt", "b")
    for command in COMMANDS:
        ran = guarded.run(*command, "-vv")
        assert ran.code == 0, ran
        assert NAME in ran.said or "a.txt" in ran.said
    on_ceph.write("a.txt", "edited")
    assert guarded.run("sync", "--json", "-vv").actions() == {"a.txt": "upload"}
    assert on_ceph.bucket.tree() == {"a.txt": "edited", "b.txt": "b"}
    assert on_ceph.state_file.exists() and guarded.log.stat().st_size > 0


@pytest.mark.parametrize("form", ["environment of AWS", "profile of AWS"])
def test_not_even_what_the_libraries_tell_shows_it(on_ceph, form):
    guarded = Guarded(on_ceph, form, on_ceph.bucket.server.secret_key)
    on_ceph.write("a.txt", "a")
    for command in (["sync", "-vvv"], ["doctor", "-vvv"], ["sync", "--json", "-vvv", "--checksum"]):
        ran = guarded.run(*command)
        assert ran.code == 0, ran
    assert on_ceph.bucket.tree() == {"a.txt": "a"}
    assert ("botocore" in guarded.log.read_text(encoding="utf-8")) == (form == "profile of AWS")
    assert guarded.run("s3", "info", "-vvv").code == 0
    assert "botocore" in guarded.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["plain", "env", "file"])
def test_a_wrong_one_is_reported_in_one_sentence_that_says_what_to_do(on_ceph, form):
    guarded = Guarded(on_ceph, form, WRONG)
    on_ceph.write("a.txt", "a")
    ran = guarded.run("sync")
    assert (ran.code, ran.stdout) == (3, "")
    (sentence,) = ran.stderr.splitlines()
    assert sentence.startswith(f"buckia: {NAME}: ")
    assert re.search("secret.access.key", sentence)
    for command in COMMANDS:
        if command != ["history"]:
            assert guarded.run(*command, "-vv").code == 3, command
    as_json = guarded.run("sync", "--json", "-vv")
    assert as_json.error["error"] == "Unauthenticated"
    assert on_ceph.tree() == {"a.txt": "a"}
    assert on_ceph.bucket.tree() == {}


def test_a_wrong_access_key_too(on_ceph):
    guarded = Guarded(on_ceph, "plain", on_ceph.bucket.server.secret_key, access_key_id="NOBODY")
    ran = guarded.run("sync", "-vv")
    assert ran.code == 3
    assert re.search("access.key", ran.stderr.splitlines()[-1])


def test_a_session_token_is_a_secret_too(on_ceph):
    guarded = Guarded(on_ceph, "plain", on_ceph.bucket.server.secret_key, session_token=WRONG)
    guarded.secret = WRONG
    for command in (["sync"], ["ls"], ["doctor"]):
        assert guarded.run(*command, "-vvv").code == 3


@pytest.mark.parametrize("form", ["plain", "env", "file"])
def test_a_server_that_is_not_there(on_ceph, form):
    server = on_ceph.bucket.server
    nobody = f"http://{HOST}:{free_port()}"
    guarded = Guarded(on_ceph, form, server.secret_key, endpoint_url=nobody, retry_attempts=2, retry_seconds=1)
    on_ceph.write("a.txt", "a")
    for command in (["sync"], ["ls"], ["doctor"], ["sync", "--json"]):
        ran = guarded.run(*command, "-vv")
        assert ran.code == 4, ran
    assert nobody.removeprefix("http://") in ran.error["message"]


def test_a_server_that_fails_in_the_middle(on_ceph):
    guarded = Guarded(on_ceph, "plain", on_ceph.bucket.server.secret_key, retry_attempts=1)
    on_ceph.write("a.txt", "a")
    on_ceph.bucket.proxy.fault(
        Reset(), when=lambda request: request.method == "PUT" and request.path.endswith("/a.txt")
    )
    ran = guarded.run("sync", "--json", "-vv")
    assert (ran.code, list(ran.failures)) == (1, ["a.txt"])


def test_a_reference_that_leads_nowhere_is_named(on_ceph):
    for reference in (f"env:{VARIABLE}", "file:keys/none"):
        on_ceph.configure(secret_access_key=reference)
        ran = on_ceph.sync()
        assert (ran.code, ran.error["error"]) == (3, "MissingCredentials")
        assert reference in ran.error["message"] and "'secret_access_key'" in ran.error["message"]


SECRET = "s3cr3t-that-must-not-show"

BROKEN = {
    "another name": f"secret_acess_key: {SECRET}",
    "a list": f"secret_access_key: [{SECRET}]",
    "a mapping": f"secret_access_key: {{key: {SECRET}}}",
    "no YAML": f"secret_access_key: '{SECRET}",
    "a tab": f"secret_access_key:\n\t{SECRET}",
    "a tag": f"secret_access_key: !{SECRET}",
    "an alias": f"secret_access_key: *{SECRET}",
    "in the address": f"secret_access_key: x\n  endpoint_url: http://user:{SECRET}@localhost",
    "twice": f"secret_access_key: {SECRET}\n  secret_access_key: {SECRET}",
    "alone": f"secret_access_key: {SECRET}",
}


@pytest.mark.parametrize("line", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_configuration_is_reported_without_it(on_folder, line):
    text = f"{NAME}:\n  provider: s3\n  bucket_name: b\n  {line}\n"
    on_folder.path(".buckia").write_text(text, encoding="utf-8")
    log = on_folder.directory.parent / "log.txt"
    for arguments in (["-vv"], ["--json"]):
        ran = run(on_folder, "sync", *arguments, "--log-file", str(log))
        assert ran.code == 2, ran
        assert ".buckia" in ran.said
        assert SECRET not in ran.said + log.read_text(encoding="utf-8")


def test_init_writes_a_reference_and_no_secret(on_folder):
    on_folder.path(".buckia").unlink()
    given = ["--set", "bucket_name=b", "--set", "access_key_id=env:KEY", "--set"]
    refused = on_folder.run("init", "--provider", "s3", *given, f"secret_access_key={SECRET}")
    assert refused.code == 2
    assert SECRET not in refused.said and "env:" in refused.said
    assert not on_folder.path(".buckia").exists()
    made = on_folder.run("init", "--provider", "s3", *given, "secret_access_key=env:NAME")
    assert made.code == 0, made
    assert "env:NAME" in on_folder.path(".buckia").read_text(encoding="utf-8")
