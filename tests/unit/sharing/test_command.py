"""`buckia share`: what it shows, and what it refuses."""

from __future__ import annotations

import pytest

from tests.unit.commands import Ran, ran

CONFIG = """
assets: {provider: file, root: bucket, share: {bucket: links, access: public}}
links: {provider: file, root: links, public_url_base: 'https://s.example.com'}
"""
SIGNED = """
assets: {provider: file, root: bucket, share: {bucket: links}}
links: {provider: bunny, bucket_name: m, storage_api_key: secret-of-zone, pull_zone: m, token_key: key-of-pull-zone}
"""


@pytest.fixture
def buckia(tmp_path, monkeypatch, capsys):
    (tmp_path / ".buckia").write_text(CONFIG, "utf-8")
    (tmp_path / ".buckia").chmod(0o600)
    for name in ("bucket", "links"):
        (tmp_path / name).mkdir()
    (tmp_path / "bucket" / "Cat.png").write_bytes(b"cat")
    monkeypatch.chdir(tmp_path)

    def buckia(*arguments: str) -> Ran:
        return ran(capsys, "share", *arguments)

    return buckia


def test_a_share_from_its_first_day_to_its_last(buckia, tmp_path):
    added = buckia("add", "Cat.png", "--name", "My cat")
    url = added.out.strip()
    assert (added.code, url.startswith("https://s.example.com/my-cat/")) == (0, True)
    assert "Cat.png is shared as" in added.err and "expires" in added.err
    record = buckia("add", "Cat.png", "--name", "My cat", "--ttl-days", "0", "--json").records[0]
    assert (record["type"], record["bucket"], record["url"], record["expires"]) == ("share", "assets", url, None)
    listed = buckia("list", "--json").records
    assert listed == [record]
    shown = buckia().out
    assert record["id"] in shown and url in shown and "never" in shown
    assert buckia("url", "Cat.png").out.strip() == url
    assert buckia("sweep").out == "assets: 0 shares removed\n"
    removed = buckia("remove", url, "--json").records
    assert [(each["type"], each["id"], each["url"]) for each in removed] == [("unshared", record["id"], None)]
    assert list((tmp_path / "links").iterdir()) == []
    assert "there are no shares" in buckia("list").err


def test_other_commands_leave_the_share_bucket_alone(buckia, tmp_path, capsys):
    (tmp_path / ".buckia").write_text(CONFIG.replace("root: bucket", "root: bucket, paths: [files/]"), "utf-8")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "salaries").write_text("secret")
    (tmp_path / "new").write_text("new")
    assert buckia("add", "Cat.png").code == 0
    copies = [path.name for path in (tmp_path / "links").rglob("*")]
    synced = ran(capsys, "sync", "--json")
    assert {record["bucket"] for record in synced.records} == {"assets"} and synced.code == 0
    assert ran(capsys, "put", "new", "new").code == ran(capsys, "status").code == 0
    assert [path.name for path in (tmp_path / "links").rglob("*")] == copies
    assert not list((tmp_path / "files").rglob("cat*"))
    named = ran(capsys, "--bucket", "links", "ls", "--json")
    assert [record["bucket"] for record in named.records] == ["links"]
    assert {record["bucket"] for record in ran(capsys, "doctor", "--json").records if "bucket" in record} >= {
        "assets",
        "links",
    }


def test_two_buckets_that_share_through_each_other_have_to_be_named(buckia, tmp_path, capsys):
    both = CONFIG.replace("public_url_base", "share: {bucket: assets}, public_url_base")
    (tmp_path / ".buckia").write_text(both, "utf-8")
    refused = ran(capsys, "sync")
    assert (refused.code, "--bucket" in refused.err) == (2, True)


def test_several_shares_of_an_object(buckia):
    for name in "xy":
        buckia("add", "Cat.png", "--name", name)
    refused = buckia("remove", "Cat.png")
    assert (refused.code, "2 shares" in refused.err) == (2, True)
    assert len(buckia("remove", "Cat.png", "--all", "--json").records) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("add", "none"), 6, "none"),
        (("add", "Cat.png", "--ttl-days", "-1"), 2, "ttl-days"),
        (("add", "Cat.png", "--cache-control", "no-store"), 2, "stores no cache_control"),
        (("url", "none"), 6, "no such share"),
        (("remove", "none"), 6, "no such share"),
        (("-b", "links", "list"), 2, "no setting 'share'"),
    ],
    ids=str,
)
def test_what_is_refused(buckia, arguments, code, message):
    result = buckia(*arguments)
    assert (result.code, message in result.err) == (code, True)


def test_a_list_shows_no_signature(buckia, tmp_path, monkeypatch):
    from buckia_core.objects.bucket_copy import BucketCopier

    (tmp_path / ".buckia").write_text(SIGNED, "utf-8")
    monkeypatch.setattr(BucketCopier, "copy", lambda *_, **__: None)
    url = buckia("add", "Cat.png").out.strip()
    assert "token=HS256-" in url
    assert buckia("list", "--json").records[0]["url"] is None
    assert "HS256-" not in buckia("list").out
    assert "token=HS256-" in buckia("url", "Cat.png", "--expires", "1h").out
    assert "HS256-" not in buckia("remove", url.replace("cat/", "other/")).err
