"""bunny.net's own TypeScript client, installed for one test run."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from ..process import clean_environment
from ..s3_server import Available
from .server import BunnyServer, BunnyZone

PACKAGE: Final = "@bunny.net/storage-sdk@0.3.1"
_PROGRAM: Final = Path(__file__).with_name("sdk_client.mjs")


@dataclass(frozen=True, slots=True)
class NodeSdk:
    """An installed client."""

    name: ClassVar[str] = "bunny-sdk"

    folder: Path

    @classmethod
    def install(cls, folder: Path) -> tuple[Available, Self | None]:
        """Install the client below `folder`. Return whether that can be done here, and the client where it can."""
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            return Available("the client of Bunny cannot run: node or npm not found"), None
        command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
        try:
            done = subprocess.run(
                command,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=120,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Available(f"npm did not install {PACKAGE} within 120 s"), None
        if done.returncode != 0:
            reason = done.stderr.decode(errors="replace").strip()[-300:]
            return Available(f"npm could not install {PACKAGE}: {reason}"), None
        shutil.copy(_PROGRAM, folder)
        return Available(), cls(folder)

    def use(self, server: BunnyServer, zone: BunnyZone) -> dict[str, Any]:
        """Let the client work on an empty zone; return what it was told, as the program names it."""
        node = shutil.which("node")
        assert node is not None
        given = json.dumps({"name": zone.name, "key": zone.password, "hosts": server.storage})
        done = subprocess.run(
            [node, _PROGRAM.name, given],
            cwd=self.folder,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        results: dict[str, Any] = json.loads(done.stdout)
        return results
