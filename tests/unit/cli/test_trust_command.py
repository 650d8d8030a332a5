"""`buckia trust`."""

from __future__ import annotations

import os

import pytest

from buckia_core.config.trust import user_config
from buckia_core.config.trust.consent import trusted_files

TEXT = "b:\n  provider: s3\n  bucket_name: b\n  credential_provider: ourkeys:get\nc:\n  provider: memory\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    pytest.importorskip("buckia_s3.config.settings")
    monkeypatch.setenv(user_config.DIRECTORY_VARIABLE, str(tmp_path / "own"))
    directory = tmp_path / "project"
    (directory / "sub").mkdir(parents=True)
    (directory / ".buckia").write_text(TEXT)
    monkeypatch.chdir(directory / "sub")
    return directory


@pytest.mark.parametrize("arguments", [[], [".."], ["../.buckia"], ["-c", "../.buckia"]])
def test_the_file_and_its_code_are_trusted(buckia, project, arguments):
    path = os.path.realpath(project / ".buckia")
    ran = buckia("trust", "--json", *arguments)
    owner = None if os.name == "nt" else os.getuid()
    record = {"type": "trusted", "path": path, "owner": owner, "code": ["ourkeys:get"]}
    assert (ran.code, ran.records) == (0, [record])
    assert buckia("trust", "--list", "--json").records == [record]
    assert "may run ourkeys:get" in buckia("trust", "--list").out


def test_the_configuration_of_a_directory_may_have_another_name(buckia, project):
    (project / ".buckia").rename(project / "buckia.yaml")
    assert buckia("trust", "..", "--json").records[0]["path"] == os.path.realpath(project / "buckia.yaml")


def test_trust_can_be_revoked_after_the_file_is_gone(buckia, project):
    assert buckia("trust").code == 0
    (project / ".buckia").unlink()
    ran = buckia("trust", "--revoke", "../.buckia")
    assert ran.code == 0, ran.err
    assert trusted_files() == []
    ran = buckia("trust", "--revoke", "../.buckia")
    assert (ran.code, "is not trusted" in ran.err) == (2, True)


def test_files_that_are_no_configurations_can_be_trusted(buckia, project):
    (project / ".buckiaignore").write_text("*.log\n")
    ran = buckia("trust", "../.buckiaignore", "--json")
    assert (ran.code, ran.records[0]["code"]) == (0, [])


@pytest.mark.parametrize("arguments", [["nowhere"], ["--list", ".."], ["--list", "--revoke"]])
def test_what_can_not_be_is_refused(buckia, project, arguments):
    assert buckia("trust", *arguments).code == 2
    assert trusted_files() == []


def test_code_runs_after_consent_only(buckia, project, monkeypatch):
    (project / "ourkeys.py").write_text("open('ran', 'w')\ndef get():\n    return None\n")
    monkeypatch.syspath_prepend(str(project))
    ran = buckia("status", "-b", "b")
    assert (ran.code, "buckia trust" in ran.err, (project / "sub" / "ran").exists()) == (2, True, False)


def test_who_names_code_to_init_has_agreed_to_it(buckia, project):
    arguments = ["--provider", "s3", "--set", "bucket_name=b", "--set", "credential_provider=ourkeys:get"]
    assert buckia("init", *arguments).code == 0
    assert [each.code for each in trusted_files()] == [("ourkeys:get",)]
    assert buckia("init", "--force", "--provider", "memory").code == 0
    assert len(trusted_files()) == 1
