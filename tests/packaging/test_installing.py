"""The wheels, installed: alone, with an adapter, and over the last version that was one distribution."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path

import pytest

import buckia
from tests.packaging.building import PROJECTS, Built
from tests.packaging.environments import Environment

pytestmark = pytest.mark.xdist_group("packaging")

OLD_FILES = {
    "buckia/__init__.py": '__version__ = "0.5.4"\n',
    "buckia/cli.py": "def main():\n    print('old buckia 0.5.4')\n",
    "buckia/client.py": "class BuckiaClient:\n    pass\n",
    "buckia/sync/__init__.py": "",
    "buckia-0.5.4.dist-info/METADATA": "Metadata-Version: 2.1\nName: buckia\nVersion: 0.5.4\n",
    "buckia-0.5.4.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "buckia-0.5.4.dist-info/entry_points.txt": "[console_scripts]\nbuckia = buckia.cli:main\n",
}


def old_wheel(directory: Path) -> Path:
    """Make a wheel that owns the same package and the same command as ours, as the versions up to 0.5.4 did."""
    wheel = directory / "buckia-0.5.4-py3-none-any.whl"
    rows = []
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in OLD_FILES.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"{name},sha256={digest},{len(text)}\n")
        record = "buckia-0.5.4.dist-info/RECORD"
        archive.writestr(record, "".join(rows) + f"{record},,\n")
    return wheel


def assert_it_works(environment: Environment, directory: Path) -> None:
    """The command answers, the API is there, and a sync does what it should."""
    assert buckia.__version__ in environment.run("buckia", "--version")
    assert environment.run(environment.python, "-c", "from buckia import BuckiaClient; print(BuckiaClient.__module__)")
    assert environment.run(environment.python, "-m", "buckia", "--version") == environment.run("buckia", "--version")
    project = directory / "project"
    project.mkdir()
    (project / ".buckia").write_text("box:\n  provider: file\n  root: ../bucket\n", "utf-8")
    (project / "note.txt").write_text("hello", "utf-8")
    (directory / "bucket").mkdir()
    environment.run("buckia", "sync", cwd=project)
    assert (directory / "bucket" / "note.txt").read_text("utf-8") == "hello"


def test_buckia_works_with_no_more_than_it_asks_for(built: Built, tmp_path: Path):
    environment = Environment.make(tmp_path / "venv")
    environment.copy_third_parties("buckia-core")
    environment.pip("install", "--find-links", built.directory, "buckia")
    environment.pip("check")
    assert_it_works(environment, tmp_path)
    (tmp_path / "project" / ".buckia").write_text("box:\n  provider: s3\n  bucket_name: box\n", "utf-8")
    said = environment.run("buckia", "sync", cwd=tmp_path / "project", code=2)
    assert 'pip install "buckia[s3]"' in said


def test_an_extra_brings_its_adapter(built: Built, tmp_path: Path):
    environment = Environment.make(tmp_path / "venv")
    adapters = {name.removeprefix("buckia_") for name in PROJECTS} - {"buckia", "core"}
    environment.copy_third_parties("buckia-core", *(f"buckia-{name}" for name in adapters))
    environment.pip("install", "--find-links", built.directory, "buckia[all]")
    environment.pip("check")
    listed = [json.loads(line) for line in environment.run("buckia", "--json", "providers").splitlines()]
    assert {each["provider"] for each in listed if not each["problem"]} == {"file", "memory", *adapters}


def test_an_upgrade_from_the_one_old_distribution_leaves_a_working_buckia(built: Built, tmp_path: Path):
    environment = Environment.make(tmp_path / "venv")
    environment.copy_third_parties("buckia-core", "buckia-s3")
    environment.pip("install", old_wheel(tmp_path))
    assert environment.run("buckia").strip() == "old buckia 0.5.4"
    environment.pip("install", "--upgrade", "--find-links", built.directory, "buckia[s3]")
    environment.pip("check")
    assert not (environment.path("purelib") / "buckia" / "client.py").exists()
    assert_it_works(environment, tmp_path)
