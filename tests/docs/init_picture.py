"""Picture of `buckia init` at a terminal for Getting started: `make picture` writes `docs/init.svg`.

Runs the real command against moto's S3 server, types the answers, and draws the screen as
`examples/quickstart/picture.py` does. The address of the server is replaced by one that is the same each time.
"""

from __future__ import annotations

import importlib.util
import re
import tempfile
from pathlib import Path
from types import ModuleType

from tests.docs.pages import ROOT
from tests.e2e.terminal import Terminal
from tests.servers.moto_server import MotoServer
from tests.servers.s3_server import S3Server

PICTURE = ROOT / "docs" / "init.svg"
ENDPOINT = "https://s3.example.com"
SECRET = "your-secret-access-key"


def load_drawing() -> ModuleType:
    """Import the program that draws terminals."""
    spec = importlib.util.spec_from_file_location("picture", ROOT / "examples" / "quickstart" / "picture.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record(server: S3Server) -> list[str]:
    """Run `init` in a small project, and return the lines on the screen."""
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory, "site")
        for name in ("assets/logo.svg", "dist/index.html", "src/page.md"):
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("content\n")
        (project / ".gitignore").write_text("/dist/\n*.tmp\n")
        server.client().create_bucket(Bucket="my-site")
        answers = (
            ("Provider", "s3"), ("Name of the bucket", ""), ("bucket_name", "my-site"),
            ("endpoint_url", server.endpoint), ("access_key_id", "your-key-id"), ("secret_access_key", SECRET),
            ("Folders to sync", ""), ("Leave out what", ""), ("Check the connection", ""),
        )  # fmt: skip
        home = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "BUCKIA_CONFIG_DIR"), directory)
        Path(directory, "config.toml").write_text('default_store = "file"\n')
        terminal = Terminal(project, "init", TZ="UTC", **home)
        try:
            for question, answer in answers:
                terminal.wait_for(question)
                seen = terminal.text.index(question) + len(question)
                terminal.before, terminal.text = terminal.before + terminal.text[:seen], terminal.text[seen:]
                terminal.type(f"{answer}\n")
            assert terminal.wait() == 0, terminal.before + terminal.text
        finally:
            terminal.close()
        # macOS has another name for the directory, too.
        shown = (terminal.before + terminal.text).replace(str(project.resolve()), "/home/me/site")
        shown = shown.replace(str(project), "/home/me/site").replace(server.endpoint, ENDPOINT)
    # What differs between machines, and the adapter of the example, which only contributors have installed.
    shown = shown.replace("dirstore, ", "").replace("dirstore 0.1.0, ", "")
    shown = re.sub(r"Python [\d.]+, \w+ \S+", "Python 3.13.1, Linux 6.12.0", shown)
    lines: list[str] = load_drawing().screen(shown)
    return ["\x1b[1m$ buckia init\x1b[0m", *lines]


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, MotoServer.running(Path(directory)) as server:
        PICTURE.write_text(load_drawing().draw(record(server)), "utf-8")
    print(f"{PICTURE} is written.")


if __name__ == "__main__":
    main()
