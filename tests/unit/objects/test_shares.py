"""Shares on each provider, as programs make them: what people see who open the URL, and until when."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from buckia_b2.sync import B2Sync
from buckia_core.errors import NotFound, PermissionDenied
from buckia_core.objects.read import Reader
from buckia_core.objects.store import ObjectStore
from buckia_core.sharing.config import ShareConfig
from buckia_core.sharing.share import Share
from buckia_core.sharing.shares import Shares
from buckia_s3.sync import S3Sync
from tests.unit.objects.conftest import OpenStore

PNG = b"\x89PNG\r\n\x1a\n" + b"image" * 100


def fetch(url: str) -> tuple[int, bytes, dict[str, str]]:
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return response.status, response.read(), {name.lower(): text for name, text in response.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, error.read(), {}


def everybody_reads(store: ObjectStore) -> None:
    """Let everybody read the objects of an S3 bucket."""
    assert store.config is not None
    name = store.config.bucket_name
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}
    administration = store.adapter.inner.inner.administration  # type: ignore[attr-defined]
    administration.apply(administration.plan("policy", {"Version": "2012-10-17", "Statement": [statement]}))


@pytest.fixture
def ceph_pair(open_store: OpenStore):
    private, public = open_store("ceph", prefix="p"), open_store("ceph", prefix="s")
    everybody_reads(public)
    return private, public


def shares_of(private: ObjectStore, public: ObjectStore, *, later: timedelta = timedelta(), **given) -> Shares:
    assert public.config is not None
    return Shares(private, ShareConfig(public.config, **given), now=lambda: datetime.now(UTC) + later)


def denied(self, *_, **__):
    raise PermissionDenied("denied", provider="any")


def address(share: Share) -> str:
    assert share.url is not None
    return share.url.url


@pytest.mark.parametrize("access", ["public", "protected"])
def test_a_share_on_ceph_is_shown_with_its_type_until_it_is_gone(ceph_pair, access):
    private, public = ceph_pair
    private.put("pics/a b.png", PNG, content_type="image/x-special", metadata={"customer": "7"})
    with shares_of(private, public, access=access) as shares:
        share = shares.add("pics/a b.png", cache_control="max-age=60", content_disposition="inline")
        status, content, headers = fetch(address(share))
        assert (status, content, headers["content-type"]) == (200, PNG, "image/x-special")
        assert (headers["cache-control"], headers["content-disposition"]) == ("max-age=60", "inline")
        assert "customer" not in str(headers)
        again = shares.add("pics/a b.png", cache_control="max-age=60", content_disposition="inline")
        assert (again.id, fetch(address(again))[0]) == (share.id, 200)
        if access == "protected":
            assert fetch(address(share).partition("?")[0])[0] == 200  # the test's bucket is readable by everybody
        assert [each.id for each in shares.remove(address(share))] == [share.id]
        # S3 does not say that an object is absent to those who may not list the bucket.
        assert fetch(address(share))[0] == (404 if access == "protected" else 403)


def test_the_server_copies_and_keeps_the_headers_of_the_object(ceph_pair, monkeypatch):
    private, public = ceph_pair
    assert private.config is not None
    with ObjectStore(private.config.with_changes(objects=[{"match": "*", "cache_control": "no-cache"}])) as based:
        based.put("a.txt", b"x" * 100_000)
    monkeypatch.setattr(Reader, "stream", None)
    with shares_of(private, public, access="public") as shares:
        found = fetch(address(shares.add("a.txt")))
    assert (found[0], len(found[1]), found[2]["cache-control"]) == (200, 100_000, "no-cache")


def test_credentials_for_the_share_bucket_alone_stream_the_content(ceph_pair, monkeypatch):
    private, public = ceph_pair
    private.put("a.txt", b"1", content_type="text/x-a")

    monkeypatch.setattr(S3Sync, "copy_from", denied)
    with shares_of(private, public, access="public") as shares:
        share = shares.add("a.txt", cache_control="no-store")
        status, content, headers = fetch(address(share))
    assert (status, content, headers["content-type"], headers["cache-control"]) == (200, b"1", "text/x-a", "no-store")


def test_a_signed_share_expires_by_itself(open_store):
    private, public = open_store("ceph"), open_store("ceph")
    private.put("a.txt", b"1")
    with shares_of(private, public) as shares:
        share = shares.add("a.txt")
        url = shares.url(share, expires_in=1)
        assert fetch(url.url)[0] == 200
        assert fetch(url.url.partition("?")[0])[0] == 403
        time.sleep(2.1)
        assert fetch(url.url)[0] == 403
        with shares_of(private, public, later=timedelta(days=8)) as late:
            assert [each.url for each in late.list()] == [None]
            assert len(late.sweep().removed) == 1
        assert fetch(shares._place.store.presigned_get(share.share_key).url)[0] == 404


def test_a_rule_by_tag_is_a_second_line(ceph_pair, open_store):
    private, public = ceph_pair
    private.put("a.txt", b"1")
    with shares_of(private, public, access="public", lifecycle=True, ttl_days=7) as shares:
        share = shares.add("a.txt")
        adapter = public.adapter.inner.inner
        tags = adapter.boto3_client().get_object_tagging

        def tags_now() -> list[tuple[str, str]]:
            found = tags(Bucket=public.config.bucket_name, Key=f"s/{share.share_key}").get("TagSet", [])
            return [(each["Key"], each["Value"]) for each in found]

        assert tags_now() == [("buckia-share-days", "8")]
        assert shares.add("a.txt", ttl_days=60).id == share.id
        assert tags_now() == [("buckia-share-days", "91")]
        shares.add("a.txt", ttl_days=0)
        assert tags_now() == []
        rules = adapter.administration.get("lifecycle")["Rules"]
        assert {each["ID"]: each["Expiration"]["Days"] for each in rules} == {
            f"buckia-share-days-{days}": days for days in (8, 31, 91, 366)
        }
        print(rules)
        assert shares.ensure_lifecycle() is False


@pytest.mark.parametrize("kind", ["file", "b2", "bunny"])
def test_the_calls_of_a_program(open_store, kind):
    private, public = open_store(kind), open_store(kind)
    if kind == "bunny":
        public = open_store("bunny", public_url_base="https://cdn.example.com/s")
    private.put("pics/a.png", PNG, content_type="image/png")
    with shares_of(private, public, access="public", ttl_days=0) as shares:
        share = shares.add("pics/a.png", name="Summer")
        assert share.expires is None and share.share_key.startswith("summer/")
        assert public.get(share.share_key) == PNG
        if kind == "b2":
            assert public.stat(share.share_key).content_type == "image/png"
        if kind == "file":
            assert fetch(address(share))[1] == PNG
        assert shares.add("pics/a.png", name="Summer", ttl_days=1).id == share.id
        assert [(each.key, str(each.url)) for each in shares.list()] == [("pics/a.png", address(share))]
        assert shares.sweep().removed == ()
        with shares_of(private, public, access="public", later=timedelta(days=2)) as late:
            assert [each.id for each in late.sweep().removed] == [share.id]
        assert not public.exists(share.share_key) and list(private.iter(".buckia-shares")) == []


@pytest.mark.parametrize("kind", ["ceph", "b2", "bunny"])
def test_a_signature_of_a_share_never_shows(open_store, kind, caplog):
    private = open_store(kind)
    public = open_store(kind, **({"pull_zone": "media", "token_key": "zone-key"} if kind == "bunny" else {}))
    private.put("a.txt", b"1")
    with caplog.at_level(logging.DEBUG), shares_of(private, public) as shares:
        share = shares.add("a.txt")
        url = shares.url(share)
        listed = shares.list()
        with pytest.raises(NotFound) as caught:
            shares.remove(url.url.replace(share.share_key, "other/key"))
    secret = max(url.url.partition("?")[2].replace("&", "=").split("="), key=len)
    shown = [repr(share), str(share.url), repr(listed), str(caught.value), caplog.text]
    shown += [private.get(each.key).decode() for each in private.iter(".buckia-shares")]
    assert len(secret) > 20 and not [text for text in shown if secret in text]


@pytest.mark.parametrize("on_server", [True, False])
def test_b2_keeps_the_headers_of_the_object(open_store, monkeypatch, on_server):
    # Exactly one way works.
    monkeypatch.setattr(*((Reader, "stream", None) if on_server else (B2Sync, "copy_from", denied)))
    private, public = open_store("b2", objects=[{"match": "*", "cache_control": "no-cache"}]), open_store("b2")
    private.put("a.txt", b"1", metadata={"customer": "7"})
    with shares_of(private, public, access="public") as shares:
        share = shares.add("a.txt", content_disposition="attachment")
    stored = public.stat(share.share_key)
    assert (public.get(share.share_key), stored.content_type, stored.metadata) == (b"1", "text/plain", {})
    found = public.adapter.read_attributes(share.share_key)
    assert (found.cache_control, found.content_disposition) == ("no-cache", "attachment")


def plain(store: ObjectStore) -> dict[str, Any]:
    """Return the settings of a bucket, with its secrets, for another process."""
    assert store.config is not None
    values = {name: getattr(each, "reveal", lambda each=each: each)() for name, each in store.config.settings.items()}
    return {"provider": store.config.provider, **values}


@pytest.mark.parametrize("kind", ["file", "ceph"])
def test_processes_that_share_and_sweep_at_once_lose_nothing(open_store, kind, monkeypatch):
    from tests.unit.sharing import rivals

    private, public = open_store(kind), open_store(kind)
    for key in rivals.KEYS:
        private.put(key, key.encode())
    given = {"private": plain(private), "shared": plain(public), "seconds": 1.5}
    captured: dict[str, Any] = {"text": True, "capture_output": True}
    command = [sys.executable, "-m", "tests.unit.sharing.rivals"]
    work = [json.dumps(given | {"seed": number}) for number in range(2)]
    with ThreadPoolExecutor(2) as pool:
        ran = list(pool.map(lambda text: subprocess.run(command, check=False, input=text, **captured), work))
    assert [each.stderr for each in ran if each.returncode or int(each.stdout) < 1] == []
    with shares_of(private, public, access="public") as shares:
        rivals.check(shares, private, public)
