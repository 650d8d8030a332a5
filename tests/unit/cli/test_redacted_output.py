"""Every line of output is redacted and sanitized."""

from __future__ import annotations

import json
import logging
import os
import stat
import warnings
from types import SimpleNamespace
from typing import Any

import pytest

from buckia_core import errors
from buckia_core.cli.exit_codes import ExitCode
from buckia_core.cli.options import Options
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.prompts import confirm
from buckia_core.config.secrets.secret import Secret
from buckia_core.planning.plan import Action, Reason
from buckia_core.syncing.events import Status
from tests.unit.cli.conftest import NOON, FakeClient, conflict, operation, remote
from tests.unit.commands import ran as run_command

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCY"
ODD = f"it said {SECRET}\x1b[2J\u202e\nAuthorization: Basic abc"


@pytest.fixture(autouse=True)
def secret():
    return Secret(SECRET)


@pytest.fixture
def output():
    return Output(Options())


@pytest.mark.parametrize("way", ["result", "say", "note", "error", "failed"])
def test_a_line_has_no_secret_and_no_control_character(output, capsys, way):
    given: list[Any] = [{}] if way == "result" else ["a"] if way == "failed" else []
    getattr(output, way)(*given, ODD)
    out, err = capsys.readouterr()
    assert SECRET not in out + err and "***" in out + err
    assert (out + err).count("\n") == 1 and "\x1b" not in out + err and "\u202e" not in out + err


def test_only_messages_lose_what_looks_like_a_credential(output, capsys):
    for say in (output.say, output.error, output.note, lambda line: output.result({}, line)):
        say("a?token=x")
    output.failed("a?token=x", "password=y")
    out, err = capsys.readouterr()
    assert out == "a?token=x\n" * 2
    assert err == "a?token=***\n" * 2 + "failed: a?token=x: password=***\n"


def test_a_record_keeps_names_and_loses_secrets_in_all_else(output, capsys):
    output.options.json = True
    output.result(
        {
            "key": f"a/{SECRET}",
            "path": f"b/{SECRET}",
            "prefix": SECRET,
            "error": ODD,
            "message": "password=x",
            "reason": f"refused: {SECRET}",
            "metadata": {"a": SECRET, "key": f"x-{SECRET}"},
            "list": [SECRET, 1, None, {"b": f"{SECRET}!"}],
            "size": 3,
        }
    )
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "key": f"a/{SECRET}",
        "path": f"b/{SECRET}",
        "prefix": SECRET,
        "error": "it said ***\x1b[2J\u202e\nAuthorization: ***",
        "message": "password=***",
        "reason": "refused: ***",
        "metadata": {"a": "***", "key": "x-***"},
        "list": ["***", 1, None, {"b": "***!"}],
        "size": 3,
    }


def test_names_in_records_are_lossless(output, capsys):
    output.options.json = True
    names = ["\udcff\x1b[31m", "a\nb", "\u202e", 'quote"\\']
    for name in names:
        output.record({"key": name, "error": None})
    assert [json.loads(line)["key"] for line in capsys.readouterr().out.splitlines()] == names


@pytest.mark.parametrize("as_json", [False, True])
def test_a_secret_that_was_asked_for_is_shown(output, capsys, as_json):
    output.options.json = as_json
    output.disclose({"secret": SECRET}, f"secret  {SECRET}")
    assert SECRET in capsys.readouterr().out


def test_a_secret_that_its_owner_has_forgotten_is_still_hidden(output, capsys):
    short_lived = Secret("another-secret-0123456789")
    output.remember_secrets()
    del short_lived
    output.error("another-secret-0123456789")
    assert capsys.readouterr().err == "***\n"


# --- commands ----------------------------------------------------------------------------------------------


