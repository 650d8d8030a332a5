"""The commands `buckia linode …`, run as they are typed."""

from __future__ import annotations

import pytest

from buckia_core.cli import main
from tests.servers.linode_api import READ_ONLY, READ_WRITE
from tests.unit.commands import ran


@pytest.fixture
def linode(api, tmp_path, monkeypatch, capsys):
    """Run `buckia linode …` in a project whose bucket is `photos` in us-ord."""
    config = (
        f"photos:\n  provider: linode\n  bucket_name: photos\n  region: us-ord\n  api_url: {api.url}\n  prefix: app/\n"
    )
    (tmp_path / ".buckia").write_text(config, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LINODE_TOKEN", READ_WRITE)

    def running(*arguments):
        return ran(capsys, "linode", *arguments)

    return running


def test_endpoints(linode):
    ran = linode("endpoints")
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == ["us-ord", "E1", "750/s", "https://us-ord-1.linodeobjects.com"]
    assert ran.out.splitlines()[-1].split() == ["jp-osa", "E2", "2000/s", "-"]
    last = linode("endpoints", "--json").records[-1]
    assert (last["region"], last["url"], last["requests_per_second"], last["bucket_bytes"]) == (
        "jp-osa",
        None,
        2000,
        10**15,
    )


def test_a_bucket_is_made_listed_and_removed(api, linode):
    assert linode("buckets", "create").out == "The bucket photos is at https://us-ord-1.linodeobjects.com.\n"
    assert linode("buckets", "create", "more", "--region", "us-iad", "--endpoint-type", "E3").code == 0
    assert [each["name"] for each in linode("buckets", "list", "--json").records] == ["photos", "more"]
    assert linode("buckets", "list", "--region", "us-iad").out.split() == ["us-iad", "E3", "0", "0", "more"]
    api.account.store.objects["photos"]["app/a"] = 5
    ran = linode("buckets", "delete", "photos", "--yes")
    assert (ran.code, "not empty" in ran.err) == (4, True)
    api.account.store.objects["photos"].clear()
    assert linode("buckets", "delete", "photos", "--yes").out == "The bucket photos is removed.\n"
    assert [each["name"] for each in linode("buckets", "list", "--json").records] == ["more"]


def test_nothing_is_removed_without_a_yes(api, linode):
    linode("buckets", "create")
    linode("keys", "create", "server", "--full-access")
    for arguments in (("buckets", "delete", "photos"), ("keys", "delete", "1")):
        ran = linode(*arguments)
        assert (ran.code, "--yes" in ran.err) == (2, True)
    assert len(api.account.buckets) == len(api.account.keys) == 1


def test_a_key_is_made_listed_and_revoked(linode):
    linode("buckets", "create")
    made = linode("keys", "create", "phone", "--read-only", "photos")
    words = made.out.split()
    assert (words[0], words[2], len(words[3])) == ("access_key_id", "secret_access_key", 40)
    assert "not shown again" in made.err
    listed = linode("keys", "list")
    assert words[1] in listed.out and words[3] not in listed.out
    assert "read photos" in listed.out
    (record,) = linode("keys", "list", "--json").records
    assert record["grants"] == [{"bucket": "photos", "region": "us-ord", "write": False}]
    assert linode("keys", "delete", "1", "--yes").code == 0
    assert linode("keys", "list").out == ""
    assert linode("keys", "delete", "1", "--yes").code == 6


def test_the_secret_of_a_key_is_in_the_record(linode):
    linode("buckets", "create")
    (record,) = linode("keys", "create", "phone", "--read-write", "photos", "--json").records
    assert len(record["secret_access_key"]) == 40
    assert record["limited"] and record["grants"][0]["write"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("keys", "create", "phone"), "what the key may do"),
        (("keys", "create", "phone", "--full-access", "--read-only", "photos"), "what the key may do"),
        (("keys", "create", "phone", "--read-write", "photos", "--read-only", "photos"), "Of photos"),
        (("url", "k", "--method", "PUT"), "--content-type"),
        (("url", "k", "--content-type", "text/plain"), "--content-type"),
        (("url", "k", "--seconds", "5"), "--seconds"),
        (("acl", "set", "k", "custom"), "custom"),
        (("keys", "delete", "-1"), "-1"),
    ],
)
def test_command_lines_that_make_no_sense(api, linode, arguments, said):
    ran = linode(*arguments)
    assert (ran.code, said in ran.err) == (2, True)
    assert api.asked == []


