"""`buckia s3 …`: a bucket's configuration through the command, on servers that know all, some, or none of it."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.buckets import FolderBucket, S3Bucket
from tests.e2e.peers import Aws
from tests.e2e.project import NAME, Project
from tests.e2e.terminal import Terminal
from tests.servers.process import clean_environment
from tests.servers.s3_faults import S3FaultProxy

SERVERS = {"ceph": "ceph", "moto": "moto_server", "rclone": "rclone_server"}

THEIRS = {"ID": "theirs", "Filter": {"Prefix": "tmp/"}, "Status": "Enabled", "Expiration": {"Days": 7}}
MINE = {"ID": "mine", "Filter": {"Prefix": "logs/"}, "Status": "Enabled", "Expiration": {"Days": 30}}
LIFECYCLE = json.dumps({"Rules": [MINE]})


class Administered(Project):
    """A project on a fresh bucket of a server, and that bucket seen from the side."""

    bucket: S3Bucket

    @property
    def facts(self) -> dict[str, str]:
        """What boto3 wants to know."""
        return {"Bucket": self.bucket.name}

    def rules(self) -> list[str]:
        """Return the names of the lifecycle rules."""
        try:
            told = self.bucket.client.get_bucket_lifecycle_configuration(**self.facts)
        except self.bucket.client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchLifecycleConfiguration":
                raise
            return []
        return sorted(rule["ID"] for rule in told["Rules"])

    def have(self, *rules: dict[str, Any]) -> None:
        """Set the lifecycle rules behind Buckia's back."""
        self.bucket.client.put_bucket_lifecycle_configuration(
            **self.facts, LifecycleConfiguration={"Rules": list(rules)}
        )

    def writes(self) -> int:
        """Return how many requests that change something came to the server."""
        return sum(request.method in ("PUT", "DELETE", "POST") for request in self.bucket.proxy.requests)


@pytest.fixture
def on(request, tmp_path: Path, bucket_name) -> Iterator[Any]:
    """Make a project on a server: `on("ceph")`."""
    open_proxies = []

    def project_on(kind: str, **settings: Any) -> Administered:
        server = request.getfixturevalue(SERVERS[kind])
        proxy = S3FaultProxy(server.endpoint)
        proxy.__enter__()
        bucket = S3Bucket(server, bucket_name(server, "admin"), proxy)
        open_proxies.append((proxy, bucket))
        return Administered(tmp_path / kind, bucket, **settings)

    yield project_on
    for proxy, bucket in open_proxies:
        bucket.close()
        proxy.__exit__(None, None, None)


@pytest.mark.parametrize("kind", ["ceph", "moto"])
def test_a_lifecycle_rule_is_set_beside_those_of_others(on, kind):
    project = on(kind)
    project.have(THEIRS)
    project.write("lifecycle.json", LIFECYCLE)

    ran = project.run("s3", "lifecycle", "set", "lifecycle.json", "--dry-run")
    assert (ran.code, project.rules()) == (0, ["theirs"])
    assert '+      "ID": "mine",' in ran.stdout
    assert "-" not in {line[0] for line in ran.stdout.splitlines()[2:]}
    assert "dry run, nothing was changed" in ran.stderr

    ran = project.run("s3", "lifecycle", "set", "lifecycle.json")
    assert (ran.code, project.rules()) == (2, ["theirs"])
    assert "give --yes" in ran.stderr
    assert project.writes() == 0

    ran = project.run("s3", "lifecycle", "set", "lifecycle.json", "--yes")
    assert (ran.code, project.rules()) == (0, ["mine", "theirs"])
    assert '+      "ID": "mine",' in ran.stdout
    assert f"{NAME}: lifecycle is changed" in ran.stdout
    assert project.writes() == 1

    ran = project.run("s3", "lifecycle", "set", "lifecycle.json")  # there is nothing to ask
    assert (ran.code, ran.stdout) == (0, "")
    assert "is so already" in ran.stderr

    ran = project.run("s3", "lifecycle", "delete", "--id", "theirs", "--yes")
    assert (ran.code, project.rules()) == (0, ["mine"])
    assert '-      "ID": "theirs",' in ran.stdout
    project.have(THEIRS)
    assert project.run("s3", "lifecycle", "set", "lifecycle.json", "--replace", "--yes").code == 0
    assert project.rules() == ["mine"]
    assert project.run("s3", "lifecycle", "delete", "--yes").code == 0
    assert project.rules() == []


