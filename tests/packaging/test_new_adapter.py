"""The package that `buckia new-adapter` writes: checked, built, installed, tested and used."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.building import Built, build_wheels
from tests.packaging.environments import Environment

pytestmark = [pytest.mark.xdist_group("packaging"), pytest.mark.long]


@pytest.fixture(scope="module")
def environment(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment.make(tmp_path_factory.mktemp("new") / "venv")
    environment.copy_third_parties("buckia-core[testing]")
    environment.pip("install", "--find-links", built.directory, "buckia", "buckia-core[testing]")
    return environment


@pytest.fixture(scope="module")
def project(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as the installed Buckia writes it, with its wheel installed."""
    directory = tmp_path_factory.mktemp("project")
    environment.run("buckia", "new-adapter", "sky_box", cwd=directory)
    project = directory / "buckia-sky-box"
    build_wheels(directory, project)
    environment.pip("install", "--no-index", *directory.glob("*.whl"))
    environment.pip("check")
    return project


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join)
def test_linters_find_nothing(project: Path, command: list[str]):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=project, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_tests_pass(environment: Environment, project: Path):
    said = environment.run(environment.python, "-m", "pytest", "-q", cwd=project)
    assert " passed" in said


def test_it_is_a_provider(environment: Environment, project: Path):
    listed = [json.loads(line) for line in environment.run("buckia", "--json", "providers").splitlines()]
    (found,) = [each for each in listed if each["provider"] == "sky_box"]
    assert (found["distribution"], found["problem"]) == ("buckia-sky-box", None)


def test_it_syncs(environment: Environment, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spec = importlib.util.spec_from_file_location("new_adapter_server", project / "tests" / "server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("SKY_BOX_TOKEN", "the-token")
    with module.ObjectServer("the-token") as server:
        server.buckets["box"] = {}
        for name in ("one", "other"):
            folder = tmp_path / name
            folder.mkdir()
            (folder / ".buckia").write_text(
                f"provider: sky_box\nendpoint_url: {server.url}\nbucket_name: box\n", "utf-8"
            )
        (tmp_path / "one" / "note.txt").write_text("hello", "utf-8")
        environment.run("buckia", "sync", cwd=tmp_path / "one")
        assert server.buckets["box"]["note.txt"].data == b"hello"
        environment.run("buckia", "sync", cwd=tmp_path / "other")
    assert (tmp_path / "other" / "note.txt").read_text("utf-8") == "hello"
