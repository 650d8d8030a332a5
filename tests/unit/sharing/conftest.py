"""Shares of a private bucket in a share bucket, with a clock that tests set."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from buckia_core.config import BucketConfig
from buckia_core.objects.store import ObjectStore
from buckia_core.sharing.config import ShareConfig
from buckia_core.sharing.shares import Shares

BASE = "https://s.example.com/x"


@dataclass
class Clock:
    time: datetime = field(default_factory=lambda: datetime(2026, 3, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **amount: float) -> None:
        self.time += timedelta(**amount)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)


@dataclass
class Pair:
    """A private bucket, its share bucket, and the shares."""

    private: ObjectStore
    public: ObjectStore
    shares: Shares
    clock: Clock

    @property
    def records(self) -> list[str]:
        return [each.key for each in self.private.iter(".buckia-shares/")]

    @property
    def copies(self) -> list[str]:
        return [each.key for each in self.public.iter()]

    def again(self, **config: Any) -> Shares:
        """Return the shares as another machine sees them."""
        kept = self.shares.config
        given = {"access": kept.access, "ttl_days": kept.ttl_days} | config
        return Shares(self.private, ShareConfig(kept.bucket, **given), now=self.clock, sleep=self.clock.sleep)


@pytest.fixture
def open_pair(tmp_path) -> Iterator[Callable[..., Pair]]:
    with ExitStack() as stack:

        def opened(kind: str = "memory", *, access: str = "public", **config: Any) -> Pair:
            def bucket(name: str, **settings: Any) -> BucketConfig:
                if kind == "memory":
                    return BucketConfig(provider="memory", bucket_name=f"{name}-{uuid.uuid4().hex}", **settings)
                root = tmp_path / f"{name}-{uuid.uuid4().hex[:6]}"
                root.mkdir()
                return BucketConfig(provider="file", root=str(root), **settings)

            base = {} if kind == "file" else {"public_url_base": BASE}
            given = ShareConfig(config.pop("bucket", None) or bucket("shared", **base), access=access, **config)
            private = stack.enter_context(ObjectStore(bucket("private")))
            public = stack.enter_context(ObjectStore(given.bucket))
            clock = Clock()
            shares = stack.enter_context(Shares(private, given, now=clock, sleep=clock.sleep))
            return Pair(private, public, shares, clock)

        yield opened


@pytest.fixture(params=["memory", "file"])
def pair(request: pytest.FixtureRequest, open_pair: Callable[..., Pair]) -> Pair:
    return open_pair(request.param)
