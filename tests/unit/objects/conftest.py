"""A store on a bucket of each kind."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from buckia_core.config import BucketConfig
from buckia_core.config.secrets.secret import Secret
from buckia_core.objects.store import ObjectStore
from tests.servers.s3_server import S3Server

OpenStore = Callable[..., ObjectStore]

KINDS = ("memory", "file", "ceph", "linode", "b2", "bunny")


@pytest.fixture(autouse=True)
def _nobodys_account(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("AWS_", "B2_", "BUNNY", "LINODE"))]:
        monkeypatch.delenv(name)


def s3_settings(server: S3Server, bucket: str) -> dict[str, Any]:
    """Return the settings of a bucket on an S3 server."""
    return {
        "provider": "s3",
        "bucket_name": bucket,
        "endpoint_url": server.endpoint,
        "region": server.region,
        "access_key_id": Secret(server.access_key, is_public=True),
        "secret_access_key": Secret(server.secret_key),
    }


@pytest.fixture
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Open stores on fresh buckets: `open_store("ceph", prefix="p")`."""
    with ExitStack() as stack:

        def opened(kind: str, **settings: Any) -> ObjectStore:
            given = bucket_settings(request, tmp_path, kind) | settings
            return stack.enter_context(ObjectStore(BucketConfig(**given)))

        yield opened


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, open_store: OpenStore) -> ObjectStore:
    """A store on a fresh bucket of each kind."""
    return open_store(request.param)


def bucket_settings(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> dict[str, Any]:
    """Return the settings of a fresh bucket of a kind."""
    match kind:
        case "memory":
            return {"provider": "memory", "bucket_name": uuid.uuid4().hex}
        case "file":
            root = tmp_path / f"bucket-{uuid.uuid4().hex[:8]}"
            root.mkdir()
            return {"provider": "file", "root": str(root)}
        case "ceph" | "moto":
            server: S3Server = request.getfixturevalue({"ceph": "ceph", "moto": "moto_server"}[kind])
            return s3_settings(server, server.new_bucket("objects"))
        case "linode":
            ceph = request.getfixturevalue("ceph")
            given = s3_settings(ceph, ceph.new_bucket("objects")) | {"provider": "linode", "ca_bundle": ceph.ca_file}
            return {name: each for name, each in given.items() if name != "region"} | {
                "endpoint_url": ceph.endpoint_tls
            }
        case "b2":
            account = request.getfixturevalue("b2_account")
            return {
                "provider": "b2",
                "bucket_name": account.new_bucket(),
                "application_key_id": Secret(account.key_id, is_public=True),
                "application_key": Secret(account.key),
                "api_url": account.endpoint,
                "multipart_threshold": 5_000_000,
                "part_size": 5_000_000,
            }
        case "bunny":
            account = request.getfixturevalue("bunny_account")
            zone = account.new_zone("objects")
            return {
                "provider": "bunny",
                "bucket_name": zone.name,
                "endpoint_url": zone.endpoint,
                "storage_api_key": Secret(zone.password),
                "api_url": account.core_url,
            }
        case "bunny-without-server":
            return {"provider": "bunny", "bucket_name": "media", "storage_api_key": "password-of-the-zone"}
    raise AssertionError(kind)
