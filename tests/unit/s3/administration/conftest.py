"""Administration of a bucket on a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_s3.config.settings import S3Settings
from buckia_s3.sync import S3Sync
from tests.servers.s3_server import S3Server

On = Callable[..., S3Sync]


@pytest.fixture
def on(bucket_name) -> Iterator[On]:
    """Return an adapter on a fresh bucket of a server: `adapter = on(ceph, ObjectLockEnabledForBucket=True)`.

    `bucket` names another one, which need not exist.
    """
    with ExitStack() as stack:

        def adapter_on(server: S3Server, bucket: str | None = None, **options: Any) -> S3Sync:
            settings = S3Settings(
                bucket_name=bucket or bucket_name(server, "administered", **options),
                endpoint_url=server.endpoint,
                region=server.region,
                access_key_id=Secret(server.access_key),
                secret_access_key=Secret(server.secret_key),
            )
            return stack.enter_context(S3Sync(settings))

        yield adapter_on