def test_files_go_to_and_fro_between_the_aws_command_and_ours(on, tmp_path):
    project = on("ceph")
    aws = Aws(project.bucket.server, project.bucket.name, tmp_path)
    bucket = ("--bucket", project.bucket.name)
    project.have(THEIRS)

    project.write("theirs.json", aws.call("s3api", "get-bucket-lifecycle-configuration", *bucket, "--output", "json"))
    ran = project.run("s3", "lifecycle", "set", "theirs.json")
    assert ran.code == 0, ran
    assert "is so already" in ran.stderr
    project.have(MINE)
    assert project.run("s3", "lifecycle", "set", "theirs.json", "--yes").code == 0
    assert project.rules() == ["mine", "theirs"]

    assert project.run("s3", "lifecycle", "get", "ours.json").code == 0
    ran = project.run("s3", "lifecycle", "get", "ours.json")
    assert (ran.code, "--overwrite" in ran.stderr) == (1, True)
    project.have(THEIRS)
    file = f"file://{project.path('ours.json')}"
    aws.call("s3api", "put-bucket-lifecycle-configuration", *bucket, "--lifecycle-configuration", file)
    assert project.rules() == ["mine", "theirs"]

    blocked = "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
    aws.call("s3api", "put-public-access-block", *bucket, "--public-access-block-configuration", blocked)
    shown = json.loads(aws.call("s3api", "get-public-access-block", *bucket, "--output", "json"))
    ran = project.run("s3", "public-access-block", "get")
    assert json.loads(ran.stdout) == shown


def test_documents_in_yaml_in_xml_and_from_standard_input(on):
    project = on("moto")
    assert project.run("s3", "tags", "get").stdout == ""
    project.write("tags.xml", "<Tagging><TagSet><Tag><Key>team</Key><Value>web</Value></Tag></TagSet></Tagging>")
    assert project.run("s3", "tags", "set", "tags.xml", "--yes").code == 0
    done = subprocess.run(
        [*project.command, "s3", "tags", "set", "-", "--yes", "--json"],
        cwd=project.directory,
        env=clean_environment(PYTHONWARNINGS="error", PYTHONUTF8="1"),
        input="TagSet:\n- Key: größe\n  Value: xl\n",
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    change, changed = (json.loads(line) for line in done.stdout.splitlines())
    assert change["before"] == {"TagSet": [{"Key": "team", "Value": "web"}]}
    assert changed["document"] == change["after"]
    assert change["diff"][0] == "--- tags (now)"
    ran = project.run("s3", "tags", "get", "tags.yaml")
    assert ran.code == 0
    written = yaml.safe_load(project.path("tags.yaml").read_text("utf-8"))
    assert written == {"TagSet": [{"Key": "team", "Value": "web"}, {"Key": "größe", "Value": "xl"}]}
    (record,) = project.run("s3", "tags", "get", "--json").records
    assert record == {"type": "configuration", "bucket": NAME, "topic": "tags", "document": written}


@pytest.mark.parametrize(
    ("kind", "lacks"),
    [
        ("moto", {"request-payment"}),
        ("ceph", {"encryption", "website", "accelerate", "ownership-controls"}),
        ("rclone", None),
    ],
)
def test_the_overview_tells_what_a_server_does_not_know(on, kind, lacks):
    records = on(kind).run("s3", "info", "--json").records
    unknown = {record["topic"] for record in records if record["state"] == "not_supported"}
    assert unknown == ({record["topic"] for record in records} - {"versioning"} if lacks is None else lacks)
    assert len(records) == 13
    assert all("does not support" in record["problem"] for record in records if record["topic"] in unknown)


def test_what_a_server_does_not_know_is_said_in_a_sentence(on):
    project = on("ceph")
    project.write("website.json", '{"IndexDocument": {"Suffix": "index.html"}}')
    for command in (["get"], ["set", "website.json", "--yes"], ["delete", "--yes"]):
        ran = project.run("s3", "website", *command)
        assert (ran.code, ran.stdout) == (2, "")
        (line,) = ran.stderr.splitlines()
        assert line.endswith("does not support the website configuration")
    (record,) = project.run("s3", "accelerate", "get", "--json").records
    assert (record["type"], record["error"]) == ("error", "NotSupported")
    assert project.writes() == 0


def test_a_server_of_objects_only_keeps_its_bucket(on):
    project = on("rclone")
    assert project.run("s3", "lifecycle", "delete", "--yes").code == 2
    assert project.run("s3", "versioning", "enable", "--yes").code == 2
    assert project.bucket.keys() == []


def test_what_is_not_permitted_is_said(on):
    anonymous = {"access_key_id": None, "secret_access_key": None, "skip_signature": True}
    project = on("ceph", **anonymous)
    ran = project.run("s3", "policy", "get")
    assert (ran.code, ran.stdout) == (5, "")
    assert "reading the bucket policy: access denied" in ran.stderr
    records = project.run("s3", "info", "--json").records
    assert {record["topic"] for record in records if record["state"] == "not_permitted"} >= {
        "policy",
        "lifecycle",
        "acl",
    }


def test_versioning_access_list_and_policy(on):
    project = on("ceph")
    client, facts = project.bucket.client, project.facts
    assert project.run("s3", "versioning", "enable", "--yes").code == 0
    assert client.get_bucket_versioning(**facts)["Status"] == "Enabled"
    assert project.run("s3", "versioning", "suspend", "--yes").code == 0
    assert client.get_bucket_versioning(**facts)["Status"] == "Suspended"

    assert project.run("s3", "acl", "set", "--canned", "public-read", "--yes").code == 0
    assert len(client.get_bucket_acl(**facts)["Grants"]) == 2
    assert project.run("s3", "acl", "delete", "--yes").code == 0
    assert len(client.get_bucket_acl(**facts)["Grants"]) == 1

    resource = f"arn:aws:s3:::{project.bucket.name}/*"
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    project.write("policy.json", json.dumps(policy))
    assert project.run("s3", "policy", "set", "policy.json", "--yes").code == 0
    assert json.loads(project.run("s3", "policy", "get").stdout) == policy
    assert project.run("s3", "policy", "delete", "--yes").code == 0
    assert "not set" in project.run("s3", "policy", "get").stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")
def test_a_person_is_asked_and_may_say_no(on):
    project = on("moto")
    terminal = Terminal(project.directory, "s3", "versioning", "enable")
    try:
        terminal.wait_for(f"Change versioning of {NAME}?")
        assert '+  "Status": "Enabled"' in terminal.text
        terminal.type("n\r")
        assert terminal.wait() == 1
    finally:
        terminal.close()
    assert "Nothing was changed." in terminal.text
    assert project.writes() == 0


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["lifecycle", "set", "bad.json", "--yes"], 2, "bad.json: the lifecycle rules: "),
        (["lifecycle", "set", "missing.json", "--yes"], 2, "missing.json"),
        (["lifecycle", "set"], 2, "Give a FILE."),
        (["acl", "set"], 2, "Give a FILE, or --canned."),
        (["acl", "set", "bad.json", "--canned", "private"], 2, "Give a FILE, or --canned."),
        (["lifecycle", "delete", "--id", "none", "--yes"], 6, "the lifecycle rules: there are none"),
    ],
)
def test_what_can_not_be_is_refused_and_nothing_is_sent(on, arguments, code, complaint):
    project = on("moto")
    project.write("bad.json", '{"Rules": [{"Name": "a"}]}')
    ran = project.run("s3", *arguments)
    assert (ran.code, ran.stdout) == (code, "")
    assert complaint in ran.stderr
    assert project.writes() == 0


