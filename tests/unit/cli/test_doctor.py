"""`buckia doctor` on real buckets: what it finds, what it says to do, and that it leaves nothing."""

import os
import shutil
import sqlite3
import time
from collections.abc import Generator
from types import SimpleNamespace

import pytest

from buckia_core.adapters.contract.protocols import Versioned
from buckia_core.adapters.memory.settings import MemorySettings
from buckia_core.adapters.memory.sync import MemorySync
from buckia_core.adapters.plugins.registry import registry
from buckia_core.cli.diagnosis import bucket_checks, probe, software
from buckia_core.cli.diagnosis.bucket_checks import diagnose
from buckia_core.cli.diagnosis.outcome import CHECKS, failed, run_check
from buckia_core.client import BuckiaClient
from buckia_core.config import BucketConfig
from buckia_core.errors import AdapterError, PermissionDenied, Throttled, Unauthenticated
from buckia_core.objects.bucket_methods import PROBE_PREFIX
from buckia_core.objects.store import ObjectStore
from buckia_core.testing.faults import Fault, Faulty, Operation
from tests.unit.objects.conftest import bucket_settings


def denied() -> AdapterError:
    return PermissionDenied("access denied")


@pytest.fixture(autouse=True)
def small_probe(monkeypatch):
    monkeypatch.setattr(probe, "PROBE_SIZE", 2000)
    monkeypatch.setattr(probe, "PART_SIZE", 1000)


@pytest.fixture
def memory(tmp_path):
    """Check a bucket in memory, with some calls that fail; return the outcomes by check, and the adapter."""

    def check(*faults, write=True, **settings):
        adapter = MemorySync(MemorySettings())
        config = BucketConfig(provider="memory", name="assets", base_dir=tmp_path, **settings)
        with BuckiaClient(config, adapter=Faulty(adapter, faults)) as client:
            outcomes = list(diagnose(client, write=write))
        assert {each.check for each in outcomes} <= set(CHECKS)
        return {each.check: each for each in outcomes}, adapter

    return check


def test_doctor_writes_nothing_unless_it_may(memory):
    faults = [Fault(name, denied, times=None) for name in ("upload_file", "delete_files", "copy_file", "upload_parts")]
    found, _ = memory(*faults, write=False)
    assert all(each.error is None for each in found.values())
    assert "put" not in found and found["latency"].values["latency_seconds"] >= 0


def test_doctor_tries_each_call_and_leaves_nothing(memory):
    found, adapter = memory()
    assert all(each.error is None and not each.warning for each in found.values()), found
    assert {"put", "get", "delete", "conditional put", "copy", "throughput", "server clock"} <= found.keys()
    assert found["throughput"].values["up_bytes_per_second"]
    assert abs(found["server clock"].values["difference_seconds"]) <= 5
    assert list(adapter.list_files()) == []


@pytest.mark.parametrize(
    ("operation", "at", "direction", "check", "state"),
    [
        ("upload_file", 1, "both", "put", "problem"),
        ("upload_file", 1, "down", "put", "warning"),
        ("open_file", 1, "up", "get", "warning"),
        ("delete_files", 1, "both", "delete", "warning"),
        ("copy_file", 1, "both", "copy", "warning"),
        ("upload_file", 2, "both", "conditional put", "problem"),
        ("list_files", 1, "both", "credentials", "problem"),
    ],
)
def test_doctor_names_what_the_key_may_not_do(memory, operation, at, direction, check, state):
    operations: tuple[Operation, ...] = ("open_file", "download_file") if check == "get" else (operation,)
    faults = [Fault(each, denied, at=at, times=None if check == "get" else 1) for each in operations]
    found, adapter = memory(*faults, direction=direction)
    outcome = found[check]
    assert (outcome.error is not None, outcome.warning) == (state == "problem", state == "warning")
    assert outcome.advice == "Give the key this permission at the provider"
    left = [each.key for each in adapter.list_files()]
    assert len(left) == (check == "delete")


def test_doctor_tells_that_a_probe_is_left(memory):
    found, adapter = memory(Fault("delete_files", denied, at=2, times=1))
    assert found["delete"].warning and "buckia rm" in found["delete"].advice
    assert all(each.key.startswith(PROBE_PREFIX) for each in adapter.list_files())


def test_doctor_deletes_its_probes_when_it_is_interrupted(tmp_path):
    adapter = MemorySync(MemorySettings())
    with BuckiaClient(BucketConfig(provider="memory", base_dir=tmp_path), adapter=adapter) as client:
        outcomes = diagnose(client, write=True)
        while next(outcomes).check != "conditional put":
            pass
        assert list(adapter.list_files())
        assert isinstance(outcomes, Generator)
        outcomes.close()
    assert list(adapter.list_files()) == []


