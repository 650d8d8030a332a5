"""A locale that is not UTF-8, which is created for a test run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from tests.disks.mounting import which
from tests.servers.process import ServerFailed
from tests.servers.s3_server import Available


class LatinLocale:
    """`en_US` in ISO-8859-1, as old servers and cron jobs have it."""

    name: ClassVar[str] = "localedef"

    @staticmethod
    def available() -> Available:
        """Tell whether it can be made here."""
        if sys.platform != "linux":
            return Available("locales are made on Linux only")
        if which("localedef") is None or not Path("/usr/share/i18n/locales/en_US").exists():
            return Available("there is no localedef, or nothing to make a locale of (Debian: apt-get install locales)")
        return Available()

    @staticmethod
    def make(directory: Path) -> dict[str, str]:
        """Make it, and return the environment variables that choose it."""
        command = [which("localedef") or "", "-i", "en_US", "-f", "ISO-8859-1", str(directory / "en_US")]
        made = subprocess.run(command, check=False, capture_output=True, text=True)
        if not (directory / "en_US").exists():
            raise ServerFailed(f"localedef: {made.stdout}{made.stderr}")
        return {"LC_ALL": "en_US", "LOCPATH": str(directory), "PYTHONUTF8": "", "PYTHONCOERCECLOCALE": "0"}
