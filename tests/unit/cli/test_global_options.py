import json
import logging

import pytest


def test_they_stand_before_a_command_or_after_it(buckia, assets):
    before, after = buckia("--json", "sync"), buckia("sync", "--json")
    assert before.out == after.out
    assert before.records[-1]["type"] == "summary"


def test_another_configuration_after_the_command(buckia, buckets, project):
    (project / ".buckia-staging").write_text("backup: {provider: memory}\n")
    assert buckia("sync", "--config", ".buckia-staging").code == 0
    assert not buckets["assets"].calls
    assert buckets["backup"].asked("sync")


def test_all_buckets_without_any_named(buckia, buckets):
    buckia("sync")
    assert buckets["assets"].asked("sync") == buckets["backup"].asked("sync")


def test_buckets_are_named_before_and_after_and_each_is_done_once(buckia, buckets):
    ran = buckia("-b", "backup", "sync", "--bucket", "assets", "-b", "backup", "--json")
    assert [record["bucket"] for record in ran.records] == ["backup", "assets"]


def test_an_unknown_bucket_names_the_nearest(buckia, buckets):
    ran = buckia("sync", "-b", "bakcup")
    assert ran.code == 2
    assert "'bakcup'" in ran.err
    assert "'backup'" in ran.err


def test_a_bucket_has_to_be_chosen_where_one_is_needed(buckia, buckets):
    ran = buckia("ls")
    assert ran.code == 2
    assert "--bucket" in ran.err
    assert "assets, backup" in ran.err
    assert buckia("ls", "-b", "assets").code == 0


