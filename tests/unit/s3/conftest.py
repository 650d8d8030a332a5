"""An adapter on a server that answers as a test says."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_s3.config.settings import S3Settings
from buckia_s3.sync import S3Sync
from tests.servers.s3_server import S3Server
from tests.unit.s3.scripted_server import Script, ScriptedServer, scripted

SECRET = "the-secret-that-must-not-show"

Connect = Callable[..., tuple[S3Sync, ScriptedServer]]


@pytest.fixture(autouse=True)
def _nobodys_account(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Start a server with a script and return an adapter on it, and the server."""
    with ExitStack() as stack:

        def connected(script: Script, **settings: Any) -> tuple[S3Sync, ScriptedServer]:
            server = stack.enter_context(scripted(script))
            given: dict[str, Any] = {
                "bucket_name": "bucket",
                "endpoint_url": server.endpoint,
                "access_key_id": Secret("AK"),
                "secret_access_key": Secret(SECRET),
                "read_timeout": 5.0,
            }
            return stack.enter_context(S3Sync(S3Settings(**given | settings))), server

        yield connected


@pytest.fixture
def adapter_on() -> Iterator[Callable[..., S3Sync]]:
    """Return an adapter on a bucket of a real server: `adapter_on(ceph, bucket_name(ceph))`."""
    with ExitStack() as stack:

        def adapter_on(server: S3Server, bucket: str, **settings: Any) -> S3Sync:
            given: dict[str, Any] = {
                "bucket_name": bucket,
                "endpoint_url": server.endpoint,
                "region": server.region,
                "access_key_id": Secret(server.access_key),
                "secret_access_key": Secret(server.secret_key),
            }
            return stack.enter_context(S3Sync(S3Settings(**given | settings)))

        yield adapter_on
