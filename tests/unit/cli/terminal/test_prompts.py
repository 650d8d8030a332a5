from contextlib import contextmanager

import click
import pytest

from buckia_core.cli.options import Options
from buckia_core.cli.terminal.output import Output
from buckia_core.cli.terminal.prompts import ConflictPrompt
from buckia_core.planning.plan import Action, Reason
from buckia_core.planning.policy import ConflictPolicy
from tests.unit.cli.conftest import operation, remote


@pytest.fixture
def answers(monkeypatch):
    """What a person answers, one after the other."""
    given: list[str] = []
    monkeypatch.setattr(click, "prompt", lambda *_, **__: given.pop(0))
    return given


def conflict(key):
    return operation(Action.CONFLICT, key, Reason.CONFLICT, remote=remote(key))


@pytest.mark.parametrize(
    ("answer", "policy"),
    [
        ("l", ConflictPolicy.LOCAL_WINS),
        ("r", ConflictPolicy.REMOTE_WINS),
        ("b", ConflictPolicy.KEEP_BOTH),
        ("s", None),
    ],
)
def test_a_letter_decides_one_conflict_and_a_capital_all(answers, answer, policy):
    ask = ConflictPrompt(Output(Options())).as_callback()
    answers += [answer, answer.upper()]
    assert [ask(conflict(key)) for key in "abcd"] == [policy] * 4
    assert answers == []


def test_the_terminal_is_held_while_the_question_is_asked(answers):
    held = []

    @contextmanager
    def hold():
        held.append("held")
        yield
        held.append("given back")

    answers += ["l"]
    assert ConflictPrompt(Output(Options())).as_callback(hold)(conflict("a"))
    assert held == ["held", "given back"]


def test_both_versions_are_shown_safely(answers, capsys):
    answers += ["s"]
    ConflictPrompt(Output(Options())).as_callback()(conflict("evil\x1b[2J"))
    shown = capsys.readouterr().err
    assert r"evil\x1b[2J: changed on both sides" in shown
    assert "local:         3 B, 2026-" in shown
    assert "in the bucket: 3 B, 2026-" in shown


def test_a_time_that_the_server_does_not_tell_is_shown_as_none(answers, capsys):
    answers += ["s"]
    unknown = remote("a")._replace(modified_ns=0, mtime_ns=None)
    ConflictPrompt(Output(Options())).as_callback()(operation(Action.CONFLICT, "a", Reason.CONFLICT, remote=unknown))
    assert "in the bucket: 3 B, -\n" in capsys.readouterr().err


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr("buckia_core.cli.terminal.prompts.is_terminal", lambda _: True)


@pytest.mark.usefixtures("terminal")
class TestAtATerminal:
    def test_conflicts_are_asked_about_where_nothing_decides_them(self, buckia, assets):
        buckia("sync")
        asked = assets.asked("sync")
        assert asked["conflict"] is ConflictPolicy.ASK
        assert callable(asked["ask"])

    def test_an_option_decides(self, buckia, assets):
        buckia("sync", "--conflict", "local_wins")
        assert assets.asked("sync")["conflict"] is ConflictPolicy.LOCAL_WINS

    def test_the_configuration_decides(self, buckia, assets, project):
        (project / ".buckia").write_text("assets: {provider: memory, conflict_resolution: remote_wins}")
        buckia("sync")
        assert assets.asked("sync")["conflict"] is None

    @pytest.mark.parametrize("option", ["--yes", "--json", "--dry-run"])
    def test_nothing_is_asked(self, buckia, assets, option):
        buckia("sync", option)
        assert "ask" not in assets.asked("sync")

    def test_a_no_deletes_nothing(self, buckia, assets, monkeypatch):
        monkeypatch.setattr(click, "confirm", lambda *_, **__: False)
        ran = buckia("trash", "empty")
        assert ran.code == 1
        assert ran.err == "Nothing was deleted.\n"
        assets.objects = [remote("a/b")]
        assert buckia("rm", "-r", "a").code == 1
        assert [call for call, _ in assets.calls if call != "list"] == []
