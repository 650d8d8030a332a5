"""A sync with nothing to do is mostly start-up, so it imports no module that it does not need."""

from __future__ import annotations

import subprocess
import sys

UNUSED = {
    "asyncio",
    "boto3",
    "botocore",
    "email",
    "html",
    "http.client",
    "importlib.metadata",
    "obstore",
    "rich",
    "ssl",
}

CODE = f"""
import sys
import buckia_core.cli.entry_point, buckia_core.cli.commands.sync, buckia_core.cli.run_sync, buckia_core.syncing.engine
import buckia_s3.plugin, buckia_s3.config.settings, buckia_s3.sync
print(*sorted({UNUSED!r} & sys.modules.keys()))
"""


def test_modules_that_a_sync_over_http_does_not_import():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
