"""The conformance suite catches adapters that are broken on purpose, and passes those that are not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from buckia_core.cli.commands.new_adapter import render_template, template_values

from .broken.http_edits import Edit
from .broken.variants import HTTP_VARIANTS, MEMORY_VARIANTS

BROKEN = Path(__file__).parent / "broken"
ROOT = BROKEN.parents[2]
SOUND = {"MemorySync", "ClaimsNothing"}


def run_suite(tests: Path, *selection: str, directory: Path = ROOT, variant: str = "") -> tuple[int, str]:
    """Run tests up to the first failure; return the exit code and the name of the test that failed."""
    arguments = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", "--no-header"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, *selection, str(tests)],
        env={**os.environ, "BUCKIA_BROKEN_ADAPTER": variant},
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
    )
    failed = re.search(r"^(?:FAILED|ERROR) \S*::(\S+)", done.stdout, re.MULTILINE)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode, failed[1] if failed else ""


def run_memory(variant: str) -> tuple[int, str]:
    return run_suite(BROKEN / "suite_of_memory.py", variant=variant)


def run_http(directory: Path, *edits: Edit, selection: str) -> tuple[int, str]:
    """Run the tests of the package that `buckia new-adapter` writes, after edits of its source."""
    modules = {f"src/buckia_broken/{edit.module}.py" for edit in edits}
    files = {str(path): text for path, text in render_template(template_values("broken")).items()}
    assert modules <= set(files)
    for edit in edits:
        name = f"src/buckia_broken/{edit.module}.py"
        files[name] = edit.apply(files[name])
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return run_suite(directory / "tests", "-k", selection, directory=directory)


@pytest.mark.long
@pytest.mark.parametrize("variant", sorted({*MEMORY_VARIANTS} - SOUND))
def test_a_broken_memory_adapter_is_caught(variant):
    code, test = run_memory(variant)
    assert code == 1, f"the suite passes {variant}"
    assert test


@pytest.mark.long
@pytest.mark.parametrize("variant", sorted(SOUND))
def test_a_sound_memory_adapter_passes(variant):
    assert run_memory(variant) == (0, "")


@pytest.mark.long
@pytest.mark.parametrize("variant", HTTP_VARIANTS)
def test_a_broken_http_adapter_is_caught(variant, tmp_path):
    broken = HTTP_VARIANTS[variant]
    code, test = run_http(tmp_path, *broken.edits, selection=broken.caught_by)
    assert code == 1, f"{broken.caught_by} passes {variant}"
    assert test.startswith(broken.caught_by)


@pytest.mark.long
def test_a_sound_http_adapter_passes_what_catches_others(tmp_path):
    selection = " or ".join(sorted({broken.caught_by for broken in HTTP_VARIANTS.values()}))
    assert run_http(tmp_path, selection=selection) == (0, "")
