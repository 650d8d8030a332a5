"""The official `b2` command works against the B2 server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.b2.server import B2Account

B2 = Callable[..., str]


@pytest.fixture
def b2(b2_account: B2Account, tmp_path: Path) -> B2:
    program = shutil.which("b2", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("no b2 command beside this Python (pip install b2)")
    environment = b2_account.environment(tmp_path)

    def run(*arguments: str, exit_code: int = 0) -> str:
        done = subprocess.run(
            [program, *arguments],
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )
        assert done.returncode == exit_code, done.stderr
        return done.stdout if exit_code == 0 else done.stderr

    return run


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def files_in(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_files_by_command(b2: B2, b2_account: B2Account, tmp_path: Path) -> None:
    bucket = b2_account.new_bucket()
    b2("account", "authorize")
    local = write(tmp_path, {"a.txt": "hello"}) / "a.txt"
    b2("file", "upload", "--no-progress", bucket, str(local), "d/ü a.txt")
    assert b2("ls", "--recursive", f"b2://{bucket}").splitlines() == ["d/ü a.txt"]
    b2("file", "download", "--no-progress", f"b2://{bucket}/d/ü a.txt", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "hello"
    b2("file", "hide", f"b2://{bucket}/d/ü a.txt")
    b2("rm", "--recursive", "--versions", "--no-progress", f"b2://{bucket}")
    assert b2("ls", "--recursive", "--versions", f"b2://{bucket}") == ""
    b2("bucket", "delete", bucket)


def test_sync_both_ways(b2: B2, b2_account: B2Account, tmp_path: Path) -> None:
    bucket = b2_account.new_bucket()
    files = {"a": "1", "d/b": "2", "d/e/c": "3"}
    here, there = write(tmp_path / "here", files), tmp_path / "there"
    there.mkdir()
    b2("account", "authorize")
    b2("sync", "--no-progress", str(here), f"b2://{bucket}")
    b2("sync", "--no-progress", f"b2://{bucket}", str(there))
    assert files_in(there) == files
    (here / "a").unlink()
    b2("sync", "--no-progress", "--delete", str(here), f"b2://{bucket}")
    b2("sync", "--no-progress", "--delete", f"b2://{bucket}", str(there))
    assert files_in(there) == {"d/b": "2", "d/e/c": "3"}


def test_a_wrong_key_is_told(b2: B2) -> None:
    assert "unauthorized" in b2("account", "authorize", "000000000000", "wrong", exit_code=1).lower()
