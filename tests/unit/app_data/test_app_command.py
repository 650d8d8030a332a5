"""`buckia app`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.commands import ran
from tests.unit.syncing.databases.database import make_database

CONFIG = """
app:
  provider: file
  root: ../bucket
  app: {documents: ., user: bob, demo: team, database: App.sqlite}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (tmp_path / "bucket" / "team").mkdir(parents=True)
    (root / "bob").mkdir(parents=True)
    (root / ".buckia").write_text(CONFIG)
    (root / "bob" / "note.txt").write_text("mine")
    make_database(root / "App.sqlite", "wal", 7).close()
    make_database(tmp_path / "bucket" / "team" / "App.sqlite", "delete", 1, 2).close()
    monkeypatch.chdir(root)
    return root


def run(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    result = ran(capsys, *words, "--json")
    assert result.code == 0, result
    return result.records


def test_each_command_reports_what_it_did(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(capsys, "app", "status")[-1]
    assert (status["user_operations"], status["demo_operations"], status["has_demo_database"]) == (2, 1, False)
    assert "could be guessed" in str(status["warnings"])
    assert run(capsys, "app", "backup", "--dry-run")[-1]["uploaded"] == 2
    assert run(capsys, "app", "backup")[-1]["uploaded"] == 2
    assert run(capsys, "app", "update-demo")[-1]["downloaded"] == 1
    (table,) = run(capsys, "app", "apply-demo", "--dry-run")
    assert (table["table"], table["added"], table["dry_run"]) == ("item", 2, True)
    assert run(capsys, "app", "apply-demo")[-1]["added"] == 2
    assert run(capsys, "app", "restore", "--yes")[-1]["downloaded"] == 1
    assert run(capsys, "app", "reset", "--yes")[-1]["files"] == 1
    assert run(capsys, "app", "reset", "--everywhere", "--yes")[-1]["deleted_remote"] == 1
    assert [each["dry_run"] for each in run(capsys, "app", "restore", "--from-trash", "--dry-run")] == [True] * 2
    assert not (project / "bob" / "note.txt").exists()
    restored = run(capsys, "app", "restore", "--from-trash", "--yes")
    assert {each["type"] for each in restored} == {"restored"}
    assert {each["path"] for each in restored} == {str(project / "bob" / "note.txt"), str(project / "App.sqlite")}
    assert (project / "bob" / "note.txt").read_text() == "mine"
    (user,) = run(capsys, "app", "new-user", "--replace")
    assert run(capsys, "app", "status")[-1]["user"] == user["user"] and len(str(user["user"])) == 26
    assert run(capsys, "app", "status")[-1]["warnings"] == []
    assert ran(capsys, "app", "new-user").code == 2


def test_a_backup_without_the_database_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no database" not in (backup := ran(capsys, "app", "backup")).out + backup.err
    (project / "App.sqlite").unlink()
    result = ran(capsys, "app", "backup")
    assert result.code == 0 and "App.sqlite, so it was not backed up" in result.out + result.err


@pytest.mark.parametrize("by_setting", [True, False])
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_table_to_leave_out_must_exist(
    project: Path, capsys: pytest.CaptureFixture[str], by_setting: bool, dry_run: bool
) -> None:
    run(capsys, "app", "update-demo")
    words = ["app", "apply-demo", *(["--dry-run"] if dry_run else [])]
    if by_setting:
        (project / ".buckia").write_text(CONFIG.replace("App.sqlite}", "App.sqlite, leave_out: [itme]}"))
    else:
        words += ["--leave-out", "itme"]
    before = (project / "App.sqlite").read_bytes()
    result = ran(capsys, *words)
    assert result.code == 2, result
    assert "no table 'itme'" in result.err and "Did you mean 'item'?" in result.err
    assert (project / "App.sqlite").read_bytes() == before
    assert run(capsys, "trash", "list") == []
    (project / ".buckia").write_text(CONFIG)
    assert run(capsys, "app", "apply-demo", "--leave-out", "ITEM")[0]["left_out"]


@pytest.mark.parametrize(
    ("backup", "words", "expected"),
    [("true", [], "next sync or backup"), ("true", ["--everywhere"], "It also replaces"), ("false", [], None)],
)
def test_question_of_a_reset_says_that_the_database_in_the_bucket_is_replaced(
    project: Path, capsys: pytest.CaptureFixture[str], backup: str, words: list[str], expected: str | None
) -> None:
    (project / ".buckia").write_text(CONFIG.replace("user: bob", f"user: bob, backup: {backup}"))
    result = ran(capsys, "app", "reset", *words)
    assert result.code != 0 and (project / "bob" / "note.txt").exists()
    assert (expected or "Move the user's files") in result.err
    assert ("database in the bucket" in result.err) is (expected is not None)
