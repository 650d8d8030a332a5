"""`buckia folder new`: names that nobody guesses, and a configuration that keeps its form."""

from __future__ import annotations

import re

import pytest

from buckia_core.config import load
from buckia_core.config.folders import add_folder, new_folder_name
from buckia_core.errors import BucketNotConfigured
from buckia_core.planning.keys import FilesystemRules, invalid_reason

FILE = """\
users: {provider: memory, folders: [demo]}   # ours
all:
  provider: memory
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / ".buckia").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_names_have_130_bits_and_fit_everywhere():
    names = {new_folder_name() for _ in range(200)}
    assert len({name.casefold() for name in names}) == 200
    assert all(re.fullmatch(r"[0-9a-hjkmnp-tv-z]{26}", name) for name in names)
    assert {letter for name in names for letter in name} == set("0123456789abcdefghjkmnpqrstvwxyz")
    strict = FilesystemRules(windows=True, case_insensitive=True)
    assert [name for name in names if invalid_reason(name, strict)] == []


def test_the_folder_is_added_to_the_list(buckia, project):
    ran = buckia("folder", "new", "-b", "users")
    name = ran.out.strip()
    assert (ran.code, ran.err) == (0, "users: added to folders\n")
    assert (project / ".buckia").read_text() == FILE.replace("[demo]", f"[demo, {name}]")
    assert load(project / ".buckia").buckets["users"].folders == ("demo", name)
    (record,) = buckia("folder", "new", "-b", "users", "--json").records
    assert record == {"type": "folder", "bucket": "users", "folder": record["folder"], "added": True}
    assert record["folder"] != name


def test_a_bucket_that_syncs_all_folders_goes_on_to_do_so(buckia, project):
    ran = buckia("folder", "new", "-b", "all")
    assert (ran.code, "all folders are synced" in ran.err) == (0, True)
    assert (project / ".buckia").read_text() == FILE
    name = buckia("folder", "new", "-b", "all", "--only").out.strip()
    assert load(project / ".buckia").buckets["all"].folders == (name,)


def test_a_bucket_is_chosen(buckia, project):
    assert buckia("folder", "new").code == 2
    with pytest.raises(BucketNotConfigured):
        add_folder(project / ".buckia", "none")
