"""URLs: public and signed ones, what they open, and that a signature never shows."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
import urllib.error
import urllib.request
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buckia_core.adapters.contract.object_urls import key_below, url_below
from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import AdapterError, InvalidSetting, NotSupported
from buckia_core.objects.urls import ObjectUrl, UrlPolicy

BASE = "https://cdn.example.com/assets"
KEYS = ("a.txt", "d/a b+ü?#%.txt", "d//x", "d/.x", "%41", "d/ä/日本", "a&b=c")


def fetch(url: str, **options) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(url, **options)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read(), dict(response.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


@pytest.fixture
def signing(open_store, request):
    """A store that signs, of each kind."""
    pull_zone = {"pull_zone": "media", "token_key": "zone-key"}
    return open_store(request.param, **(pull_zone if request.param == "bunny" else {}))


SIGNING = pytest.mark.parametrize("signing", ["ceph", "b2", "bunny"], indirect=True)


def test_a_public_base_makes_durable_urls_on_every_provider(store, open_store):
    kind = store.config.provider
    kind = {"s3": "ceph"}.get(kind, kind)
    based = open_store(kind, public_url_base=BASE, prefix="p/q")
    for key in KEYS:
        if kind in ("b2", "bunny", "file") and key == "d//x":
            continue
        for policy in (UrlPolicy.AUTO, "public"):
            found = based.url(key, policy=policy)
            assert found.url == str(found) == url_below(BASE, f"p/q/{key}")
            assert (found.expires, found.method) == (None, "GET")
            assert based.key_from_url(found) == based.key_from_url(found.url) == key
    elsewhere = ("https://cdn.example.com/other/a", "https://evil.example.com/assets/p/q/a", "x", "")
    for other in (*elsewhere, f"{BASE}/p/a", f"{BASE}/p/q/"):
        assert based.key_from_url(other) is None
    assert based.key_from_url("HTTPS://CDN.example.com:443/assets/p/q/a?x=1#y") == "a"


def test_urls_of_a_folder_are_file_urls(open_store):
    store = open_store("file", prefix="p")
    store.put("d/ü 1.txt", b"content")
    found = store.url("d/ü 1.txt")
    assert found.url.startswith("file:///") and found.url.endswith("/p/d/%C3%BC%201.txt")
    assert fetch(found.url)[1] == b"content"
    assert store.key_from_url(found.url) == "d/ü 1.txt"
    with pytest.raises(NotSupported, match="signs no URLs"):
        store.url("a", policy="presigned")


def test_what_a_provider_lacks_is_not_supported(open_store):
    store = open_store("memory")
    for make in (store.url, lambda key: store.url(key, policy="public"), store.presigned_get, store.presigned_put):
        with pytest.raises(NotSupported):
            make("a")
    with pytest.raises(InvalidSetting, match="auto, public, presigned"):
        store.url("a", policy="private")
    for signer in (open_store("b2"), open_store("bunny", pull_zone="media", token_key="zone-key")):
        with pytest.raises(NotSupported, match="PUT"):
            signer.presigned_put("a")
    with pytest.raises(NotSupported, match="type"):
        open_store("bunny", pull_zone="media", token_key="k").presigned_get("a", response_content_type="text/html")


@SIGNING
@pytest.mark.parametrize("time", [0, -1, 0.5, 604_801, timedelta(days=7, seconds=1), True, "7d", float("nan")])
def test_a_time_beyond_seven_days_is_refused(signing, time):
    with pytest.raises(InvalidSetting, match="7 days"):
        signing.presigned_get("a", expires_in=time)


@SIGNING
def test_a_signed_url_is_the_default_without_a_base_and_expires(signing):
    found = signing.url("d/a b.txt", expires_in=timedelta(days=7))
    assert found.expires is not None
    assert abs(found.expires - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=1)
    assert signing.key_from_url(found) == signing.key_from_url(found.url) == "d/a b.txt"


@pytest.mark.parametrize("kind", ["ceph", "b2"])
def test_a_signed_url_opens_the_object_with_type_and_disposition(open_store, kind):
    store = open_store(kind)
    store.put("d/ü.bin", b"content")
    assert fetch(store.presigned_get("d/ü.bin").url)[:2] == (200, b"content")
    shown = 'attachment; filename="report.csv"'
    found = store.presigned_get(
        "d/ü.bin", response_content_type="text/csv; charset=utf-8", response_content_disposition=shown
    )
    status, body, headers = fetch(found.url)
    assert (status, body) == (200, b"content")
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    assert headers["Content-Disposition"] == shown
    assert fetch(found.url.replace("csv", "html"))[0] in (400, 401, 403)


def test_a_signed_url_for_put_takes_the_type_it_was_signed_for(open_store):
    store = open_store("ceph")
    plain = store.presigned_put("plain", expires_in=600)
    assert plain.headers == () and plain.method == "PUT"
    assert fetch(plain.url, method="PUT", data=b"1", headers={"Content-Type": ""})[0] == 200
    typed = store.presigned_put("typed.png", expires_in=600, content_type="image/png")
    assert typed.headers == (("Content-Type", "image/png"),)
    assert fetch(typed.url, method="PUT", data=b"1", headers={"Content-Type": "text/html"})[0] == 403
    assert fetch(typed.url, method="PUT", data=b"12", headers=dict(typed.headers))[0] == 200
    assert store.stat("typed.png").content_type == "image/png" and store.get("typed.png") == b"12"


def test_a_signed_url_of_the_pull_zone_opens_the_object(open_store, bunny_account):
    store = open_store("bunny")
    adapter = store.adapter
    zones = bunny_account.core("GET", "/storagezone")[1]
    zone = next(each for each in zones if each["Name"] == store.config.bucket_name)
    status, pull = bunny_account.core(
        "POST", "/pullzone", {"Name": f"p{zone['Id']}", "StorageZoneId": zone["Id"], "OriginType": 2}
    )
    assert status == 201 and adapter is not None
    key = pull["ZoneSecurityKey"]
    bunny_account.core("POST", f"/pullzone/{pull['Id']}", {"ZoneSecurityEnabled": True})
    config = store.config.with_changes(hostname=pull["Hostnames"][0]["Value"], token_key=key)
    with type(store)(config) as signing:
        signing.put("d/a b.txt", b"content")
        found = signing.presigned_get("d/a b.txt")
        assert bunny_account.fetch(found.url)[:2] == (200, b"content")
        assert bunny_account.fetch(found.redacted)[0] == 403
        assert bunny_account.fetch(signing.url("d/a b.txt", policy="public").url)[0] == 403


def signatures(found: ObjectUrl) -> list[str]:
    names = ("x-amz-signature", "x-amz-security-token", "x-amz-s3session-token", "authorization", "token")
    return [value for name, value in parse_qsl(urlsplit(found.url).query) if name.lower() in names]


def fail(url: str) -> None:
    raise AdapterError(f"no answer from {url}")


@SIGNING
def test_a_signature_never_shows(signing, caplog, capsys):
    found = signing.presigned_get("secret.txt")
    hidden = signatures(found)
    assert hidden and all(len(each) > 20 for each in hidden)
    shown = [str(found), repr(found), f"{found}", f"{found!r:>5}", f"{[found]}", f"{vars(found)}"]
    shown += [str(asdict(found)), json.dumps(asdict(found), default=str), json.dumps({"u": found}, default=str)]
    shown += [str(pickle.dumps(found)), str(pickle.loads(pickle.dumps(found))), repr(replace(found))]
    logger = redacted_logger("buckia_core.test-of-urls")
    with caplog.at_level(logging.DEBUG):
        logger.warning("link %s, %s", found, found.url)
        try:
            fail(found.url)
        except AdapterError as error:
            shown += [str(error), repr(error), traceback.format_exc()]
            logger.exception("failed %s", found.url)
    shown += [caplog.text, *capsys.readouterr()]
    for text in shown:
        for value in hidden:
            assert value not in text and value.replace("=", "%3D") not in text
    assert all("***" in text for text in (str(found), repr(found), caplog.text))
    assert copy.deepcopy(found).url == copy.copy(found).url == found.url
    assert found == copy.copy(found) and len({found, copy.copy(found)}) == 1 and found != signing.presigned_get("b")
    for lossy in (pickle.loads(pickle.dumps(found)), replace(found)):
        with pytest.raises(ValueError, match="left out"):
            _ = lossy.url


def test_an_unknown_kind_of_signature_is_left_out_as_a_whole():
    soon = datetime.now(UTC)
    for url in ("https://h/a?sv=1&hash=abcdef", "https://h/a?x-unknown=abcdef"):
        found = ObjectUrl.signed("a", url, method="GET", expires=soon)
        assert str(found) == "https://h/a?***" and found.url == url


def test_a_session_token_does_not_show(open_store):
    store = open_store("ceph", session_token="the-session-token-of-a-role")
    found = store.presigned_get("a")
    assert "the-session-token-of-a-role" in found.url and "the-session-token-of-a-role" not in f"{found} {found!r}"


keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
BASES = ["https://cdn.example.com", "https://cdn.example.com/", "https://h:8443/a%20b/c", "file:///mnt/share"]


@given(key=keys, prefix=st.sampled_from(["", "p/", "p/ü q/"]), base=st.sampled_from(BASES), query=st.booleans())
def test_a_key_is_found_again_in_its_url(key, prefix, base, query):
    url = url_below(base, prefix + key)
    assert url.isascii() and " " not in url
    assert key_below(f"{url}?X-Amz-Signature=1#x" if query else url, ["https://other", base], prefix) == key
    assert key_below(url, ["https://other.example.com"], prefix) is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=keys, escape=st.booleans())
def test_a_key_of_a_zone_is_found_again(open_store, key, escape):
    store = open_store("bunny-without-server", hostname="m.example.com", token_key="k" * 20, escape_names=escape)
    try:
        found = store.url(key, policy="public")
    except AdapterError:
        return
    assert store.key_from_url(found) == store.key_from_url(store.presigned_get(key)) == key


@given(url=st.text(max_size=60))
def test_any_text_is_a_url_of_another_place(url):
    assert key_below(url, [BASE], "") is None or url.lower().startswith("https://")


def test_a_file_url_is_of_the_right_root(tmp_path, open_store):
    store = open_store("file")
    outside = (Path(store.config.settings["root"]).parent / "x").as_uri()
    assert store.key_from_url(outside) is None