def everything_fails(assets):
    """Let each thing that the bucket is asked for repeat the secret."""
    error = errors.AdapterError(ODD, provider="p", key="a", request_id=SECRET)
    assets.does(operation(Action.UPLOAD, "a", Reason.NEW_LOCAL), status=Status.FAILED, error=f"x {SECRET}")
    assets.does(operation(Action.REFUSE, "a", Reason.REFUSED_KEY, detail=str(error)), status=Status.FAILED, error=ODD)
    assets.objects = [remote("a")._replace(fingerprint=SECRET, version=SECRET, metadata={"m": SECRET})]
    assets.differ = [SimpleNamespace(key="a", what=ODD)]
    assets.left = [conflict("a", reason=ODD)]
    assets.counts = {"errors": [], "failed": 1}
    return error


COMMANDS = [
    ["sync"],
    ["sync", "-v"],
    ["sync", "-n"],
    ["status"],
    ["check"],
    ["conflicts"],
    ["conflicts", "resolve", "a", "--keep", "local"],
    ["trash"],
    ["trash", "empty"],
    ["trash", "empty", "--yes"],
    ["history"],
    ["ls"],
    ["ls", "-r", "-l"],
    ["stat", "a"],
    ["get", "a", "target"],
    ["get", "a", ".buckia"],
    ["put", ".buckia", "a"],
    ["cp", "a", "b"],
    ["rm", "a"],
    ["rm", "-r", "a"],
    ["rm", "-r", "a", "--yes"],
    ["versions"],
    ["restore", "a"],
    ["providers"],
    ["init"],
    ["no-such-command"],
    ["sync", "--no-such-option"],
    ["sync", "-b", "nope"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("as_json", [False, True])
def test_no_command_shows_a_secret_and_json_is_nothing_but_json(buckia, assets, arguments, fails, as_json, monkeypatch):
    error = everything_fails(assets)
    if fails:
        assets.error = error

    def speak(*_, **__):
        logging.getLogger("library").warning("careful: %s", SECRET)
        warnings.warn(f"careful with {SECRET}", UserWarning, stacklevel=1)

    monkeypatch.setattr("buckia_core.cli.context.CliContext.buckets", noisy(speak))
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        ran = buckia(*arguments, *(["--json"] if as_json else []))
    assert SECRET not in ran.out + ran.err and "\x1b" not in ran.out + ran.err
    assert (
        "***" in ran.out + ran.err or arguments[0] in ("providers", "init", "no-such-command") or "--no-such" in ran.err
    )
    if as_json:
        assert all(isinstance(record, dict) for record in ran.records)


def noisy(speak):
    from buckia_core.cli.context import CliContext

    buckets = CliContext.buckets

    def found(self):
        speak()
        return buckets(self)

    return found


def test_the_cause_of_an_error_is_hidden_in_a_traceback_too(buckia, assets):
    assets.error = errors.AdapterError("no")
    assets.error.__cause__ = ValueError(f"the server said\n{SECRET[:10]}\n{SECRET[10:]} and {SECRET}")
    ran = buckia("sync", "-vv")
    assert "ValueError: the server said" in ran.err and "AdapterError" in ran.err
    assert SECRET not in ran.err and SECRET[:10] not in ran.err and "***" in ran.err


def test_an_unexpected_error_is_hidden_as_well(buckia, assets):
    assets.error = ValueError(ODD)
    ran = buckia("stat", "a")
    assert ran.code == 1
    assert ran.err.startswith(r"buckia: unexpected ValueError: it said ***\x1b[2J\u202e\nAuthorization: ***")


# --- one bucket fails alone --------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RecursionError("deep"), ValueError("digits"), KeyError("files"), AssertionError()])
def test_a_bucket_fails_alone_whatever_it_is(buckia, buckets, error):
    buckets["assets"].error = error
    ran = buckia("sync", "--json")
    assert ran.code == ExitCode.FAILED
    assert f"buckia: assets: unexpected {type(error).__name__}" in ran.err
    assert [(record["type"], record["bucket"]) for record in ran.records] == [
        ("error", "assets"),
        ("summary", "backup"),
    ]


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (MemoryError(), 1)])
def test_what_is_about_no_bucket_ends_the_command(buckia, buckets, error, code):
    buckets["assets"].error = error
    assert buckia("sync").code == code
    assert buckets["backup"].calls == []


