"""The session that runs the examples notices what a page shows wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import Block
from tests.docs.sessions import SHELL, Session, constant, make_project

pytestmark = pytest.mark.skipif(SHELL is None, reason="there is no shell to run examples in")


def block(text: str, *, language: str = "sh", **notes: str) -> Block:
    return Block(Path(__file__), 1, language, (), text, notes)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(make_project(tmp_path), {"my-bucket": "real-bucket"})


def test_output_is_compared_without_times(session):
    session.play(block("echo 'my-bucket: 2 files, 1.5 s'; echo more"))
    session.play(block("my-bucket: 2 files, 0.0 s\nmore\n", language="text", output=""))
    session.play(block("more\n…\n", language="text", output=""))


@pytest.mark.parametrize("shown", ["2 files\n", "3 files\nmore\n", "2 files\nmore\nless\n"])
def test_a_line_too_few_another_one_and_one_too_many_are_noticed(session, shown):
    session.play(block("echo '2 files'; echo more"))
    with pytest.raises(AssertionError):
        session.play(block(shown, language="text", output=""))


def test_an_exit_code_is_noticed(session):
    with pytest.raises(AssertionError):
        session.play(block("false"))
    session.play(block("false", exit="1"))


def test_variables_and_the_directory_stay_from_block_to_block(session):
    session.play(block("mkdir ../other\ncd ../other\nexport NAME=value"))
    assert session.execute('echo "$NAME ${PWD##*/}"') == "value other\n"


def test_an_id_of_the_page_stands_for_the_real_one(session):
    session.play(block("echo 20261130T143417-df9678e0 cat.png"))
    session.play(block("20260504T101531-5f0c1d2e cat.png\n", language="text", output=""))
    assert session.execute("echo 20260504T101531-5f0c1d2e") == "20261130T143417-df9678e0\n"


def test_what_varies_is_left_out():
    assert constant("  at 2026-11-30 14:34:17   took 0.3 s ") == "at TIME took DURATION"
