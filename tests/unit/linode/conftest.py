"""The adapter on a fake of Linode's API."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_linode.account import LinodeAccount
from buckia_linode.settings import LinodeSettings
from buckia_linode.sync import LinodeSync
from buckia_s3.config.options import RetryConfig
from tests.servers.linode_api import READ_WRITE, LinodeApi, linode_api

QUICK = RetryConfig(max_retries=2, init_backoff=0.01)

Connect = Callable[..., LinodeSync]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in [
        name for name in os.environ if name.startswith(("AWS_", "LINODE_")) or name.lower().endswith("_proxy")
    ]:
        monkeypatch.delenv(name)


@pytest.fixture
def api() -> Iterator[LinodeApi]:
    """Run a fake of the API that remembers its buckets."""
    with linode_api() as api:
        yield api


@pytest.fixture
def connect(api: LinodeApi) -> Iterator[Connect]:
    """Return adapters for the bucket `photos` with a token, closed at the end; what is `None` is not given."""
    with ExitStack() as stack:

        def connected(**settings: Any) -> LinodeSync:
            given: dict[str, Any] = {
                "bucket_name": "photos",
                "token": Secret(READ_WRITE),
                "api_url": api.url,
                "retry_config": QUICK,
            } | settings
            given = {name: value for name, value in given.items() if value is not None}
            return stack.enter_context(LinodeSync(LinodeSettings(**given)))

        yield connected


@pytest.fixture
def account(connect: Connect) -> LinodeAccount:
    """The account of the fake."""
    return connect(region="us-ord").account
