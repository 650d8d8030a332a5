"""The workflow for GitHub is well-formed, runs on every supported Python and system, and pins what it runs."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import yaml

from tests.docs.pages import ROOT

WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
JOBS: dict[str, Any] = WORKFLOW["jobs"]
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


def test_actions_are_pinned_to_commits():
    used = [step["uses"] for job in JOBS.values() for step in job["steps"] if "uses" in step]
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each)] == []


def test_no_job_has_more_rights_than_to_read():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert [name for name, job in JOBS.items() if "permissions" in job] == []
