"""A real key ring in a file, and a command `op` that works on a file and keeps a log of its calls."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

OP = Path(__file__).with_name("fake_op.py")


class FakeOp:
    """The command `op` of these tests.

    Attributes:
        environ: The environment in which it is found.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        bin_dir = directory / "bin"
        bin_dir.mkdir(parents=True)
        if os.name == "nt":
            (bin_dir / "op.bat").write_text(f'@"{sys.executable}" "{OP}" %*\n')
        else:
            (bin_dir / "op").write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "{OP}" "$@"\n')
            (bin_dir / "op").chmod(0o755)
        self.environ = {"PATH": str(bin_dir), "FAKE_OP": str(directory)}

    def lock(self, message: str) -> None:
        """Let every call fail from now on."""
        (self._directory / "locked").write_text(message)

    @property
    def items(self) -> list[dict[str, Any]]:
        path = self._directory / "items.json"
        return json.loads(path.read_text()) if path.exists() else []

    @items.setter
    def items(self, items: list[dict[str, Any]]) -> None:
        (self._directory / "items.json").write_text(json.dumps(items))

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Arguments and standard input of all calls."""
        path = self._directory / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def op(tmp_path):
    return FakeOp(tmp_path / "op")


@pytest.fixture
def keyring_file(tmp_path, monkeypatch):
    """The key ring is a file, by a real backend of `keyrings.alt`; returns its path."""
    keyring = pytest.importorskip("keyring")
    from keyrings.alt.file import PlaintextKeyring

    backend = PlaintextKeyring()
    backend.file_path = str(tmp_path / "keyring.cfg")
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    yield Path(backend.file_path)
    keyring.set_keyring(before)


@pytest.fixture(scope="session")
def age_identity(tmp_path_factory):
    """An identity file, as `age-keygen` writes it."""
    pyrage = pytest.importorskip("pyrage")
    path = tmp_path_factory.mktemp("age") / "key.txt"
    key = pyrage.x25519.Identity.generate()
    path.write_text(f"# created: 2026-01-01\n# public key: {key.to_public()}\n{key}\n")
    path.chmod(0o600)
    return path
