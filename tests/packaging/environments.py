"""Fresh virtual environments that need no network: third-party packages are copied from the running one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from subprocess import PIPE, STDOUT

from packaging.requirements import Requirement

OURS = {"buckia", "buckia-b2", "buckia-bunny", "buckia-core", "buckia-linode", "buckia-s3"}


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment without pip of its own; the running environment's pip works on it."""

    root: Path

    @classmethod
    def make(cls, root: Path) -> Environment:
        venv.create(root, with_pip=False, symlinks=os.name != "nt")
        return cls(root)

    def path(self, kind: str) -> Path:
        return Path(sysconfig.get_path(kind, "venv", {"base": str(self.root), "platbase": str(self.root)}))

    @property
    def python(self) -> Path:
        return self.path("scripts") / ("python.exe" if os.name == "nt" else "python")

    def run(self, *command: str | Path, cwd: Path | None = None, code: int = 0) -> str:
        """Run a program, a script of this environment first, and return all that it printed."""
        name, *arguments = map(str, command)
        program = shutil.which(name, path=str(self.path("scripts"))) or name
        done = subprocess.run(
            [program, *arguments],
            cwd=cwd or self.root,
            env=clean(),
            stdout=PIPE,
            stderr=STDOUT,
            encoding="utf-8",
            timeout=240,
            check=False,
        )
        assert done.returncode == code, f"{command} ended with {done.returncode}\n{done.stdout}"
        return done.stdout

    def pip(self, *arguments: str | Path) -> str:
        """Run pip on this environment, cut off from every index."""
        return self.run(sys.executable, "-m", "pip", "--python", self.python, "--no-input", *arguments)

    def copy_third_parties(self, *requirements: str) -> None:
        """Copy what the requirements need from the running environment, except for our own packages."""
        for name in sorted(closure(requirements) - OURS):
            distribution = metadata.distribution(name)
            for file in distribution.files or ():
                if ".." not in file.parts and file.suffix != ".pyc":
                    target = self.path("purelib") / file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(str(file.locate()), target)


def clean() -> dict[str, str]:
    """Return an environment in which neither pip nor Python is told to look anywhere else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV"))}
    return kept | {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def closure(requirements: tuple[str, ...]) -> set[str]:
    """Return the names of all distributions that the requirements need, as far as this Python needs them."""
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(text), "") for text in requirements]
    while waiting:
        requirement, _ = waiting.pop()
        name = requirement.name.lower().replace("_", "-")
        found.add(name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for text in metadata.requires(requirement.name) or ():
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    waiting.append((needed, extra))
    return found
