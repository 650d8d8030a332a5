"""The conformance suite catches adapters that are broken on purpose, and passes those that are not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .broken.variants import MEMORY_VARIANTS

BROKEN = Path(__file__).parent / "broken"
SOUND = {"MemorySync", "ClaimsNothing"}


def run_suite(module: str, variant: str) -> tuple[int, str]:
    """Run the suite on a variant up to its first failure; return the exit code and the name of the test that failed."""
    arguments = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", "--no-header"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, str(BROKEN / module)],
        env={**os.environ, "BUCKIA_BROKEN_ADAPTER": variant},
        capture_output=True,
        text=True,
        check=False,
        cwd=BROKEN.parents[2],
    )
    failed = re.search(r"^(?:FAILED|ERROR) \S*::(\S+)", done.stdout, re.MULTILINE)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode, failed[1] if failed else ""


@pytest.mark.long
@pytest.mark.parametrize("variant", sorted({*MEMORY_VARIANTS} - SOUND))
def test_a_broken_memory_adapter_is_caught(variant):
    code, test = run_suite("suite_of_memory.py", variant)
    assert code == 1, f"the suite passes {variant}"
    assert test


@pytest.mark.long
@pytest.mark.parametrize("variant", sorted(SOUND))
def test_a_sound_memory_adapter_passes(variant):
    assert run_suite("suite_of_memory.py", variant) == (0, "")
