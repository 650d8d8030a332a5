"""Building the wheels and source distributions of all packages."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.packaging.environments import clean

ROOT = Path(__file__).resolve().parents[2]

PROJECTS = {
    "buckia_b2": ROOT / "buckia_b2",
    "buckia_bunny": ROOT / "buckia_bunny",
    "buckia_core": ROOT / "buckia_core",
    "buckia_linode": ROOT / "buckia_linode",
    "buckia_s3": ROOT / "buckia_s3",
    "buckia": ROOT,
}
"""Name of a distribution in file names to the directory of its pyproject.toml."""


@dataclass(frozen=True, slots=True)
class Built:
    """Where the distributions are."""

    directory: Path

    def wheel(self, name: str) -> Path:
        (found,) = self.directory.glob(f"{name}-[0-9]*.whl")
        return found

    def sdist(self, name: str) -> Path:
        (found,) = self.directory.glob(f"{name}-[0-9]*.tar.gz")
        return found


def build_all(directory: Path) -> Built:
    build_wheels(directory, *PROJECTS.values())
    for project in PROJECTS.values():
        _run("hatchling", "build", "--target", "sdist", "--directory", directory, cwd=project)
    return Built(directory)


def build_wheels(directory: Path, *sources: Path) -> None:
    """Build a wheel of each project directory or source distribution."""
    _run("pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", directory, *sources)


def _run(*command: str | Path, cwd: Path = ROOT) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=cwd,
        env=clean(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
