"""`buckia sync --fetch-only` and `buckia apply`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.commands import ran


def test_changes_are_fetched_and_applied_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket, root = tmp_path / "bucket", tmp_path / "project"
    for directory in (bucket, root / "data"):
        directory.mkdir(parents=True)
    (root / ".buckia").write_text("b: {provider: file, root: ../bucket, paths: [data/]}")
    (bucket / "a").write_text("1")
    monkeypatch.chdir(root)
    (record,) = ran(capsys, "sync", "--fetch-only", "--json").records
    assert (record["type"], record["fetched"], record["kept"], record["errors"]) == ("fetched", 1, 0, {})
    assert "1 change to apply, 0 fetched" in ran(capsys, "sync", "--fetch-only", "a").out
    assert not (root / "data" / "a").exists()
    assert ran(capsys, "apply", "--dry-run", "--json").records[-1]["downloaded"] == 1
    assert ran(capsys, "apply", "--json").records[-1]["downloaded"] == 1
    assert (root / "data" / "a").read_text() == "1"
    refused = ran(capsys, "sync", "--fetch-only", "--dry-run")
    assert refused.code == 2 and "--dry-run" in refused.err
