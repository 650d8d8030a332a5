"""`buckia init` at a terminal, from nothing to a first sync: on Ceph, B2 and bunny.net."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from buckia_core.config import load
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")


class Person:
    """A person who answers questions at a terminal, in a home without any configuration."""

    def __init__(self, directory: Path) -> None:
        self.project = directory / "project"
        self.project.mkdir()
        self.environ = {"HOME": str(directory), "XDG_CONFIG_HOME": str(directory), "BUCKIA_CONFIG_DIR": str(directory)}
        self.terminals: list[Terminal] = []

    def run(self, *arguments: str, answers: tuple[tuple[str, str], ...] = ()) -> str:
        """Run a command, type each answer after its question, and return what was on the screen."""
        terminal = Terminal(self.project, *arguments, PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring",
                            **self.environ)  # fmt: skip
        self.terminals.append(terminal)
        for question, answer in answers:
            terminal.wait_for(question)
            seen = terminal.text.index(question) + len(question)
            terminal.type(f"{answer}\n")
            terminal.text, terminal.before = terminal.text[seen:], terminal.before + terminal.text[:seen]
        assert terminal.wait() == 0, terminal.before + terminal.text
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.before + terminal.text)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    person = Person(tmp_path)
    for name in ("assets/a.txt", "dist/index.html", "dist/debug.log", "src/main.py"):
        path = person.project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    (person.project / ".gitignore").write_text("/dist/\n*.log\n")
    yield person
    for each in person.terminals:
        each.close()


CONTENT = (("Folders to sync", ""), ("Leave out what .gitignore leaves out?", ""), ("Check the connection", ""))


def follow(person: Person, options: tuple[str, ...], answers: tuple[tuple[str, str], ...], secret: str) -> None:
    """Set up a project and sync it, and check each step."""
    shown = person.run("init", *options, answers=(*answers, *CONTENT))
    assert secret not in shown
    assert re.search(r"assets/ +both", shown) and re.search(r"dist/ +up", shown)
    assert "Git ignores dist" in shown
    assert re.search(r"upload .* assets/a.txt", shown) and re.search(r"upload .* dist/index.html", shown)
    assert "2 to upload" in shown and shown.rstrip().endswith("Next: buckia sync")
    assert secret not in (person.project / ".buckia").read_text() + (person.project / ".buckiaignore").read_text()
    assert "2 uploaded" in person.run("sync")
    config = load(person.project / ".buckia").bucket("project")
    assert [each.local for each in config.paths] == ["assets/", "dist/"]
    assert {each["key"] for each in map(dict, listed(person))} == {"assets/a.txt", "dist/index.html"}


def listed(person: Person) -> list[dict[str, object]]:
    import json

    lines = person.run("ls", "-r", "--json").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_ceph(person, ceph):
    bucket = ceph.new_bucket()
    answers = (
        ("Provider", "s3"), ("Name of the bucket", ""), ("bucket_name", bucket), ("endpoint_url", ceph.endpoint),
        ("access_key_id", ceph.access_key), ("Secret store", "file"), ("secret_access_key", ceph.secret_key),
    )  # fmt: skip
    follow(person, (), answers, ceph.secret_key)


def test_b2(person, b2_account):
    bucket = b2_account.new_bucket()
    answers = (
        ("Provider", "b2"), ("Name of the bucket", ""), ("bucket_name", bucket),
        ("application_key_id", b2_account.key_id), ("Secret store", "file"),
        ("application_key (not shown", b2_account.key),
    )  # fmt: skip
    follow(person, ("--set", f"api_url={b2_account.endpoint}"), answers, b2_account.key)


def test_bunny(person, bunny_account):
    zone = bunny_account.new_zone()
    answers = (
        ("Provider", "bunny"), ("Name of the bucket", ""), ("bucket_name", zone.name),
        ("Secret store", "file"), ("storage_api_key (not shown", zone.password),
    )  # fmt: skip
    follow(person, ("--set", f"endpoint_url={zone.endpoint}"), answers, zone.password)


def test_an_account_of_another_tool_is_offered(person, ceph):
    bucket = ceph.new_bucket()
    rclone = person.project.parent / "rclone"
    rclone.mkdir()
    (rclone / "rclone.conf").write_text(
        f"[work]\ntype = s3\nprovider = Ceph\nendpoint = {ceph.endpoint}\naccess_key_id = {ceph.access_key}\n"
        f"secret_access_key = {ceph.secret_key}\n"
    )
    answers = (
        ("Take over one of them?", "nope"), ("Take over one of them?", "rclone:work"), ("Name of the bucket", ""),
        ("bucket_name", bucket),
    )  # fmt: skip
    follow(person, ("--store", "file"), answers, ceph.secret_key)
