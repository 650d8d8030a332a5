"""`buckia init --from`: accounts as rclone, the AWS tools and the command `b2` have written them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from buckia_core.config import load
from tests.e2e.ran import Ran
from tests.servers.process import clean_environment

SECRET = "not/for+anybody=else"


class Home:
    """A home directory with the configurations of other tools, and a project."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.project = directory / "project"
        self.project.mkdir(parents=True)
        self.environ = {
            "HOME": str(directory),
            "USERPROFILE": str(directory),
            "APPDATA": str(directory / "roaming"),
            "XDG_CONFIG_HOME": str(directory / ".config"),
            "BUCKIA_CONFIG_DIR": str(directory / "own"),
            "PYTHONUTF8": "1",
        }

    def tool(self, name: str, *arguments: str, **environ: str) -> str:
        """Run a program that is installed beside this Python; skip the test if it is not."""
        program = shutil.which(name, path=str(Path(sys.executable).parent))
        if program is None:
            pytest.skip(f"there is no {name} beside this Python")
        done = subprocess.run(
            [program, *arguments],
            env=clean_environment(**self.environ, **environ),
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def buckia(self, *arguments: str, **environ: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "buckia", *arguments],
            cwd=self.project,
            env=clean_environment(**self.environ, **environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def settings(self, name: str = "n") -> dict[str, object]:
        return dict(load(self.project / ".buckia").bucket(name).settings)

    def look_for(self, secret: str, ran: Ran) -> list[str]:
        """Return where a secret is besides the store `keys/`: output, and files of the project."""
        places = {"output": ran.stdout + ran.stderr}
        for path in self.project.rglob("*"):
            if path.is_file() and "keys" not in path.parts:
                places[path.name] = path.read_text("utf-8", errors="replace")
        return [name for name, text in places.items() if secret in text]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_remote_of_rclone_is_taken_over_and_synced(home, ceph):
    bucket = ceph.new_bucket()
    home.tool(
        "rclone", "config", "create", "work", "s3", "provider=Ceph", f"endpoint={ceph.endpoint}",
        f"access_key_id={ceph.access_key}", f"secret_access_key={ceph.secret_key}", "chunk_size=8Mi", "versions=true",
    )  # fmt: skip
    (home.project / "a.txt").write_text("a")
    ran = home.buckia("init", "--from", "rclone:work", "--name", "n", "--set", f"bucket_name={bucket}", "--store",
                      "file:keys", "--check")  # fmt: skip
    assert ran.code == 0, ran
    assert home.look_for(ceph.secret_key, ran) == []
    assert "left out: versions" in ran.stderr
    assert "1 to upload" in ran.stdout and "Next: buckia sync" in ran.stderr
    assert home.buckia("sync").code == 0
    assert "a.txt" in home.tool("rclone", "lsf", f"work:{bucket}")


def test_a_remote_of_b2_is_taken_over(home, b2_account):
    bucket = b2_account.new_bucket()
    home.tool(
        "rclone", "config", "create", "b", "b2", f"account={b2_account.key_id}", f"key={b2_account.key}",
        f"endpoint={b2_account.endpoint}", "hard_delete=true",
    )  # fmt: skip
    ran = home.buckia("init", "--from", "rclone:b", "--name", "n", "--set", f"bucket_name={bucket}", "--store",
                      "file:keys", "--check")  # fmt: skip
    assert ran.code == 0, ran
    assert home.settings()["deletion"] == "version"
    assert home.look_for(b2_account.key, ran) == []


def test_a_configuration_that_is_refused_leaves_no_secret_behind(home):
    home.tool(
        "rclone", "config", "create", "b", "b2", "account=id", f"key={SECRET}", "endpoint=https://u:pw@b2.example"
    )
    ran = home.buckia(
        "init", "--from", "rclone:b", "--name", "n", "--set", "bucket_name=bucket", "--store", "file:keys"
    )
    assert ran.code == 2 and "api_url" in ran.stderr, ran
    assert [path for path in home.project.rglob("*") if path.is_file()] == []


def test_the_account_of_the_command_b2_is_taken_over(home, b2_account):
    bucket = b2_account.new_bucket()
    key = b2_account.api().create_key(["listFiles", "readFiles", "writeFiles", "listBuckets"], "k", bucket_ids=[
        b2_account.api().get_bucket_by_name(bucket).id_
    ], name_prefix="photos/")  # fmt: skip
    credentials = {"B2_APPLICATION_KEY_ID": key.id_, "B2_APPLICATION_KEY": key.application_key}
    home.tool("b2", "account", "authorize", B2_ENVIRONMENT=b2_account.endpoint, **credentials)
    ran = home.buckia("init", "--from", "b2", "--name", "n", "--store", "file:keys", "--check")
    assert ran.code == 0, ran
    settings = home.settings()
    assert (settings["application_key_id"], settings["api_url"]) == (key.id_, b2_account.endpoint)
    assert settings["application_key"] == "file:keys/n.application_key"
    config = load(home.project / ".buckia").bucket("n")
    assert (config.bucket_name, config.prefix) == (bucket, "photos/")
    assert home.look_for(key.application_key, ran) == []
    home.tool("b2", "account", "authorize", "--profile", "other", B2_ENVIRONMENT=b2_account.endpoint, **credentials)
    assert home.buckia("init", "--from", "b2:other", "--force", "--store", "file:keys").code == 0


def test_a_profile_of_aws_keeps_its_keys(home):
    aws = home.directory / ".aws"
    aws.mkdir()
    (aws / "credentials").write_text(f"[work]\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n")
    (aws / "config").write_text("[profile work]\nregion = eu-west-1\n[profile sso]\nsso_session = x\n")
    ran = home.buckia("init", "--from", "aws:work", "--name", "n", "--set", "bucket_name=b")
    assert ran.code == 0, ran
    assert home.settings() == {"bucket_name": "b", "profile": "work", "region": "eu-west-1"}
    assert home.look_for(SECRET, ran) == []
    assert home.buckia("init", "--from", "aws:sso", "--set", "bucket_name=b", "--force").code == 0


def test_an_encrypted_configuration_of_rclone_is_refused(home):
    home.tool("rclone", "config", "create", "work", "s3", "provider=AWS", f"secret_access_key={SECRET}")
    home.tool("rclone", "config", "encryption", "set", "--password-command", "echo secret")
    ran = home.buckia("init", "--from", "rclone:work", "--set", "bucket_name=b")
    assert ran.code == 2
    assert "is encrypted" in ran.stderr and "rclone config show" in ran.stderr
    assert os.listdir(home.project) == []


CONFIG = f"""
[ceph]
type = s3
provider = Ceph
access_key_id = AK
secret_access_key = {SECRET}
endpoint = objects.example.com
region =

[linode]
type = s3
provider = Linode
access_key_id = AK
secret_access_key = {SECRET}
endpoint = eu-central-1.linodeobjects.com
acl = private

[oss]
type = s3
provider = Alibaba
access_key_id = AK
secret_access_key = {SECRET}
endpoint = oss-cn-hangzhou.aliyuncs.com

[role]
type = s3
provider = AWS
env_auth = true
region = eu-west-1

[open]
type = s3
provider = Minio
endpoint = http://127.0.0.1:9000

[crypt]
type = crypt
remote = ceph:x
password = {SECRET}
"""


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("ceph", {"access_key_id": "AK", "endpoint_url": "https://objects.example.com"}),
        (
            "linode",
            {"access_key_id": "AK", "endpoint_url": "https://eu-central-1.linodeobjects.com", "acl": "private"},
        ),
        (
            "oss",
            {
                "access_key_id": "AK",
                "endpoint_url": "https://oss-cn-hangzhou.aliyuncs.com",
                "addressing_style": "virtual",
            },
        ),
        ("role", {"region": "eu-west-1"}),
        ("open", {"endpoint_url": "http://127.0.0.1:9000", "skip_signature": True}),
        ("crypt", None),
        ("nope", None),
    ],
)
def test_remotes_of_other_services(monkeypatch, tmp_path, remote, expected):
    from buckia_core.adapters.plugins.account_sources import find_accounts
    from buckia_core.adapters.plugins.registry import registry
    from buckia_core.errors import ConfigError

    (tmp_path / "rclone.conf").write_text(CONFIG)
    monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    found = find_accounts(registry())
    if expected is None:
        with pytest.raises(ConfigError, match=f"rclone:{remote}"):
            found.get(f"rclone:{remote}")
    else:
        account = found.get(f"rclone:{remote}")
        assert account.settings == expected and account.notes == ()
        has_key = "access_key_id" in expected
        assert [each.reveal() for each in account.secrets.values()] == ([SECRET] if has_key else [])
    assert SECRET not in repr(found)


@pytest.mark.parametrize("text", [f"{SECRET}\n", f"[a]\ntype = s3\n[a\n{SECRET}"])
def test_a_damaged_file_shows_no_secret(home, text):
    (home.directory / ".config" / "rclone").mkdir(parents=True)
    (home.directory / ".config" / "rclone" / "rclone.conf").write_text(text)
    ran = home.buckia("init", "--from", "rclone:a", "--json")
    assert ran.code == 2 and ("rclone.conf" in ran.stderr or "bucket_name" in ran.stderr)
    assert home.look_for(SECRET, ran) == []


def test_flags_precede_the_account(home):
    (home.directory / "rclone.conf").write_text(CONFIG)
    given = ("--set", "endpoint=https://other.example.com", "--set", "secret_access_key=env:KEY", "--set", "bucket=b")
    ran = home.buckia(
        "init", "--from", "rclone:ceph", "--name", "n", *given, RCLONE_CONFIG=str(home.directory / "rclone.conf")
    )
    assert ran.code == 0, ran
    assert home.settings() == {
        "bucket": "b",
        "access_key_id": "AK",
        "secret_access_key": "env:KEY",
        "endpoint": "https://other.example.com",
    }
