"""Operations can be carried to other processes: an executor of an application runs them, and the sync is the same."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig


def test_operations_run_in_other_processes(tmp_path):
    project, bucket = tmp_path / "project", tmp_path / "bucket"
    project.mkdir()
    bucket.mkdir()
    (project / "up.txt").write_text("from here")
    (bucket / "down.txt").write_text("from there")
    config = BucketConfig(provider="file", root=str(bucket), base_dir=project)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor, BuckiaClient(config) as client:
        result = client.sync(executor=executor)
        assert (result.uploaded, result.downloaded, result.failed) == (1, 1, 0), result.errors
        (project / "up.txt").unlink()
        assert client.sync(executor=executor, force=True).deleted_remote == 1
        assert client.sync(executor=executor).unchanged == 1
    assert (project / "down.txt").read_text() == "from there"
    assert not (bucket / "up.txt").exists()


def test_an_adapter_that_was_handed_in_stays_in_its_process(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    config = BucketConfig(provider="memory", base_dir=tmp_path)
    adapter = MemorySync(MemorySettings())
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor,
        BuckiaClient(config, adapter=adapter) as client,
        pytest.raises(TypeError, match="give a configuration instead"),
    ):
        client.sync(executor=executor)


def test_operations_of_a_plan_can_be_pickled(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with BuckiaClient(BucketConfig(provider="memory", base_dir=tmp_path)) as client:
        plan = client.status()
    assert pickle.loads(pickle.dumps(plan)) == plan