def test_as_if_started_elsewhere(buckia, assets, project, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert buckia("sync").code == 2
    assert buckia("-C", str(project), "sync").code == 0


def test_a_path_after_it_is_taken_relative_to_it(buckia, memory_bucket, project, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    (project / "photo.jpg").write_text("x")
    assert buckia("put", "photo.jpg", "-C", str(project)).code == 0
    assert memory_bucket.stat_file("photo.jpg").size == 1


def test_the_configuration_is_found_from_below(buckia, assets, project, monkeypatch):
    (project / "images" / "deep").mkdir(parents=True)
    monkeypatch.chdir(project / "images" / "deep")
    assert buckia("sync").code == 0


def test_no_configuration_says_how_to_get_one(buckia, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = buckia("sync")
    assert ran.code == 2
    assert "buckia init" in ran.err


@pytest.mark.parametrize("arguments", [["nonsense"], ["sync", "--nonsense"], ["--nonsense"], ["-C", "nowhere", "sync"]])
def test_bad_usage_is_one_answer_on_standard_error(buckia, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = buckia(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("buckia: ")
    assert "--help" in ran.err


def test_bad_usage_is_reported_to_a_program_too(buckia):
    ran = buckia("sync", "--json", "--nonsense")
    assert ran.code == 2
    assert [record["type"] for record in ran.records] == ["error"]
    assert ran.records[0]["error"] == "UsageError"
    assert "--nonsense" in ran.records[0]["message"]


def test_version(buckia):
    assert buckia("-V").out == buckia("--version").out != ""


def test_help_is_a_command_too(buckia):
    assert buckia("help").out == buckia("--help").out != ""
    assert buckia("help", "sync").out == buckia("sync", "--help").out != ""
    assert buckia("help", "trash", "restore").out == buckia("trash", "restore", "--help").out
    assert "'sync'" in buckia("help", "snyc").err


def test_a_wrong_command_names_the_nearest(buckia):
    assert "'sync'" in buckia("snyc").err


def test_the_log_goes_to_a_file_with_what_is_debugging(buckia, assets, tmp_path, monkeypatch):
    def speak(*_):
        logging.getLogger("buckia_core.x").debug("name \x1b[31m\nforged line")
        logging.getLogger("library").debug("chatter")
        logging.getLogger("library").warning("something is amiss")

    monkeypatch.setattr("buckia_core.cli.commands.sync.exit_code_for_result", lambda _: 0)
    monkeypatch.setattr("buckia_core.cli.commands.sync.run_sync", speak)
    ran = buckia("sync", "--log-file", "run.log")
    (debugging, warning) = (tmp_path / "run.log").read_text().splitlines()
    assert debugging.endswith(r"DEBUG buckia_core.x: name \x1b[31m\nforged line")
    assert warning.endswith("something is amiss")
    assert ran.err == "WARNING: something is amiss\n"


@pytest.mark.parametrize(
    ("options", "heard"),
    [
        (["-q"], {"ERROR"}),
        ([], {"ERROR", "WARNING"}),
        (["-v"], {"ERROR", "WARNING", "INFO"}),
        (["-vv"], {"ERROR", "WARNING", "INFO", "DEBUG"}),
        (["-vvv"], {"ERROR", "WARNING", "INFO", "DEBUG", "DEBUG of a library"}),
    ],
)
def test_how_much_is_heard_on_the_terminal(buckia, assets, monkeypatch, options, heard):
    def speak(*_):
        for level in ("DEBUG", "INFO", "WARNING", "ERROR"):
            logging.getLogger("buckia_core.x").log(getattr(logging, level), level)
        logging.getLogger("library").debug("DEBUG of a library")

    monkeypatch.setattr("buckia_core.cli.commands.sync.run_sync", speak)
    monkeypatch.setattr("buckia_core.cli.commands.sync.exit_code_for_result", lambda _: 0)
    logs = buckia("sync", *options, "--json").err.splitlines()
    assert {line.split(": ", 1)[1] for line in logs} == heard


def test_tracebacks_of_libraries_are_for_debugging(buckia, assets, tmp_path, monkeypatch):
    def speak(*_):
        error = ValueError("the token is expired")
        logging.getLogger("library").warning("Refreshing failed.", exc_info=error)

    monkeypatch.setattr("buckia_core.cli.commands.sync.exit_code_for_result", lambda _: 0)
    monkeypatch.setattr("buckia_core.cli.commands.sync.run_sync", speak)
    ran = buckia("sync", "--log-file", "run.log")
    assert ran.err == "WARNING: Refreshing failed: ValueError: the token is expired\n"
    traceback = ["ValueError: the token is expired"]
    assert (tmp_path / "run.log").read_text().splitlines()[1:] == traceback
    assert buckia("sync", "-vv").err.splitlines() == ["WARNING: Refreshing failed.", *traceback]


def test_secrets_do_not_get_into_the_log(buckia, assets, monkeypatch):
    def speak(*_):
        logging.getLogger("buckia_core.x").warning("GET /?X-Amz-Signature=0123456789abcdef")

    monkeypatch.setattr("buckia_core.cli.commands.sync.run_sync", speak)
    monkeypatch.setattr("buckia_core.cli.commands.sync.exit_code_for_result", lambda _: 0)
    ran = buckia("sync")
    assert "0123456789abcdef" not in ran.err
    assert "X-Amz-Signature" in ran.err


def test_json_is_in_ascii_whatever_the_names_are(buckia, assets):
    assets.objects = [_object("caf\udce9 \x1b[31m 日本.txt")]
    ran = buckia("ls", "--json")
    assert ran.out.isascii()
    assert json.loads(ran.out)["key"] == "caf\udce9 \x1b[31m 日本.txt"


def _object(key):
    from tests.unit.cli.conftest import remote

    return remote(key)


class TestEnvironment:
    def test_the_variable_names_the_configuration_and_options_take_precedence(self, tmp_path, monkeypatch, capsys):
        from buckia_core.cli.entry_point import main

        for name in ("one", "two"):
            (tmp_path / name).write_text(f"{name}: {{provider: memory}}\n")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("BUCKIA_CONFIG", "one")
        for arguments, expected in (
            (["trash", "list"], "one"),
            (["-c", "two", "trash", "list"], "two"),
            (["trash", "-c", "two", "list"], "two"),
            (["trash", "list", "-c", "two"], "two"),
        ):
            assert main([*arguments, "--json", "-b", "none"]) == 2
            assert str(tmp_path / expected) in capsys.readouterr().out, arguments

    def test_a_bad_log_level_is_an_error_that_names_the_variable(self, monkeypatch, capsys):
        from buckia_core.cli.entry_point import main

        monkeypatch.setenv("BUCKIA_LOG_LEVEL", "loud")
        assert main(["providers"]) == 2
        assert "BUCKIA_LOG_LEVEL must be one of error, warning, info, debug, not 'loud'" in capsys.readouterr().err