def test_access_is_shown_and_changed(linode):
    linode("buckets", "create", "--cors")
    assert linode("access").out.splitlines() == ["ACL   private", "CORS  every origin"]
    (record,) = linode("access", "--acl", "public-read", "--no-cors", "--json").records
    assert (record["acl"], record["cors"]) == ("public-read", False)


def test_an_object_is_made_public_below_the_prefix(api, linode):
    linode("buckets", "create")
    api.account.store.objects["photos"]["app/a b.txt"] = 5
    assert linode("acl", "get", "a b.txt").out == "private\n"
    assert linode("acl", "set", "a b.txt", "public-read").out == "a b.txt: public-read\n"
    assert linode("acl", "get", "a b.txt", "--json").records[0]["acl"] == "public-read"
    assert linode("acl", "get", "none.txt").code == 6


def test_an_address(linode):
    linode("buckets", "create")
    assert linode("url", "a.txt", "--seconds", "600").out.startswith(
        "https://photos.example/app/a.txt?X-Amz-Expires=600"
    )
    (record,) = linode("url", "a.txt", "--method", "PUT", "--content-type", "image/png", "--json").records
    assert record["url"].endswith("method=PUT&type=image/png")


def test_usage(api, linode):
    linode("buckets", "create")
    api.account.transferred = 12345
    lines = linode("usage").out.splitlines()
    assert lines[0].split()[:5] == ["us-ord-1.linodeobjects.com", "1", "of", "1000", "bucket"]
    assert lines[-1].split() == ["sent", "this", "month", "12345", "byte"]
    assert linode("usage", "--json").records[-1] == {"type": "transfer", "bytes": 12345}


def test_what_an_endpoint_does_not_have(linode):
    linode("buckets", "create", "photos")
    ran = linode("buckets", "create", "x", "--endpoint-type", "E3", "--cors")
    assert (ran.code, "only E0 and E1 do" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("token", "said"), [("", "LINODE_TOKEN"), ("wrong", "Invalid Token"), (READ_ONLY, "read_write")]
)
def test_a_token_that_is_missing_wrong_or_weak(linode, tmp_path, monkeypatch, token, said):
    config = (tmp_path / ".buckia").read_text("utf-8").replace("region: us-ord", "cluster: us-ord-1")
    (tmp_path / ".buckia").write_text(config, "utf-8")
    monkeypatch.setenv("LINODE_TOKEN", token)
    ran = linode("buckets", "create")
    assert (ran.code, said in ran.err) == (3, True)


def test_a_bucket_of_another_provider(linode, tmp_path):
    (tmp_path / ".buckia").write_text("box:\n  provider: memory\n", "utf-8")
    ran = linode("endpoints")
    assert (ran.code, "'linode'" in ran.err) == (2, True)


def test_what_an_endpoint_does_not_have_is_refused_to_the_commands_of_s3_too(api, linode, tmp_path, capsys):
    (tmp_path / ".buckia").write_text(
        "photos:\n  provider: linode\n  bucket_name: photos\n  cluster: us-iad-10\n  endpoint_type: E3\n", "utf-8"
    )
    assert main(["s3", "cors", "get"]) == 2
    assert "CORS: an endpoint of type E3 does not have this, only E0 and E1 do" in capsys.readouterr().err
    assert api.asked == []
