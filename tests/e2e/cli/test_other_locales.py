"""Names of files are UTF-8 whatever the locale is: a cron job with another one renames nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.e2e.buckets import FolderBucket
from tests.e2e.project import Project
from tests.servers.process import clean_environment

NAMES = {"Übung.txt": "1", "日本/é.txt": "2", "ascii": "3"}


@pytest.fixture
def project(tmp_path, folder: FolderBucket) -> Project:
    project = Project(tmp_path / "here", folder, paths=["data/"])
    for name, content in NAMES.items():
        project.write(f"data/{name}", content)
    assert project.sync().code == 0
    return project


def test_nothing_is_renamed(project, folder, latin_locale):
    ran = project.sync(**latin_locale)
    assert (ran.code, ran.counts) == (0, {"unchanged": 3})
    assert folder.tree() == NAMES


def test_new_names_come_and_go_as_they_are(project, folder, latin_locale):
    project.write("data/新.txt", "up")
    folder.put("größe/ß", "down")
    ran = project.sync(**latin_locale)
    assert (ran.code, ran.counts) == (0, {"uploaded": 1, "downloaded": 1, "unchanged": 3})
    assert folder.tree() == NAMES | {"新.txt": "up", "größe/ß": "down"}
    assert project.tree() == {f"data/{name}": content for name, content in folder.tree().items()}


def test_a_name_may_be_given_on_the_command_line(project, folder, latin_locale):
    project.write("data/Übung.txt", "edited")
    ran = project.sync("data/Übung.txt", **latin_locale)
    assert (ran.code, ran.counts["uploaded"]) == (0, 1)
    assert folder.tree()["Übung.txt"] == "edited"


def test_a_name_that_is_not_utf8_is_refused_and_stays(project, folder, latin_locale):
    data = os.fsencode(project.path("data"))
    with open(data + b"/caf\xe9", "wb") as file:
        file.write(b"latin")
    ran = project.sync(**latin_locale)
    assert ran.code == 1 and list(ran.failures) == ["caf\\xe9"]
    assert "is not valid UTF-8" in ran.failures["caf\\xe9"]
    assert os.path.exists(data + b"/caf\xe9") and folder.tree() == NAMES


def test_a_program_in_another_locale_is_shown_how_to_start(project, latin_locale):
    code = "from pathlib import Path; from buckia import BuckiaClient, load_config; "
    code += "BuckiaClient(next(iter(load_config(Path('.buckia')).buckets.values()))).sync()"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.directory, env=clean_environment(**latin_locale), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "ConfigError" in ran.stderr and "-X utf8" in ran.stderr and "PYTHONUTF8=1" in ran.stderr