def test_a_bucket_is_made_listed_and_removed(on):
    project = on("ceph")
    name = f"made-{uuid.uuid4().hex[:12]}"
    project.configure(bucket_name=name)
    (record,) = project.run("s3", "create", "--object-lock", "--json").records
    assert record == {"type": "bucket_created", "bucket": NAME, "name": name}
    assert project.run("s3", "create").code == 1
    assert json.loads(project.run("s3", "object-lock", "get").stdout) == {
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}
    }
    listed = {record["name"]: record["created"] for record in project.run("s3", "buckets", "--json").records}
    assert {name, project.bucket.name} <= listed.keys()
    assert listed[name].endswith("Z"), "times are in UTC, as in all records"
    ran = project.run("s3", "remove")
    assert (ran.code, "give --yes" in ran.stderr) == (2, True)
    assert project.run("s3", "remove", "--yes").code == 0
    assert project.run("s3", "info").code == 6

    project.configure(bucket_name=project.bucket.name)
    project.bucket.put("a.txt", "a")
    ran = project.run("s3", "remove", "--yes")
    assert (ran.code, "not empty" in ran.stderr) == (1, True)
    assert project.bucket.keys() == ["a.txt"]


def test_a_bucket_that_does_not_speak_s3_is_refused_by_name(tmp_path):
    project = Project(tmp_path / "here", FolderBucket(tmp_path / "bucket"))
    ran = project.run("s3", "info")
    assert ran.code == 2
    assert f"bucket '{NAME}' is of provider 'file', which does not speak S3" in ran.stderr
