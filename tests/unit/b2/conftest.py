"""The adapter on a B2 server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from buckia_b2.settings import B2Settings
from buckia_b2.sync import B2Sync
from buckia_core.config.secrets.secret import Secret
from tests.servers.b2.server import B2Account
from tests.unit.b2.scripted import opened

__all__ = ["opened"]

PART = 5_000_000
"""The smallest parts that B2 takes."""

Connect = Callable[..., B2Sync]


@pytest.fixture(autouse=True)
def _no_account_from_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("B2_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def bucket(b2_account: B2Account) -> str:
    """The name of a fresh bucket."""
    return b2_account.new_bucket()


@pytest.fixture
def raw_bucket(b2_account: B2Account, bucket: str) -> Any:
    """The same as b2sdk sees it: another writer, who checks nothing."""
    return b2_account.api().get_bucket_by_name(bucket)


@pytest.fixture
def connect(b2_account: B2Account, bucket: str) -> Iterator[Connect]:
    """Return adapters on the bucket, closed at the end."""
    with ExitStack() as stack:

        def connected(**settings: Any) -> B2Sync:
            given: dict[str, Any] = {
                "bucket_name": bucket,
                "application_key_id": Secret(b2_account.key_id, is_public=True),
                "application_key": Secret(b2_account.key),
                "api_url": b2_account.endpoint,
                "multipart_threshold": PART,
                "part_size": PART,
            } | settings
            return stack.enter_context(B2Sync(B2Settings(**given)))

        yield connected


@pytest.fixture
def b2(connect: Connect) -> B2Sync:
    """An adapter that may do everything."""
    return connect()


@pytest.fixture
def restricted(b2_account: B2Account, bucket: str, connect: Connect) -> Connect:
    """Return adapters whose key may do only what is said, in this bucket and with names of one prefix."""

    def connected(*capabilities: str, name_prefix: str | None = None, **settings: Any) -> B2Sync:
        api = b2_account.api()
        where = [api.get_bucket_by_name(bucket).id_]
        made = api.create_key(list(capabilities), "test", bucket_ids=where, name_prefix=name_prefix)
        return connect(application_key_id=Secret(made.id_), application_key=Secret(made.application_key), **settings)

    return connected
