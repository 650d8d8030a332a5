"""The commands of every topic, in the test's own process, on a server that knows the topic."""

from __future__ import annotations

import ast
import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from buckia_core.adapters.plugins.registry import Registry
from buckia_core.cli import main
from buckia_s3.administration import CANNED_ACLS, SUBRESOURCES
from buckia_s3.commands import subresources as commands
from tests.unit.s3.administration.test_subresources import DOCUMENTS, REST


@pytest.fixture
def buckia(capsys):
    """Run a command and return its exit code and the lines of JSON."""

    def run(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            code = main([*arguments, "--json"])
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def test_the_commands_are_those_of_the_topics():
    """Help is shown without an import of the topics, so the commands have a table of their own."""
    for name, topic in SUBRESOURCES.items():
        made = commands._SUBRESOURCES[name]
        assert bool(made.delete_help) is topic.removable
        assert made.entry == (topic.merge.key.lower() if topic.merge else "")
    assert list(commands._SUBRESOURCES) == list(SUBRESOURCES)
    assert commands._CANNED == CANNED_ACLS


@pytest.mark.parametrize("adapter_first", [False, True])
def test_the_module_of_the_adapter_is_that_of_the_commands_too(adapter_first):
    plugins = Registry()
    if adapter_first:
        plugins.spec("s3")
    modules = {getattr(hook.plugin, "__name__", "") for hook in plugins.hooks.buckia_register_commands.get_hookimpls()}
    assert "buckia_s3.plugin" in modules
    assert "s3" not in plugins.broken_plugins
    assert plugins.spec("s3").provider == "s3"


def test_help_imports_neither_the_adapter_nor_the_sdk():
    code = (
        "import sys; from buckia_core.cli import main; main(['s3', 'policy', 'set', '--help']); "
        "print({name for name in sys.modules if name.startswith(('buckia_s3', 'botocore', 'yaml'))})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    text, modules = done.stdout.rsplit("\n", 2)[:2]
    assert "Set the bucket policy" in text
    loaded = {name for name in ast.literal_eval(modules) if not name.startswith("buckia_s3.commands")}
    assert loaded == {"buckia_s3", "buckia_s3.plugin"}


@pytest.mark.parametrize("topic", DOCUMENTS)
def test_a_topic_is_set_shown_and_removed(buckia, request, bucket_name, tmp_path, monkeypatch, topic):
    server = request.getfixturevalue("ceph" if topic == "request-payment" else "moto_server")
    settings = {
        "provider": "s3",
        "bucket_name": bucket_name(server, "commands", ObjectLockEnabledForBucket=topic == "object-lock"),
        "endpoint_url": server.endpoint,
        "region": server.region,
        "access_key_id": server.access_key,
        "secret_access_key": server.secret_key,
    }
    (tmp_path / ".buckia").write_text(json.dumps({"assets": settings}))
    (tmp_path / "new.json").write_text(json.dumps(DOCUMENTS[topic]))
    monkeypatch.chdir(tmp_path)
    code, (change, changed) = buckia("s3", topic, "set", "new.json", "--yes")
    assert code == 0
    assert change["diff"]
    code, (shown,) = buckia("s3", topic, "get")
    assert (code, shown["document"]) == (0, changed["document"])
    if not SUBRESOURCES[topic].removable:
        return
    code, (planned,) = buckia("s3", topic, "delete", "--dry-run")
    assert (code, planned["before"]) == (0, shown["document"])
    code, (_, removed) = buckia("s3", topic, "delete", "--yes")
    assert (code, removed["document"]) == (0, REST.get(topic))
    code, (nothing,) = buckia("s3", topic, "delete", "--yes")
    assert (code, nothing["diff"]) == (0, [])
