"""A program that puts or gets many small objects: `object_client.py LIBRARY put|get BUCKET ENDPOINT COUNT`.

It is measured as a whole process, and imports nothing of this repository but the library.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

AT_ONCE = 64
"""Calls at a time."""

Call = Callable[[str, bytes], Awaitable[Any]]
Opened = AbstractAsyncContextManager[tuple[Call, Callable[[str], Awaitable[Any]]]]


def content(number: int) -> bytes:
    """Return the 4 KiB of an object."""
    return b"%016d" % number * 256


def key(number: int) -> str:
    """Return the key of an object."""
    return f"objects/{number:06}"


async def main(library: str, action: str, bucket: str, endpoint: str, count: int) -> None:
    """Put or get all objects, `AT_ONCE` at a time."""
    numbers = iter(range(count))
    async with OPEN[library](bucket, endpoint) as (put, get):

        async def work() -> None:
            for number in numbers:
                if action == "put":
                    await put(key(number), content(number))
                elif bytes(await get(key(number))) != content(number):
                    raise SystemExit(f"{key(number)} has other content")

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


@asynccontextmanager
async def open_buckia(bucket: str, endpoint: str) -> Any:
    """`AsyncObjectStore`."""
    from buckia import AsyncObjectStore, BucketConfig

    region = os.environ["AWS_REGION"]
    config = BucketConfig(provider="s3", bucket_name=bucket, endpoint_url=endpoint, region=region)
    async with AsyncObjectStore(config) as store:
        yield store.put, store.get


@asynccontextmanager
async def open_obstore(bucket: str, endpoint: str) -> Any:
    """Bare obstore, whose work is done by threads of Rust."""
    from obstore.store import S3Store

    options: Any = {"allow_http": True}
    store = S3Store(bucket, endpoint=endpoint, region=os.environ["AWS_REGION"], client_options=options)

    async def get(name: str) -> Any:
        return await (await store.get_async(name)).bytes_async()

    yield store.put_async, get


@asynccontextmanager
async def open_s3fs(bucket: str, endpoint: str) -> Any:
    """s3fs with its coroutines, on this event loop."""
    from s3fs import S3FileSystem

    options = {"max_pool_connections": AT_ONCE}
    files = S3FileSystem(endpoint_url=endpoint, asynchronous=True, skip_instance_cache=True, config_kwargs=options)
    session = await files.set_session()

    async def put(name: str, data: bytes) -> None:
        await files._pipe_file(f"{bucket}/{name}", data)

    async def get(name: str) -> Any:
        return await files._cat_file(f"{bucket}/{name}")

    yield put, get
    await session.close()


@asynccontextmanager
async def open_aioboto3(bucket: str, endpoint: str) -> Any:
    """aioboto3's client."""
    import aioboto3
    from aiobotocore.config import AioConfig

    config = AioConfig(max_pool_connections=AT_ONCE)
    async with aioboto3.Session().client("s3", endpoint_url=endpoint, config=config) as client:

        async def put(name: str, data: bytes) -> None:
            await client.put_object(Bucket=bucket, Key=name, Body=data)

        async def get(name: str) -> Any:
            return await (await client.get_object(Bucket=bucket, Key=name))["Body"].read()

        yield put, get


OPEN: dict[str, Callable[[str, str], Opened]] = {
    "buckia": open_buckia,
    "obstore": open_obstore,
    "s3fs": open_s3fs,
    "aioboto3": open_aioboto3,
}

if __name__ == "__main__":
    of_library, action, of_bucket, at, many = sys.argv[1:]
    asyncio.run(main(of_library, action, of_bucket, at, int(many)))
