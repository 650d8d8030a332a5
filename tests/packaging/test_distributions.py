"""What is in the wheels and in the source distributions, and what they say of themselves."""

from __future__ import annotations

import re
import tarfile
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import buckia
from tests.packaging.building import PROJECTS, ROOT, Built, build_wheels

pytestmark = pytest.mark.xdist_group("packaging")

SOURCES = {
    "buckia": ROOT / "buckia_core" / "src",
    "buckia_b2": ROOT / "buckia_b2" / "src",
    "buckia_bunny": ROOT / "buckia_bunny" / "src",
    "buckia_core": ROOT / "buckia_core" / "src",
    "buckia_linode": ROOT / "buckia_linode" / "src",
    "buckia_s3": ROOT / "buckia_s3" / "src",
}
ADAPTERS = sorted(set(PROJECTS) - {"buckia", "buckia_core"})
LAST_OLD = Version("0.5.4")
"""The last version that was one distribution."""

names = pytest.mark.parametrize("name", PROJECTS)


def content(wheel: Path) -> tuple[set[str], set[str]]:
    """Return the names of the modules' files, and those of the metadata, of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
    about = {file for file in files if ".dist-info/" in file}
    return files - about, {file.partition(".dist-info/")[2] for file in about}


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (file for file in archive.namelist() if file.endswith(".dist-info/METADATA"))
        return message_from_string(archive.read(name).decode("utf-8"))


def requirements(wheel: Path) -> dict[str, Requirement]:
    found = [Requirement(text) for text in metadata_of(wheel).get_all("Requires-Dist") or []]
    return {each.name: each for each in found if each.marker is None}


@names
def test_a_wheel_has_its_package_and_nothing_else(built: Built, name: str):
    source = SOURCES[name]
    expected = {
        path.relative_to(source).as_posix()
        for path in (source / name).rglob("*")
        if path.is_file()
        and not any(part == "__pycache__" or part.startswith(".") for part in path.relative_to(source).parts)
    }
    modules, about = content(built.wheel(name))
    assert f"{name}/py.typed" in modules
    assert modules == expected
    assert about == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


@names
def test_the_licence_goes_along_word_for_word(built: Built, name: str):
    text = (ROOT / "LICENSE").read_bytes()
    assert text.lstrip().startswith(b"GNU AFFERO GENERAL PUBLIC LICENSE")
    with zipfile.ZipFile(built.wheel(name)) as archive:
        (licence,) = (file for file in archive.namelist() if file.endswith("/licenses/LICENSE"))
        assert archive.read(licence) == text
    assert metadata_of(built.wheel(name))["License-Expression"] == "AGPL-3.0-or-later"


@names
def test_the_metadata_is_complete(built: Built, name: str):
    metadata = metadata_of(built.wheel(name))
    assert metadata["Name"] == name.replace("_", "-")
    assert metadata["Version"] == buckia.__version__
    assert Version(metadata["Version"]) > LAST_OLD
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Summary"]
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_the_door_asks_for_exactly_its_own_core(built: Built):
    assert {name: str(each.specifier) for name, each in requirements(built.wheel("buckia")).items()} == {
        "buckia-core": f"=={buckia.__version__}"
    }


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_asks_for_a_range_of_cores_and_never_for_the_door(built: Built, name: str):
    needed = requirements(built.wheel(name))
    assert "buckia" not in needed
    version = Version(buckia.__version__)
    assert needed["buckia-core"].specifier.contains(version)
    assert not needed["buckia-core"].specifier.contains(Version(f"{version.major}.{version.minor + 1}"))


def test_every_adapter_has_an_extra_and_all_has_them_all(built: Built):
    metadata = metadata_of(built.wheel("buckia"))
    extras = set(metadata.get_all("Provides-Extra") or [])
    adapters = {name.removeprefix("buckia_") for name in ADAPTERS}
    assert extras == adapters | {"all", "dev", "fsspec"}
    asked = [Requirement(text) for text in metadata.get_all("Requires-Dist") or [] if "extra ==" in text]
    for extra in extras - {"dev", "fsspec"}:
        brought = {each.name for each in asked if each.marker and each.marker.evaluate({"extra": extra})}
        assert brought == {f"buckia-{adapter}" for adapter in (adapters if extra == "all" else {extra})}


def test_dev_has_what_authors_test_with_and_no_adapter(built: Built):
    asked = [Requirement(text) for text in metadata_of(built.wheel("buckia")).get_all("Requires-Dist") or []]
    brought = {each.name: each for each in asked if each.marker and each.marker.evaluate({"extra": "dev"})}
    assert brought.keys() == {"buckia-core", "mypy", "ruff"}
    assert brought["buckia-core"].extras == {"keyring", "testing"}
    assert str(brought["buckia-core"].specifier) == f"=={buckia.__version__}"


@names
def test_the_metadata_leads_to_the_project(built: Built, name: str):
    urls = dict(text.split(", ") for text in metadata_of(built.wheel(name)).get_all("Project-URL") or [])
    assert urls.keys() == {"Homepage", "Documentation", "Changelog", "Issues"}
    assert all(url.startswith("https://github.com/thepian/buckia") for url in urls.values())


DATED = {"regex"}
"""Packages whose versions are dates, so that no next version is known to break anything."""

FLOORS = {"pyyaml": "6.0", "requests": "2.32.3", "urllib3": "2.6.2"}
"""The last versions with known vulnerabilities, or that can't be built any more."""


@names
def test_every_requirement_has_both_bounds_and_none_is_vulnerable(built: Built, name: str):
    for each in requirements(built.wheel(name)).values():
        operators = {specifier.operator for specifier in each.specifier}
        assert operators == {"=="} or operators == {">="} | (set() if each.name in DATED else {"<"}), each
        assert each.name not in FLOORS or not each.specifier.contains(FLOORS[each.name]), each


@names
def test_a_wheel_made_of_the_source_distribution_is_the_same(built: Built, name: str, tmp_path: Path):
    build_wheels(tmp_path, built.sdist(name))
    (again,) = tmp_path.glob("*.whl")
    assert content(again) == content(built.wheel(name))


@names
def test_a_source_distribution_has_no_tests_and_no_leftovers(built: Built, name: str):
    with tarfile.open(built.sdist(name)) as archive:
        files = [file.partition("/")[2] for file in archive.getnames()]
    assert "LICENSE" in files
    assert "README.md" in files
    files = [file for file in files if "/adapter_template/" not in file]  # the tests of packages that it writes
    assert [file for file in files if re.search(r"(^|/)(tests|\.venv|\.demo|\.buckia-state|__pycache__)/", file)] == []