# --- the log file ------------------------------------------------------------------------------------------


@pytest.fixture
def logged(assets, monkeypatch):
    def speak(*_):
        logging.getLogger("urllib3.connectionpool").debug('"GET /?X-Amz-Signature=abc" %s', SECRET)
        logging.getLogger("botocore.auth").debug("Authorization: AWS4 x")
        logging.getLogger("b2sdk").debug('{"authorizationToken": "4_abc"}')

    monkeypatch.setattr("buckia_core.cli.commands.sync.exit_code_for_result", lambda _: 0)
    monkeypatch.setattr("buckia_core.cli.commands.sync.run_sync", speak)


def test_what_libraries_log_is_hidden(buckia, logged, project):
    ran = buckia("sync", "-vvv", "--log-file", "run.log")
    text = ran.err + (project / "run.log").read_text()
    assert text.count("X-Amz-Signature=***") == text.count("Authorization: ***") == 2
    assert SECRET not in text and "4_abc" not in text and "AWS4" not in text


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes and owners")
class TestLogFile:
    def test_a_new_one_is_for_its_owner(self, buckia, logged, project):
        before = os.umask(0)
        try:
            buckia("sync", "--log-file", "run.log")
        finally:
            os.umask(before)
        assert stat.S_IMODE((project / "run.log").stat().st_mode) == 0o600

    def test_one_that_exists_is_appended_to_and_keeps_its_mode(self, buckia, logged, project):
        (project / "run.log").write_text("before\n")
        (project / "run.log").chmod(0o640)
        buckia("sync", "-vvv", "--log-file", "run.log")
        assert (project / "run.log").read_text().startswith("before\n")
        assert stat.S_IMODE((project / "run.log").stat().st_mode) == 0o640

    def test_a_link_of_the_user_is_followed(self, buckia, logged, project):
        (project / "link.log").symlink_to("run.log")
        assert buckia("sync", "-vvv", "--log-file", "link.log").code == 0
        assert (project / "run.log").read_text()

    def test_a_link_of_another_user_is_refused(self, buckia, logged, project, monkeypatch):
        (project / "victim").write_text("")
        (project / "link.log").symlink_to("victim")
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        if (project / "link.log").lstat().st_uid == 0:
            # Run as root, where each link is one of the system.
            os.chown(project / "link.log", 54321, -1, follow_symlinks=False)
        ran = buckia("sync", "-vvv", "--log-file", "link.log")
        assert ran.code == ExitCode.PERMISSION
        assert "link.log: is a link that another user made" in ran.err
        assert (project / "victim").read_text() == ""


def test_a_question_has_no_secret(monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr("buckia_core.cli.terminal.prompts.can_ask", lambda _: True)
    monkeypatch.setattr("click.confirm", lambda question, **_: asked.append(question))
    confirm(Output(Options()), f"All below {SECRET}\x1b[2J will be deleted. Go on?", yes=False)
    assert asked == [r"All below ***\x1b[2J will be deleted. Go on?"]


def test_a_check_of_doctor_fails_alone_and_shows_no_secret(buckia, assets, monkeypatch):
    def adapter(self):
        raise ValueError(ODD)

    monkeypatch.setattr(FakeClient, "adapter", property(adapter), raising=False)
    ran = buckia("doctor")
    assert ran.code == 1
    (problem,) = [line for line in ran.out.splitlines() if line.startswith("PROBLEM")]
    assert "internal error, ValueError: it said ***" in problem
    assert "clock" in ran.out and "disk" in ran.out


def test_history_of_earlier_versions_is_hidden_when_it_is_shown(capsys, assets):
    from buckia_core.syncing.events import FileError, SyncResult

    assets.runs = [SyncResult(bucket="assets", started=NOON, failed=1, errors=[FileError("a", f"said {SECRET}")])]
    assert SECRET not in run_command(capsys, "history", "--json").out
