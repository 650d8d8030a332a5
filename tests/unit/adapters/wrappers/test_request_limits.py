"""`rate_limit` by every adapter that sends requests of its own: each request waits, by a clock of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from buckia_b2.settings import B2Settings
from buckia_b2.sync import B2Sync
from buckia_bunny.factory import open_zone
from buckia_bunny.settings import BunnySettings
from buckia_core.adapters.contract.base import BaseSync
from buckia_core.adapters.transfers.retry import RetryPolicy
from buckia_core.adapters.wrappers import CallLogging, RateLimit, RequestCounting, Retry
from buckia_core.config.secrets.secret import Secret
from buckia_linode.settings import LinodeSettings
from buckia_linode.sync import LinodeSync
from buckia_s3.config.settings import S3Settings
from buckia_s3.sync import S3Sync
from tests.servers.scripted_server import Asked, Reply, Script, scripted_server

PAGES = 30


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def s3_pages() -> Script:
    """Pages of one object each. The first answer is a failure that passes."""
    numbers = count()

    def script(_: Asked) -> Reply:
        number = next(numbers)
        if not number:
            return Reply(503, "<Error><Code>SlowDown</Code></Error>")
        last = number == PAGES
        following = "" if last else f"<NextContinuationToken>{number}</NextContinuationToken>"
        return Reply(
            body=f"<ListBucketResult><IsTruncated>{str(not last).lower()}</IsTruncated>{following}"
            f"<Contents><Key>{number:03}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{number:032x}&quot;</ETag><Size>1</Size></Contents></ListBucketResult>"
        )

    return script


def b2_pages() -> Script:
    """As `s3_pages`, after the key was shown."""
    numbers = count()

    def script(asked: Asked) -> Reply:
        if "authorize" in asked.target:
            urls = dict.fromkeys(("apiUrl", "downloadUrl", "s3ApiUrl"), f"http://{asked.headers['host']}")
            allowed = {"capabilities": ["listFiles"], "buckets": [{"id": "i", "name": "bucket"}]}
            storage = {**urls, "allowed": allowed}
            return Reply(body={"accountId": "a", "authorizationToken": "t", "apiInfo": {"storageApi": storage}})
        number = next(numbers)
        if not number:
            return Reply(503, {"status": 503, "code": "service_unavailable", "message": ""})
        file = {
            "fileId": f"4_{number}", "fileName": f"{number:03}", "action": "upload", "contentLength": 1,
            "fileInfo": {}, "uploadTimestamp": 1, "contentType": None, "contentSha1": None,
        }  # fmt: skip
        return Reply(body={"files": [file], "nextFileName": None if number == PAGES else f"{number:03} "})

    return script


def bunny_directories() -> Script:
    """A directory of thirty directories, each of which has nothing in it. The first answer is a failure."""
    numbers = count()

    def script(asked: Asked) -> Reply:
        if not next(numbers):
            return Reply(400, {"HttpCode": 400, "Message": "Unable to process request"})
        names = [f"{number:03}" for number in range(PAGES)] if asked.target == "/bucket/" else []
        return Reply(body=[{"ObjectName": name, "IsDirectory": True, "Length": 0} for name in names])

    return script


def _s3(endpoint: str) -> BaseSync:
    return S3Sync(S3Settings(bucket_name="bucket", endpoint_url=endpoint, region="us-east-1", skip_signature=True))


def _linode(endpoint: str) -> BaseSync:
    return LinodeSync(LinodeSettings(bucket_name="bucket", endpoint_url=endpoint, skip_signature=True))


def _b2(endpoint: str) -> BaseSync:
    key_id, key = Secret("005"), Secret("K")
    return B2Sync(B2Settings(bucket_name="bucket", api_url=endpoint, application_key_id=key_id, application_key=key))


def _bunny(endpoint: str) -> BaseSync:
    return open_zone(BunnySettings(bucket_name="bucket", endpoint_url=endpoint, storage_api_key=Secret("p")))


@pytest.mark.parametrize(
    ("connect", "script", "requests"),
    [
        (_s3, s3_pages, 1 + PAGES),
        (_linode, s3_pages, 1 + PAGES),
        (_b2, b2_pages, 2 + PAGES),
        (_bunny, bunny_directories, 2 + PAGES),
    ],
)
def test_each_request_of_a_listing_waits(
    monkeypatch: pytest.MonkeyPatch,
    connect: Callable[[str], BaseSync],
    script: Callable[[], Script],
    requests: int,
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    time = Time()
    with scripted_server(script()) as server, connect(server.endpoint) as adapter:
        limited = RateLimit(CallLogging(RequestCounting(adapter)), 20, clock=time, sleep=time.sleep)
        listing = Retry(limited, policy=RetryPolicy(clock=time, sleep=lambda _: None)).list_files()
        assert len(list(listing)) == (0 if connect is _bunny else PAGES)
        assert len(server.asked) == limited.request_count == requests
    assert time.now == pytest.approx((requests - 20) / 20), "a second's worth at once, and the rest in its turn"