@pytest.mark.parametrize(("hours", "left"), [(0.5, 1), (2, 0)])
def test_doctor_deletes_old_probes_of_others(monkeypatch, hours, left):
    adapter = MemorySync(MemorySettings())
    adapter.upload_file(b"", f"{PROBE_PREFIX}other")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + hours * 3600)
    tried = probe._Probe(ObjectStore(adapter))
    assert tried.clean_up() is None
    assert len(list(adapter.list_files())) == left


@pytest.mark.parametrize(("seconds", "side"), [(-90, "ahead of"), (90, "behind")])
def test_doctor_compares_the_clocks(memory, monkeypatch, seconds, side):
    real = time.time
    monkeypatch.setattr(probe, "time", SimpleNamespace(time=lambda: real() + seconds, perf_counter=real))
    found, _ = memory()
    assert found["server clock"].warning and f"{side} this machine's" in found["server clock"].message
    assert "Set this machine's clock" in found["server clock"].advice


def test_doctor_warns_of_a_condition_that_is_ignored(memory, monkeypatch):
    write = MemorySync.upload_file
    monkeypatch.setattr(MemorySync, "upload_file", lambda self, source, key, **_: write(self, source, key))
    found, _ = memory()
    assert found["conditional put"].warning and "told to keep" in found["conditional put"].message


def test_doctor_warns_of_slow_requests_and_little_space(memory, monkeypatch):
    monkeypatch.setattr(bucket_checks, "SLOW_RESPONSE", -1.0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    found, _ = memory(write=False)
    assert found["latency"].warning and "region" in found["latency"].advice
    assert found["disk space"].warning and found["disk space"].values == {"free_bytes": 1000}


@pytest.mark.parametrize(("content", "warning"), [(b"", True), (b"x" * 5000, True), (None, False)])
def test_doctor_checks_the_state_database(tmp_path, content, warning):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a").write_text("x")
    config = BucketConfig(provider="memory", name="assets", base_dir=tmp_path, paths=["files/"])
    with BuckiaClient(config, adapter=MemorySync(MemorySettings())) as client:
        client.sync()
        path = client.state_files.database
        if content is not None:
            path.write_bytes(content)
        before = path.read_bytes()
        found = {each.check: each for each in diagnose(client)}["state database"]
        assert path.read_bytes() == before
    assert found.error is None and found.warning is warning
    assert ("is damaged" if warning else "is intact") in found.message


def test_doctor_refuses_a_state_of_a_newer_version(tmp_path):
    path = tmp_path / "state.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    found = run_check("state database", lambda: bucket_checks._check_database(path))
    assert found.error is not None and "newer version" in found.message


def test_doctor_names_what_is_installed_and_broken(monkeypatch):
    outcomes = list(software.check_software())
    assert [each.check for each in outcomes] == ["software", "adapters", "plugins"]
    assert "memory" in outcomes[1].values
    (name,) = list(outcomes[2].values)[:1]
    monkeypatch.setitem(registry().broken_plugins, name, "ImportError: no")
    broken = list(software.check_software())[-1]
    assert broken.error is not None and f"--without-plugin {name}" in broken.advice


@pytest.mark.parametrize("error", [Unauthenticated("no"), Throttled("no"), OSError("no"), ValueError("no")])
def test_each_problem_says_what_to_do(error):
    assert failed("put", error).advice


@pytest.mark.parametrize("kind", ["file", "ceph", "b2", "bunny"])
def test_doctor_on_each_provider(request, tmp_path, monkeypatch, kind):
    monkeypatch.undo()
    for name in [name for name in os.environ if name.startswith(("AWS_", "B2_", "BUNNY"))]:
        monkeypatch.delenv(name)
    config = BucketConfig(name="assets", base_dir=tmp_path, **bucket_settings(request, tmp_path, kind))
    with BuckiaClient(config) as client:
        found = {each.check: each for each in diagnose(client, write=True)}
        assert [each.key for each in client.list()] == []
        assert all(each.error is None for each in found.values()), found
        assert not found["delete"].warning
        assert ("multipart" in found) == (kind in ("ceph", "b2"))
        assert found["throughput"].values["down_bytes_per_second"]
        if client.adapter.capabilities.versions:
            assert isinstance(client.adapter, Versioned)
            assert list(client.adapter.list_versions()) == []


@pytest.mark.parametrize("paths", ["", "  paths: [missing/]\n"])
def test_a_missing_secret_is_shown_once(buckia, tmp_path, monkeypatch, paths):
    pytest.importorskip("buckia_b2.settings")
    monkeypatch.chdir(tmp_path)
    text = "a:\n  provider: b2\n  bucket_name: x\n  application_key_id: k\n  application_key: env:BUCKIA_NO_SUCH\n"
    (tmp_path / ".buckia").write_text(text + paths)
    ran = buckia("doctor", "--json")
    assert ran.code != 0
    problems = [record["check"] for record in ran.records if record.get("ok") is False]
    assert problems == ["adapter"]
    checks = [record["check"] for record in ran.records if record.get("bucket") == "a"]
    assert "clock" in checks and "disk space" in checks
    assert ("local folder" in checks) is bool(paths)
