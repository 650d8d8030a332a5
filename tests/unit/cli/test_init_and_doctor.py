"""init, doctor, providers, completion, schema."""

import json
import os

import pytest

from buckia_core import errors
from buckia_core.adapters.plugins.registry import registry
from buckia_core.config import find, load
from buckia_core.config.schema import json_schema
from buckia_core.syncing.events import SyncResult
from tests.unit.cli.conftest import NOON


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_init_writes_what_load_reads(buckia, empty):
    arguments = [
        "--provider",
        "file",
        "--name",
        "assets",
        "--set",
        "root=/mnt/share",
        "--set",
        "paths=[demo/, static/]",
    ]
    ran = buckia("init", *arguments, "--json")
    assert ran.code == 0, ran.err
    assert ran.records == [{"type": "written", "path": str(empty / ".buckia")}]
    config = load(empty / ".buckia").buckets["assets"]
    assert config.provider == "file"
    assert [rule.local for rule in config.paths] == ["demo/", "static/"]
    assert str(config.settings["root"]) == "/mnt/share"
    assert list(empty.iterdir()) == [empty / ".buckia"]


@pytest.fixture
def answers(monkeypatch):
    """Play a terminal: answers by the first word of a question; others get the default."""
    given: dict[str, str] = {}

    def prompt(question, default=None, **_):
        assert default is not None or question.split()[0] in given, question
        return given.get(question.split()[0], default)

    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("buckia_core.cli.setup.first_config.can_ask", lambda _: True)
    monkeypatch.setattr("click.prompt", prompt)
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    return given


def test_init_asks_for_the_endpoint_of_an_s3_server(buckia, empty, answers):
    answers |= {"endpoint_url": "http://127.0.0.1:9000", "bucket_name": "photos"}
    assert buckia("init", "--provider", "s3").code == 0
    (config,) = load(empty / ".buckia").buckets.values()
    assert config.settings["endpoint_url"] == "http://127.0.0.1:9000"
    assert config.bucket_name == "photos"


def test_an_empty_answer_leaves_a_setting_out(buckia, empty, answers):
    assert buckia("init", "--provider", "s3").code == 0
    assert "endpoint_url" not in (empty / ".buckia").read_text()


@pytest.mark.parametrize("name", ["endpoint_url", "endpoint"])
def test_init_does_not_ask_for_what_is_given(buckia, empty, answers, name):
    answers["endpoint_url"] = "http://127.0.0.1:1"
    assert buckia("init", "--provider", "s3", "--set", f"{name}=http://127.0.0.1:9000").code == 0
    assert "127.0.0.1:1\n" not in (empty / ".buckia").read_text()


def test_init_does_not_ask_for_what_the_environment_has(buckia, empty, answers, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    answers["endpoint_url"] = "http://127.0.0.1:1"
    assert buckia("init", "--provider", "s3").code == 0
    assert "endpoint_url" not in (empty / ".buckia").read_text()


@pytest.mark.parametrize("name", ["buckia.yaml", ".buckia.yaml"])
def test_init_does_not_write_beside_a_configuration_of_another_name(buckia, empty, name):
    (empty / name).write_text("mine")
    ran = buckia("init", "--provider", "memory")
    assert ran.code == 2
    assert f"{name} exists. To add a bucket" in ran.err
    assert buckia("init", "--provider", "memory", "--force").code == 0
    assert [path.name for path in empty.iterdir()] == [name]
    assert buckia("status").code == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_init_writes_what_is_obeyed_whatever_the_umask(buckia, empty):
    before = os.umask(0)
    try:
        assert buckia("init", "--provider", "memory").code == 0
    finally:
        os.umask(before)
    assert find(empty) == empty / ".buckia"


def test_init_writes_the_file_that_config_names(buckia, empty):
    assert buckia("init", "-c", "staging", "--provider", "memory").code == 0
    assert load(empty / "staging").buckets[empty.name].provider == "memory"


def test_init_does_not_replace_a_configuration_unasked(buckia, empty):
    (empty / ".buckia").write_text("mine")
    ran = buckia("init", "--provider", "memory")
    assert ran.code == 2
    assert "--force" in ran.err
    assert (empty / ".buckia").read_text() == "mine"
    assert buckia("init", "--provider", "memory", "--force").code == 0
    assert load(empty / ".buckia")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--provider"),
        (["--provider", "flie"], "'file'"),
        (["--provider", "file"], "root"),
        (["--provider", "file", "--set", "root"], "NAME=VALUE"),
        (["--provider", "file", "--set", "root=a", "--set", "root=b"], "twice"),
        (["--provider", "file", "--set", "root=a", "--set", "rooot=b"], "'root'"),
        (["--provider", "file", "--set", "root=a", "--set", "paths=[a"], "paths"),
        (["--provider", "file", "--set", "root=a", "--set", "direction=sideways"], "direction"),
    ],
)
def test_init_writes_nothing_that_could_not_be_used(buckia, empty, arguments, complaint):
    ran = buckia("init", *arguments)
    assert ran.code == 2
    assert complaint in ran.err
    assert list(empty.iterdir()) == []


def test_providers(buckia):
    shown = {record["provider"]: record for record in buckia("providers", "--json").records}
    assert shown["file"] == {
        "type": "provider",
        "provider": "file",
        "title": registry().spec("file").title,
        "distribution": "buckia-core",
        "version": shown["file"]["version"],
        "problem": None,
    }
    assert any(line.startswith("file ") for line in buckia("providers").out.splitlines())


