"""A project, a world of boxes, and ways to stop a run anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buckia_core.adapters.plugins.registry import Registry
from buckia_core.localfs import replace
from buckia_core.provisioning import journal, seal
from buckia_core.provisioning.request import Action, Request
from buckia_core.provisioning.session import Provisioned, Provisioning
from tests.unit.provisioning.box import WORLDS, Plugin, World


class Project:
    """A directory with a `.buckia` file, and the provisioning of its buckets."""

    def __init__(self, directory: Path, world: World) -> None:
        self.directory = directory
        self.path = directory / ".buckia"
        self.world = world
        self.plugins = Registry()
        self.plugins.register(Plugin(world), name="boxes")

    def provisioning(self) -> Provisioning:
        return Provisioning(self.path, {"root": str(self.world.root)}, self.plugins)

    def run(self, action: Action, name: str = "photos", **given: Any) -> Provisioned:
        provisioning = self.provisioning()
        listener, secrets = given.pop("listener", lambda _: None), given.pop("given", None)
        if action in (Action.BUCKET, Action.SHARE_BUCKET):
            given = {"vendor": "box", "store": "chest", **given}
        request = provisioning.complete(Request(action=action, name=name, **given))
        return provisioning.run(request, given=secrets, listener=listener)

    def journals(self) -> list[Path]:
        return sorted(self.directory.glob(".buckia-state/provision/*.json"))

    def reset(self) -> None:
        """Forget everything, much faster than by destroying it."""
        for each in (self.world.buckets, self.world.keys, self.world.passwords, self.world.public, self.world.chest):
            each.clear()
        for path in (*self.journals(), self.path):
            path.unlink(missing_ok=True)
        for path in self.world.root.iterdir():
            path.rmdir()

    def text(self) -> str:
        return self.path.read_text("utf-8") if self.path.exists() else ""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    root = tmp_path / "boxes"
    root.mkdir()
    world = WORLDS[str(root)] = World(root)
    seal.prepare_key()

    def ticking(path: Path, data: bytes, **more: Any) -> None:
        for _ in world.calls(f"write {path.name}"):
            path.write_bytes(data)  # the real one flushes the disk, which takes most of the time of these tests

    monkeypatch.setattr(replace, "replace_file", ticking)
    monkeypatch.setattr(journal, "replace_file", ticking)
    yield world
    del WORLDS[str(root)]


@pytest.fixture
def project(tmp_path: Path, world: World) -> Project:
    directory = tmp_path / "project"
    directory.mkdir()
    return Project(directory, world)
