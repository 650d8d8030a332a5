"""A browser opens shares on Ceph: what a person sees who was given a link."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from buckia_core.config import BucketConfig
from buckia_core.objects.store import ObjectStore
from buckia_core.sharing.config import ShareConfig
from buckia_core.sharing.shares import Shares
from tests.servers.chromium import Chromium
from tests.servers.s3_server import S3Server

pytestmark = pytest.mark.long

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="37" height="11"><rect width="37" height="11"/></svg>'


@pytest.fixture
def buckets(ceph: S3Server) -> Iterator[tuple[ObjectStore, ObjectStore]]:
    """A private bucket, and one whose objects everybody can read and list, so that an absent one is a 404."""
    keys = {"access_key_id": ceph.access_key, "secret_access_key": ceph.secret_key}
    given: dict[str, Any] = {"provider": "s3", "endpoint_url": ceph.endpoint, "region": ceph.region, **keys}
    with ExitStack() as stack:
        private, public = (
            stack.enter_context(ObjectStore(BucketConfig(bucket_name=ceph.new_bucket(name), **given)))
            for name in ("private", "links")
        )
        yield private, public


def open_to_all(store: ObjectStore) -> None:
    assert store.config is not None
    name = store.config.bucket_name
    administration = store.adapter.inner.inner.administration  # type: ignore[attr-defined]
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{name}{rest}"}
        for action, rest in (("s3:GetObject", "/*"), ("s3:ListBucket", ""))
    ]
    administration.apply(administration.plan("policy", {"Version": "2012-10-17", "Statement": statements}))


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("access", ["public", "protected"])
def test_a_browser_shows_the_image_until_the_share_expires(buckets, chromium: Chromium, access):
    private, public = buckets
    if access == "public":
        open_to_all(public)
    # The key has no extension, so the browser knows the image by its type alone.
    private.put("pics/drawing", SVG, content_type="image/svg+xml")
    with Shares(private, ShareConfig(public.config, access=access)) as shares:
        share = shares.add("pics/drawing", content_disposition="inline")
        assert share.url is not None
        url = share.url.url
        assert chromium.image_width(url) == 37
        document = chromium.document(url)
        assert "<svg" in document and "37" in document
        if access == "protected":
            short = shares.url(share, expires_in=1).url
            time.sleep(2.1)
            assert (status(short), chromium.image_width(short)) == (403, 0)
        later = datetime.now(UTC) + timedelta(days=8)
        with Shares(private, shares.config, now=lambda: later) as swept:
            assert len(swept.sweep().removed) == 1
    assert (status(url), chromium.image_width(url)) == (404, 0)
