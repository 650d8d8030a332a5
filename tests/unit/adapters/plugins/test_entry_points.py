"""Entry points are found where `importlib.metadata` finds them."""

from __future__ import annotations

import sys
import zipfile
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from buckia_core.adapters.plugins.entry_points import EntryPoint, find_entry_points

TEXT = """
# a comment
[console_scripts]
tool = package.cli:main

[buckia.adapters]
one=package.plugin
two = package.plugin:Class.attribute [extra1, extra2]
"""


GROUPS = ("buckia.adapters", "buckia.plugins", "console_scripts", "g")


def expected() -> set[EntryPoint]:
    found = [each for group in GROUPS for each in metadata.entry_points(group=group)]
    return {EntryPoint(each.group, each.name, each.value.partition("[")[0].strip()) for each in found}


def install(directory: Path, name: str, text: str | None = TEXT) -> None:
    info = directory / name
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.partition('-')[0]}\nVersion: 1\n")
    if text is not None:
        (info / "entry_points.txt").write_text(text)


def test_those_of_this_environment():
    found = find_entry_points(GROUPS)
    assert set(found) == expected()
    assert ("buckia.adapters", "memory") in {(each.group, each.name) for each in found}


def test_names_groups_and_values(tmp_path, monkeypatch):
    install(tmp_path, "package-1.0.dist-info")
    install(tmp_path, "none-1.0.dist-info", None)
    install(tmp_path, "old.egg-info", "[buckia.plugins]\nold = old")
    (tmp_path / "file-1.0.egg-info").write_text("Name: file")
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "missing")])
    assert [each.name for each in find_entry_points(["console_scripts"])] == ["tool"]
    assert sorted(find_entry_points(GROUPS)) == [
        EntryPoint("buckia.adapters", "one", "package.plugin"),
        EntryPoint("buckia.adapters", "two", "package.plugin:Class.attribute"),
        EntryPoint("buckia.plugins", "old", "old"),
        EntryPoint("console_scripts", "tool", "package.cli:main"),
    ]
    assert set(find_entry_points(GROUPS)) == expected()


def test_another_finder_of_packages_is_asked_and_extras_are_left_out(tmp_path, monkeypatch):
    """Such as the package importlib_metadata, which keyring imports."""
    install(tmp_path, "package-1.0.dist-info")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, SimpleNamespace(find_distributions=lambda context: [])])
    found = find_entry_points(["buckia.adapters"])
    assert EntryPoint("buckia.adapters", "two", "package.plugin:Class.attribute") in found


def test_the_first_package_of_a_name_counts(tmp_path, monkeypatch):
    install(tmp_path / "a", "my_package-2.0.dist-info", "[g]\nname = new")
    install(tmp_path / "b", "My.Package-1.0.dist-info", "[g]\nname = old")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "a")])
    assert find_entry_points(GROUPS) == [EntryPoint("g", "name", "new")]
    assert set(find_entry_points(GROUPS)) == expected()


def test_packages_in_an_archive(tmp_path, monkeypatch):
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("package-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: package\nVersion: 1.0\n")
        file.writestr("package-1.0.dist-info/entry_points.txt", "[g]\nname = value")
    monkeypatch.setattr(sys, "path", [str(archive)])
    assert find_entry_points(GROUPS) == [EntryPoint("g", "name", "value")]


def test_packages_of_another_importer(monkeypatch):
    class Finder:
        @staticmethod
        def find_spec(*_):
            return None

        @staticmethod
        def find_distributions(_):
            class Package(metadata.Distribution):
                def read_text(self, filename):
                    texts = {"METADATA": "Name: package\nVersion: 1", "entry_points.txt": "[g]\nname = value"}
                    return texts.get(filename)

                def locate_file(self, path):
                    raise NotImplementedError

            return [Package()]

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert EntryPoint("g", "name", "value") in find_entry_points(GROUPS)


def test_load():
    assert EntryPoint("g", "name", "os.path").load() is sys.modules["os.path"]
    assert EntryPoint("g", "name", "pathlib:Path.cwd").load() == Path.cwd
    with pytest.raises(ModuleNotFoundError):
        EntryPoint("g", "name", "a_module_that_is_missing").load()
    with pytest.raises(AttributeError):
        EntryPoint("g", "name", "os.path:missing").load()
