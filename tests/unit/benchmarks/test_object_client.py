"""The program that the comparison of libraries measures."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from tests.benchmarks import object_client


def test_it_puts_all_and_notices_wrong_content(monkeypatch):
    stored: dict[str, bytes] = {}

    @asynccontextmanager
    async def opened(bucket, endpoint):
        async def put(key, data):
            stored[key] = data

        async def get(key):
            return stored[key]

        yield put, get

    monkeypatch.setitem(object_client.OPEN, "dict", opened)
    asyncio.run(object_client.main("dict", "put", "b", "http://e", 100))
    assert len(stored) == 100 and {len(data) for data in stored.values()} == {4096}
    asyncio.run(object_client.main("dict", "get", "b", "http://e", 100))
    stored[object_client.key(99)] = b"other"
    with pytest.raises(SystemExit, match="000099"):
        asyncio.run(object_client.main("dict", "get", "b", "http://e", 100))
