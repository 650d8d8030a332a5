"""The commands `buckia b2 …`, run as they are typed."""

from __future__ import annotations

import json

import pytest

from buckia_core.cli import main
from buckia_core.config.secrets.secret import Secret
from tests.unit.b2.conftest import PART
from tests.unit.commands import ran

KEEP_30 = {"fileNamePrefix": "docs/", "daysFromHidingToDeleting": 30}
LOGS = {"fileNamePrefix": "logs/", "daysFromUploadingToHiding": 7, "daysFromHidingToDeleting": 1}
ANYONE = {
    "corsRuleName": "anyone",
    "allowedOrigins": ["https://example.com"],
    "allowedOperations": ["b2_download_file_by_name"],
    "allowedHeaders": ["range"],
    "exposeHeaders": [],
    "maxAgeSeconds": 3600,
}


@pytest.fixture
def project(b2_account, bucket, tmp_path, monkeypatch):
    """A project whose bucket is the one of the tests, under the prefix `app`."""
    config = {
        "provider": "b2",
        "bucket_name": bucket,
        "prefix": "app",
        "api_url": b2_account.endpoint,
        "multipart_threshold": PART,
        "part_size": PART,
    }
    (tmp_path / ".buckia").write_text(json.dumps({"photos": config}), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("B2_APPLICATION_KEY_ID", b2_account.key_id)
    monkeypatch.setenv("B2_APPLICATION_KEY", b2_account.key)
    return tmp_path


@pytest.fixture
def run(project, capsys):
    """Run `buckia b2 …` in the project."""

    def running(*arguments):
        return ran(capsys, "b2", *arguments)

    return running


def rules_in(project, *rules):
    path = project / "rules.json"
    path.write_text(json.dumps(rules), "utf-8")
    return str(path)


def test_info(run, bucket):
    lines = {line[:13].strip(): line[13:] for line in run("info").out.splitlines()}
    assert lines["bucket"].startswith(f"{bucket} (")
    assert (lines["access"], lines["encryption"], lines["object lock"]) == ("allPrivate", "none", "off")
    (record,) = run("info", "--json").records
    assert (record["type"], record["access"], record["name"]) == ("bucket", "allPrivate", bucket)
    assert "writeFiles" in record["key_capabilities"]


def test_info_with_a_key_that_may_see_little(run, restricted, monkeypatch):
    b2 = restricted("listBuckets", "listFiles")
    monkeypatch.setenv("B2_APPLICATION_KEY_ID", b2._settings.application_key_id.reveal())
    monkeypatch.setenv("B2_APPLICATION_KEY", b2._settings.application_key.reveal())
    ran = run("info")
    assert ran.code == 0
    assert ran.out.count("the key may not see it") == 2
    assert "key may      listBuckets, listFiles" in ran.out


def test_lifecycle_rules_are_merged_by_prefix(run, project):
    assert run("lifecycle", "set", rules_in(project, KEEP_30), "--yes").code == 0
    ran = run("lifecycle", "set", rules_in(project, LOGS), "--yes", "--json")
    change, changed = ran.records
    assert (change["type"], change["before"], change["after"]) == ("change", [KEEP_30], [KEEP_30, LOGS])
    assert changed["document"] == json.loads(run("lifecycle", "get").out) == [KEEP_30, LOGS]
    other = KEEP_30 | {"daysFromHidingToDeleting": 60}
    assert '-    "daysFromHidingToDeleting": 30' in run("lifecycle", "set", rules_in(project, other), "--yes").out
    assert run("lifecycle", "set", rules_in(project, LOGS), "--replace", "--yes").code == 0
    assert json.loads(run("lifecycle", "get").out) == [LOGS]


def test_nothing_is_sent_for_a_dry_run_or_where_nothing_differs(run, project, b2_account):
    ran = run("lifecycle", "set", rules_in(project, LOGS), "-n")
    assert (ran.code, "+" in ran.out, "dry run" in ran.err) == (0, True, True)
    assert json.loads(run("lifecycle", "get").out) == []
    run("lifecycle", "set", rules_in(project, LOGS), "--yes")
    b2_account.forget_calls()
    ran = run("lifecycle", "set", rules_in(project, LOGS), "--yes")
    assert (ran.code, ran.out, "so already" in ran.err) == (0, "", True)
    assert "b2_update_bucket" not in b2_account.calls()


def test_rules_are_removed_by_name(run, project):
    run("lifecycle", "set", rules_in(project, KEEP_30, LOGS), "--yes")
    ran = run("lifecycle", "delete", "--prefix", "none/", "--yes")
    assert (ran.code, "there is no lifecycle rule with the fileNamePrefix 'none/'" in ran.err) == (2, True)
    assert run("lifecycle", "delete", "--prefix", "logs/", "--yes").code == 0
    assert json.loads(run("lifecycle", "get").out) == [KEEP_30]
    assert run("lifecycle", "delete", "--yes").code == 0
    assert json.loads(run("lifecycle", "get").out) == []


def test_cors_rules(run, project):
    (project / "cors.yaml").write_text(f"corsRules: [{json.dumps(ANYONE)}]", "utf-8")
    assert run("cors", "set", "cors.yaml", "--yes").code == 0
    assert json.loads(run("cors", "get").out) == [ANYONE]
    assert run("cors", "delete", "--name", "anyone", "--yes").code == 0
    assert json.loads(run("cors", "get").out) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "is not JSON"),
        ("- 2026-02-30", "is not YAML"),
        ("[{", "is not JSON"),
        ("- fileNamePrefix: a\n  fileNamePrefix: ''\n", "has the key 'fileNamePrefix' twice"),
        ("5", "must be a list of rules"),
        ('[{"daysFromHidingToDeleting": 1}]', "rule 1 must have fileNamePrefix"),
        ('[{"fileNamePrefix": ""}]', "rule 1 does nothing"),
        (json.dumps([LOGS, LOGS]), "more than one rule has the fileNamePrefix 'logs/'"),
    ],
)
def test_rules_that_are_none(run, project, text, words):
    (project / "rules.json").write_text(text, "utf-8")
    ran = run("lifecycle", "set", "rules.json", "--yes")
    assert (ran.code, words in ran.err, "rules.json" in ran.err) == (2, True, True)


