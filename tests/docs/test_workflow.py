"""The workflows for GitHub are well-formed, run on every supported Python and system, and pin what they run."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT

WORKFLOWS: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text("utf-8")) for path in (ROOT / ".github" / "workflows").glob("*.yml")
}
JOBS: dict[str, Any] = WORKFLOWS["ci"]["jobs"]
PUBLISHED: dict[str, Any] = {
    name: job for name, job in WORKFLOWS["release"]["jobs"].items() if job.get("environment") == "pypi"
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SUPPORTED = [
    version
    for classifier in PROJECT["classifiers"]
    if re.fullmatch(r"3\.\d+", version := classifier.removeprefix("Programming Language :: Python :: "))
]


def test_the_tests_run_on_every_supported_python():
    assert "3.11" in SUPPORTED
    for job in ("test", "unit"):
        assert JOBS[job]["strategy"]["matrix"]["python"] == SUPPORTED


def test_the_tests_run_on_every_supported_system():
    systems = {JOBS["test"]["runs-on"], *JOBS["unit"]["strategy"]["matrix"]["os"]}
    assert {system.partition("-")[0] for system in systems} == {"ubuntu", "macos", "windows"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_to_commits(name):
    used = [step["uses"] for job in WORKFLOWS[name]["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each)] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_only_a_job_that_publishes_may_do_more_than_read(name):
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    more = {each: job["permissions"] for each, job in workflow["jobs"].items() if "permissions" in job}
    assert more == ({each: {"id-token": "write"} for each in PUBLISHED} if name == "release" else {})


def test_every_distribution_is_published_after_those_that_it_depends_on():
    """The folders are those of `make dist`: `adapters` has all but S3's, on which Linode's depends."""
    assert {name: job["needs"] for name, job in PUBLISHED.items()} == {
        "core": "build",
        "s3": "core",
        "adapters": "s3",
        "buckia": "adapters",
    }
    for name, job in PUBLISHED.items():
        assert job["steps"][-1]["with"] == {"packages-dir": f"dist/{name}/"}
