"""The diff of a conflict can be applied with `patch`."""

import shutil
import subprocess
from types import SimpleNamespace

import pytest

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.cli.options import Options
from buckia_core.cli.report.conflict_diff import show_diff
from buckia_core.cli.terminal.output import Output
from tests.unit.cli.conftest import conflict


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch")
@pytest.mark.parametrize(
    ("remote", "local"), [("thr\n", "two\n"), ("a", "b"), ("a\nb\n", "a\nb"), ("", "a\n"), ("a\n\n", "a\n")]
)
def test_the_diff_is_a_patch(tmp_path, capsys, remote, local):
    bucket = MemorySync(MemorySettings(bucket_name=f"diff-{tmp_path.name}"))
    bucket.upload_file(remote.encode(), "c.txt")
    (tmp_path / "c.txt").write_bytes(local.encode())
    client = SimpleNamespace(config=SimpleNamespace(base_dir=tmp_path), adapter=bucket)
    show_diff(Output(Options()), client, conflict("c.txt"))  # type: ignore[arg-type]
    text = capsys.readouterr().out
    (tmp_path / "old").write_bytes(remote.encode())
    subprocess.run(["patch", "-s", "old"], input=text.encode(), cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / "old").read_bytes() == local.encode()
