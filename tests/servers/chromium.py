"""Chromium without a window, which opens a URL as a person's browser does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, ClassVar

from tests.servers.s3_server import Available

_NAMES = ("chromium", "chromium-browser", "google-chrome")

_PAGE = """<!doctype html><meta charset=utf-8><pre id=found></pre><script>
const url = %s, found = {};
function shown(text) { document.getElementById("found").textContent = text; document.title = "done"; }
const image = new Image();
image.onload = () => { found.width = image.naturalWidth; shown(JSON.stringify(found)); };
image.onerror = () => { found.width = 0; shown(JSON.stringify(found)); };
image.src = url;
</script>"""


@dataclass(frozen=True, slots=True)
class Chromium:
    """The browser.

    Attributes:
        path: The program.
        directory: A directory for profiles and pages.
    """

    name: ClassVar[str] = "chromium"

    path: str
    directory: Path

    @classmethod
    def available(cls) -> Available:
        """Tell whether it is installed."""
        if sys.platform != "linux" or cls.find() is None:
            return Available("there is no Chromium (Debian: apt-get install chromium)")
        return Available()

    @staticmethod
    def find() -> str | None:
        """Return its path."""
        return next((path for name in _NAMES if (path := shutil.which(name))), None)

    def image_width(self, url: str) -> int:
        """Return the width of the image that a page with this URL as an image shows; 0 if it shows none."""
        page = self.directory / "page.html"
        page.write_text(_PAGE % json.dumps(url), "utf-8")
        found = re.search(r"<pre id=.?found.?>(.*?)</pre>", self.document(page.as_uri()), re.DOTALL)
        assert found is not None
        told: dict[str, Any] = json.loads(unescape(found[1]))
        return int(told["width"])

    def document(self, url: str) -> str:
        """Return the document that the browser shows for a URL. An image that is shown inline is an `<img>` in it."""
        command = [
            *(self.path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *(f"--user-data-dir={self.directory / 'profile'}", "--no-first-run", "--disable-background-networking"),
            *("--no-proxy-server", "--virtual-time-budget=10000", "--dump-dom", url),
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=90).stdout