def test_doctor_where_all_is_well(buckia, assets, monkeypatch):
    monkeypatch.setattr("buckia_core.cli.diagnosis.bucket_checks._check_adapter", lambda client: client.config.provider)
    ran = buckia("doctor", "--json")
    assert ran.code == 0
    checks = [record["check"] for record in ran.records]
    assert checks == [
        *("configuration", "software", "adapters", "plugins", "adapter", "credentials", "latency"),
        *("state directory", "state database", "clock", "disk", "disk space"),
    ]
    assert all(record["ok"] and record["type"] == "diagnosis" for record in ran.records)
    assert all(record["advice"] is None for record in ran.records)
    assert assets.asked("list")


def test_doctor_warns_of_what_works_and_is_unsafe(buckia, assets, monkeypatch):
    monkeypatch.setattr("buckia_core.cli.diagnosis.bucket_checks._check_adapter", lambda client: client.config.provider)
    monkeypatch.setattr(
        "buckia_core.cli.diagnosis.bucket_checks.settings_warnings", lambda config: ("it is not encrypted",)
    )
    ran = buckia("doctor")
    assert ran.code == 0
    assert "WARNING  assets  connection       it is not encrypted" in ran.out
    (record,) = [record for record in buckia("doctor", "--json").records if record["warning"]]
    assert (record["check"], record["ok"]) == ("connection", True)


def test_doctor_names_what_is_wrong_and_goes_on(buckia, assets, monkeypatch):
    monkeypatch.setattr("buckia_core.cli.diagnosis.bucket_checks._check_adapter", lambda client: client.config.provider)
    assets.error = errors.Unauthenticated("the key is not accepted")
    ran = buckia("doctor")
    assert ran.code == 3
    assert "PROBLEM  assets  credentials      the key is not accepted" in ran.out
    assert "assets  disk" in ran.out


def test_doctor_of_an_adapter_that_is_not_there_makes_no_call(buckia, assets, monkeypatch):
    def missing(_):
        raise errors.AdapterNotInstalled("it is not installed")

    monkeypatch.setattr("buckia_core.cli.diagnosis.bucket_checks._check_adapter", missing)
    ran = buckia("doctor")
    assert ran.code == 2
    assert not assets.calls


@pytest.mark.parametrize(("synced", "code", "state"), [(False, 0, "WARNING"), (True, 7, "PROBLEM")])
def test_doctor_names_a_local_folder_that_is_missing(buckia, assets, project, monkeypatch, synced, code, state):
    (project / ".buckia").write_text("assets: {provider: memory, paths: [files/]}\n", encoding="utf-8")
    monkeypatch.setattr("buckia_core.cli.diagnosis.bucket_checks._check_adapter", lambda client: client.config.provider)
    assets.runs = [SyncResult(bucket="assets", started=NOON)] * synced
    ran = buckia("doctor")
    assert ran.code == code
    assert f"{state}  assets  local folder     {project / 'files'} is missing" in ran.out
    (project / "files").mkdir()
    assert "is missing" not in buckia("doctor").out


def test_doctor_finds_a_clock_that_is_wrong(buckia, assets, monkeypatch):
    monkeypatch.setattr("buckia_core.cli.diagnosis.bucket_checks._check_adapter", lambda client: client.config.provider)
    monkeypatch.setattr("buckia_core.cli.diagnosis.bucket_checks.time.time", lambda: 0.0)
    ran = buckia("doctor")
    assert ran.code == 1
    assert "PROBLEM  assets  clock" in ran.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_names_its_variable(buckia, shell):
    ran = buckia("completion", shell)
    assert ran.code == 0
    assert "_BUCKIA_COMPLETE" in ran.out


def test_fish_gets_descriptions_with_their_commas(buckia):
    assert 'string split -m 1 "," $completion' in buckia("completion", "fish").out


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("buckia sy", {"sync"}),
        ("buckia trash re", {"restore"}),
        ("buckia sync --dry", {"--dry-run"}),
        ("buckia sync -b ass", {"assets"}),
        ("buckia -b ba", {"backup"}),
        ("buckia init --provider fi", {"file"}),
        ("buckia sync --direction ", {"up", "down", "both"}),
    ],
)
def test_what_is_offered_for_a_word_that_is_half_typed(buckets, words, offered):
    from click.shell_completion import ShellComplete

    from buckia_core.cli.app import cli

    *args, incomplete = words.split(" ")[1:]
    completions = ShellComplete(cli, {}, "buckia", "_BUCKIA_COMPLETE").get_completions(args, incomplete)
    assert {each.value for each in completions} == offered


@pytest.mark.parametrize("options", [(), ("--json",), ("--quiet",)])
def test_the_schema_has_the_settings_of_the_installed_providers(buckia, options):
    ran = buckia("schema", *options)
    installed = [status for status in registry().providers() if status.problem is None]
    classes = {status.provider: registry().spec(status.provider).settings_class() for status in installed}
    assert json.loads(ran.out) == json.loads(json.dumps(json_schema(classes)))
    assert {"provider-file", "provider-memory"} <= json.loads(ran.out)["$defs"].keys()
    assert (ran.out.count("\n") == 1) == ("--json" in options)


def test_completion_without_a_configuration_offers_nothing(empty):
    from click.shell_completion import ShellComplete

    from buckia_core.cli.app import cli

    assert ShellComplete(cli, {}, "buckia", "_BUCKIA_COMPLETE").get_completions(["sync", "-b"], "a") == []


@pytest.mark.skipif(os.name == "nt", reason="other permissions")
def test_a_private_configuration_that_is_replaced_stays_private(buckia, empty):
    assert buckia("init", "--provider", "memory").code == 0
    (empty / ".buckia").chmod(0o600)
    assert buckia("init", "--provider", "memory", "--force").code == 0
    assert (empty / ".buckia").stat().st_mode & 0o777 == 0o600