def test_a_concurrent_change_of_the_bucket_is_refused(run, b2, raw_bucket):
    from buckia_b2.admin.bucket_rules import RuleKind
    from buckia_core.errors import PreconditionFailed

    planned = b2.native.plan(RuleKind.LIFECYCLE, [LOGS])
    raw_bucket.update(lifecycle_rules=[KEEP_30])
    with pytest.raises(PreconditionFailed):
        b2.native.apply(planned)
    assert b2.native.rules(RuleKind.LIFECYCLE)[0]["daysFromHidingToDeleting"] == 30


def test_a_key_for_this_bucket_and_prefix(run, b2, connect):
    made = run("keys", "create", "phone", "--lasting", "90d", "--json").records[0]
    assert (made["name_prefix"], len(made["buckets"]), made["expires"] is None) == ("app/", 1, False)
    given = {
        "application_key_id": Secret(made["id"], is_public=True),
        "application_key": Secret(made["application_key"]),
    }
    phone = connect(prefix="app", **given)
    phone.upload_file(b"1", "k")
    assert [found.key for found in phone.list_files()] == ["k"]
    assert [found.key for found in b2.list_files()] == ["app/k"]
    listed = run("keys", "list")
    assert "phone" in listed.out
    assert made["application_key"] not in listed.out
    assert run("keys", "delete", made["id"], "--yes").out == f"The key {made['id']} is revoked.\n"
    none = run("keys", "list")
    assert (none.out, "no application keys" in none.err) == ("", True)


def test_keys_that_may_only_read_or_are_for_all_buckets(run):
    reader = run("keys", "create", "reader", "--read-only", "--json").records[0]
    assert "writeFiles" not in reader["capabilities"]
    wide = run("keys", "create", "wide", "--all-buckets", "--capability", "writeKeys", "--json").records[0]
    assert (wide["buckets"], wide["name_prefix"], "writeKeys" in wide["capabilities"]) == ([], None, True)
    out = run("keys", "create", "shown").out
    assert [line.split()[0] for line in out.splitlines()] == ["application_key_id", "application_key"]
    assert run("keys", "create", "long", "--lasting", "1001d").code == 2
    assert run("keys", "create", "odd", "--all-buckets", "--prefix", "x").code == 2


def test_nothing_is_revoked_without_a_yes(run):
    made = run("keys", "create", "phone", "--json").records[0]
    ran = run("keys", "delete", made["id"])
    assert (ran.code, "--yes" in ran.err) == (2, True)
    assert "phone" in run("keys", "list").out


def test_unfinished_large_files(run, raw_bucket, b2_account):
    started = [start(raw_bucket, name) for name in ("app/one", "app/two", "other")]
    listed = run("unfinished", "--json").records
    assert [(each["key"], each["upload_id"]) for each in listed] == [("one", started[0]), ("two", started[1])]
    assert run("unfinished", "--older-than", "1h").out == ""
    assert run("unfinished", "--resumable").code == 2
    assert run("unfinished", "--abort", "t", "--yes").out == "aborted  two\n"
    assert [each["key"] for each in run("unfinished", "--json").records] == ["one"]
    assert [each.file_name for each in raw_bucket.list_unfinished_large_files()] == ["app/one", "other"]


def test_what_the_next_sync_goes_on_with_is_spared(run, project, b2_account, capsys):
    (project / "large.bin").write_bytes(bytes(2 * PART))
    b2_account.fail("b2_finish_large_file", status=403, code="transaction_cap_exceeded")
    assert main(["sync", "--direction", "up", "--include", "large.bin"]) != 0
    b2_account.stop_failing()
    (record,) = run("unfinished", "--json").records
    assert (record["key"], record["resumable"]) == ("large.bin", True)
    assert "the next sync resumes them" in run("unfinished", "--abort", "--yes").err
    b2_account.forget_calls()
    assert main(["sync", "--direction", "up", "--include", "large.bin"]) == 0
    assert "b2_upload_part" not in b2_account.calls(), "its parts were there"
    none = run("unfinished", "--json")
    assert (none.records, "no unfinished uploads" in none.err) == ([], True)


def test_a_bucket_of_another_provider(run, project):
    (project / ".buckia").write_text(json.dumps({"folder": {"provider": "file", "root": "x"}}), "utf-8")
    ran = run("info")
    assert ran.code == 2
    assert "provider 'file'" in ran.err


def start(raw_bucket, name):
    session = raw_bucket.api.session
    return session.start_large_file(raw_bucket.id_, name, "text/plain", {})["fileId"]
