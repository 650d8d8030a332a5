"""Servers that do not respond as bunny.net does: redirects, other hosts, malformed and oversized responses."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from buckia_bunny import http
from buckia_bunny.account_factory import open_account
from buckia_bunny.factory import open_zone
from buckia_bunny.settings import BunnySettings, ClientKind
from buckia_bunny.sync import BunnySync
from buckia_core.adapters.contract.types import IfAbsent
from buckia_core.adapters.wrappers import Retry
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, IntegrityError, MissingCredentials, NotFound, PreconditionFailed, Transient
from buckia_core.http.blocking import run_blocking
from tests.servers.scripted_server import Asked, Reply, ScriptedServer, scripted_server

PASSWORD = "the-password-of-the-zone"
API_KEY = "the-key-of-the-account"

Script = Callable[[Asked], Reply]
Open = Callable[..., tuple[BunnySync, ScriptedServer]]


def entry(name: str = "k", data: bytes = b"abc", **more: Any) -> dict[str, Any]:
    return {
        "Guid": f"guid of {name}", "ObjectName": name, "Length": len(data), "IsDirectory": False,
        "LastChanged": "2026-01-01T00:00:00.5", "Checksum": hashlib.sha256(data).hexdigest().upper(),
    } | more  # fmt: skip


def directory(name: str) -> dict[str, Any]:
    return entry(name, b"", IsDirectory=True, Checksum=None)


@pytest.fixture
def opened() -> Iterator[Open]:
    """Return an adapter and its server, which is storage host and API at once."""
    with ExitStack() as stack:

        def opened(script: Script | Reply, **settings: Any) -> tuple[BunnySync, ScriptedServer]:
            server = stack.enter_context(scripted_server((lambda _: script) if isinstance(script, Reply) else script))
            given: dict[str, Any] = {
                "bucket_name": "zone",
                "endpoint_url": server.endpoint,
                "storage_api_key": Secret(PASSWORD),
                "api_key": Secret(API_KEY),
                "api_url": server.endpoint,
            } | settings
            adapter = open_zone(BunnySettings(**{name: value for name, value in given.items() if value is not None}))
            assert isinstance(adapter, BunnySync)
            return stack.enter_context(adapter), server

        yield opened


# --- redirects and other hosts -------------------------------------------------------------------------------


def _listed(adapter: BunnySync) -> object:
    return list(adapter.list_files())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("client", list(ClientKind))
@pytest.mark.parametrize(
    "call",
    [
        _listed,
        lambda adapter: adapter.stat_file("k"),
        lambda adapter: adapter.upload_file(b"PRIVATE", "k"),
        lambda adapter: adapter.account.storage_zones(),
        lambda adapter: adapter.account.pull_zone("5"),
        lambda adapter: adapter.account.purge_url("https://zone.b-cdn.net/k"),
        lambda adapter: adapter.account.purge_zone(5),
        lambda adapter: adapter.account.statistics(),
    ],
)
def test_no_redirect_is_followed(opened, status, client, call):
    with scripted_server(lambda _: Reply(body={})) as other:
        adapter, _ = opened(Reply(status, headers={"Location": f"{other.endpoint}/elsewhere"}), client=client)
        with pytest.raises(AdapterError, match="a redirect, which is not followed"):
            call(adapter)
        assert other.asked == []


@pytest.mark.parametrize("client", list(ClientKind))
def test_netrc_is_not_used(opened, monkeypatch, tmp_path, client):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login nobody password nothing\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    adapter, server = opened(Reply(body={"TotalRequestsServed": 1}), client=client)
    with pytest.raises(AdapterError):
        adapter.account.statistics()
    (asked,) = server.asked
    assert asked.headers["accesskey"] == API_KEY
    assert "authorization" not in asked.headers


def zone_response(host: object) -> Reply:
    zone = {
        "Id": 1, "Name": "zone", "Region": "DE", "StorageHostname": host, "Password": PASSWORD, "StorageUsed": 0,
        "FilesStored": 0,
    }  # fmt: skip
    return Reply(body={"Items": [zone], "HasMoreItems": False})


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1@evil.example", "evil.example/127.0.0.1", "", None, 5])
def test_the_api_does_not_send_clients_to_other_hosts(opened, host):
    adapter, server = opened(zone_response(host), endpoint_url=None, storage_api_key=None)
    with pytest.raises(AdapterError):
        adapter.upload_file(b"PRIVATE", "k")
    assert [asked.target.partition("?")[0] for asked in server.asked] == ["/storagezone"]


def test_the_api_may_name_a_host_of_the_service(opened):
    adapter, _ = opened(zone_response("ny.storage.bunnycdn.com"), endpoint_url=None, storage_api_key=None)
    assert adapter._endpoint.zone_url().url == "http://ny.storage.bunnycdn.com/zone/"


@pytest.mark.parametrize("key", ["a\nb", "a\r\nX: y", "schlüssel"])
def test_a_key_that_no_header_can_have_does_not_show(opened, key):
    adapter, server = opened(Reply(body=[]), storage_api_key=Secret(key))
    with pytest.raises(MissingCredentials, match="an invalid character") as caught:
        list(adapter.list_files())
    assert key not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert server.asked == []


def test_keys_that_a_server_repeats_do_not_show(opened):
    def script(asked: Asked) -> Reply:
        return Reply(400, {"HttpCode": 400, "Message": f"your key {asked.headers['accesskey']} is odd"})

    for client in ClientKind:
        adapter, _ = opened(script, client=client)
        for call in (_listed, lambda adapter: adapter.account.purge_zone(5)):
            with pytest.raises(AdapterError, match=r"your key \*\*\* is odd"):
                call(adapter)


@pytest.mark.parametrize("covered", ["127.0.0.0/8", "127.0.0.1:{port}", "::1, 127.0.0.1", "*"])
@pytest.mark.parametrize("client", list(ClientKind))
def test_no_proxy_is_read_as_curl_and_go_do(opened, monkeypatch, client, covered):
    with scripted_server(lambda _: Reply(502)) as proxy:
        adapter, server = opened(Reply(204, b""), client=client)
        monkeypatch.setenv("http_proxy", proxy.endpoint)
        monkeypatch.setenv("no_proxy", covered.format(port=server.endpoint.rpartition(":")[2]))
        adapter.account.purge_zone(5)
        assert (len(server.asked), proxy.asked) == (1, [])
        monkeypatch.setenv("no_proxy", "127.0.0.1:1, 10.0.0.0/8, example.com")
        adapter, server = opened(Reply(204, b""), client=client)
        with pytest.raises(AdapterError):
            adapter.account.purge_zone(5)
        assert (server.asked, len(proxy.asked) > 0) == ([], True)


def test_the_token_of_a_purged_address_does_not_show(opened):
    for client in ClientKind:
        adapter, _ = opened(Reply(400, {"Message": "no"}), client=client)
        with pytest.raises(AdapterError, match=r"purging https://zone\.b-cdn\.net/k: no"):
            adapter.account.purge_url("https://zone.b-cdn.net/k?token=HS256-secret&expires=5")


# --- other forms ---------------------------------------------------------------------------------------------

ODD_LISTINGS = [
    b"", b"<html>", b"null", b"{}", b"5", b"[5]", b"[[]]", b"[" * 100_000, b'[{"a": ' * 50_000, b"\xff\xfe[", "[9" * 9,
    [entry(Length=10**400)], [entry(Length=-1)], [entry(Length=None)], [entry(Length="3")], [entry(Length=2.5)],
    [entry(ObjectName=5)], [entry(ObjectName="")], [entry(ObjectName="a/b")], [entry(ObjectName="..")],
    [entry(ObjectName="\ud800")], [entry(IsDirectory=None)], [entry(LastChanged=None)], [entry(LastChanged="soon")],
    [entry(LastChanged="9999-01-01T00:00:00")], [entry(LastChanged="1900-01-01T00:00:00")], [entry(Checksum=5)],
    [entry(Checksum=None, Guid=None)], [entry(), entry()], [directory("d"), directory("d")],
    [{name: value for name, value in entry().items() if name != "Length"}],
    [{name: value for name, value in entry().items() if name != "IsDirectory"}],
]  # fmt: skip


@pytest.mark.parametrize("body", ODD_LISTINGS)
def test_a_malformed_listing(opened, body):
    adapter, _ = opened(lambda asked: Reply(body=body if asked.target == "/zone/" else []))
    with pytest.raises(AdapterError, match="unknown form") as caught:
        list(Retry(adapter).list_files())
    assert not caught.value.retryable


def test_a_directory_that_has_itself_ends(opened):
    adapter, server = opened(Reply(body=[directory("d" * 250)]))
    with pytest.raises(AdapterError, match="path is too long"):
        list(adapter.list_files())
    assert len(server.asked) < 100


@pytest.mark.parametrize("body", [b"", b"<html>No such page</html>", b"null", b"[]"])
def test_a_404_of_a_proxy_is_no_empty_directory(opened, body):
    adapter, _ = opened(lambda asked: Reply(body=[directory("d")]) if asked.target == "/zone/" else Reply(404, body))
    with pytest.raises(AdapterError):
        list(adapter.list_files())


def test_a_404_of_a_proxy_is_no_missing_object(opened):
    adapter, _ = opened(Reply(404, b"<html>"))
    for call in (adapter.stat_file, adapter.read_file, lambda key: adapter.upload_file(b"1", key, expect=IfAbsent())):
        with pytest.raises(AdapterError, match="unknown form") as caught:
            call("k")
        assert not isinstance(caught.value, NotFound)
    (outcome,) = adapter.delete_files(["k"])
    assert outcome.error is not None


def test_a_page_for_people_does_not_delete(opened):
    responses = {"DESCRIBE": Reply(body=entry()), "DELETE": Reply(200, b"<html>Welcome to the hotel</html>")}
    adapter, _ = opened(lambda asked: responses[asked.method])
    (outcome,) = adapter.delete_files(["k"])
    assert isinstance(outcome.error, AdapterError)


@pytest.mark.parametrize("client", list(ClientKind))
@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"5", b"[" * 100_000, b"{}", b'{"Items": 5}'])
@pytest.mark.parametrize(
    "call",
    [
        lambda account: account.storage_zones(),
        lambda account: account.pull_zone("5"),
        lambda account: account.statistics(),
    ],
)
def test_malformed_responses_of_the_api(opened, client, body, call):
    adapter, _ = opened(Reply(body=body), client=client)
    with pytest.raises(AdapterError, match="unknown form"):
        call(adapter.account)


@pytest.mark.parametrize("items", [[], [{"Id": 1}]])
def test_a_list_of_the_api_without_an_end_ends(opened, items):
    adapter, server = opened(Reply(body={"Items": items, "HasMoreItems": True}))
    with pytest.raises(AdapterError, match="unknown form"):
        adapter.account.storage_zones()
    assert len(server.asked) <= 2


# --- too much, and something else than was sent --------------------------------------------------------------


def test_of_an_object_no_more_is_read_than_it_has(opened, tmp_path):
    responses = {"DESCRIBE": Reply(body=entry()), "GET": Reply(body=b"x" * 5_000_000)}
    adapter, _ = opened(lambda asked: responses[asked.method])
    seen = adapter.stat_file("k")
    with pytest.raises(IntegrityError):
        adapter.read_file("k", expect=seen)
    with pytest.raises(IntegrityError):
        adapter.download_file("k", tmp_path / "file", expect=seen)
    assert (tmp_path / "file").stat().st_size <= 3


def test_a_response_that_is_too_long_is_not_read(opened, monkeypatch):
    adapter, _ = opened(Reply(body=b" " * (http.MAX_BODY_BYTES + 1)))
    with pytest.raises(AdapterError, match="more than 1,048,576 bytes"):
        adapter.stat_file("k")
    monkeypatch.setattr("buckia_bunny.storage.api.MAX_LIST_BYTES", 1 << 20)
    with pytest.raises(AdapterError, match="more than 1,048,576 bytes"):
        list(adapter.list_files())


def test_responses_are_not_decompressed(opened):
    adapter, server = opened(Reply(body=gzip.compress(b"[]"), headers={"Content-Encoding": "gzip"}))
    with pytest.raises(AdapterError, match="unknown form"):
        list(adapter.list_files())
    assert server.asked[0].headers.get("accept-encoding", "identity") == "identity"


@pytest.mark.parametrize(("status", "content_range"), [(200, None), (206, None), (206, "bytes 0-1/3"), (206, "odd")])
def test_a_range_that_is_not_the_one_asked_for(opened, tmp_path, status, content_range):
    ranged = Reply(status, b"bc", {} if content_range is None else {"Content-Range": content_range})
    responses = {"DESCRIBE": Reply(body=entry()), "GET": ranged}
    adapter, _ = opened(lambda asked: responses[asked.method])
    with pytest.raises(AdapterError, match="unknown form"):
        adapter.download_file("k", tmp_path / "file", start=1)


@pytest.mark.parametrize("wait", ["9" * 500, "soon", "-5", "²"])
def test_an_excessive_retry_after_is_capped(opened, wait):
    adapter, _ = opened(Reply(503, b"{}", {"Retry-After": wait.encode().decode("latin-1")}))
    with pytest.raises(AdapterError) as caught:
        list(adapter.list_files())
    assert caught.value.retry_after is None


def test_what_is_not_stored_is_noticed_without_a_digest(opened):
    """The old object has as many bytes, and its version did not change."""
    old = entry(Checksum=None)
    responses = {"DESCRIBE": Reply(body=old), "PUT": Reply(201, {"HttpCode": 201})}
    adapter, _ = opened(lambda asked: responses[asked.method])
    with pytest.raises(Transient, match="did not store"):
        adapter.upload_file(b"new", "k")
    responses["DESCRIBE"] = Reply(404, {"HttpCode": 404})
    with pytest.raises(Transient, match="did not store"):
        adapter.upload_file(b"new", "k")


def test_other_bytes_than_were_sent_are_noticed(opened):
    described = iter([Reply(404, {"HttpCode": 404}), Reply(body=entry(data=b"1ew"))])
    adapter, _ = opened(lambda asked: next(described) if asked.method == "DESCRIBE" else Reply(201, {"HttpCode": 201}))
    with pytest.raises(PreconditionFailed):
        adapter.upload_file(b"new", "k", expect=IfAbsent())


def test_the_checksum_goes_along(opened):
    described = iter([Reply(404, {"HttpCode": 404}), Reply(body=entry(data=b"new"))])
    adapter, server = opened(
        lambda asked: next(described) if asked.method == "DESCRIBE" else Reply(201, {"HttpCode": 201})
    )
    adapter.upload_file(b"new", "k")
    (put,) = [asked for asked in server.asked if asked.method == "PUT"]
    assert put.headers["checksum"] == hashlib.sha256(b"new").hexdigest().upper()


# --- the root, and the number of requests --------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/", "//", "a", ".", "./", "../"])
def test_the_root_is_never_deleted(opened, path):
    """An assertion would not hold where Python runs with -O."""
    adapter, server = opened(Reply(200))
    with pytest.raises(ValueError, match="is not deleted"):
        run_blocking(adapter._storage.delete_directory(path))
    assert server.asked == []


def test_each_request_waits_for_its_turn(opened):
    tree = {"/zone/": [directory("a"), directory("b")], "/zone/a/": [directory("c"), entry("k")]}
    adapter, server = opened(lambda asked: Reply(body=tree.get(asked.target, [])))
    waits: list[None] = []

    async def wait():
        waits.append(None)

    assert adapter.limit_requests(wait)
    assert [each.key for each in adapter.list_files()] == ["a/k"]
    assert len(waits) == len(server.asked) == adapter.request_count == 4


@pytest.mark.parametrize("client", list(ClientKind))
def test_calls_of_the_api_wait_too(opened, client):
    adapter, server = opened(Reply(204), client=client)
    waits: list[None] = []

    async def wait():
        waits.append(None)

    adapter.limit_requests(wait)
    adapter.account.purge_zone(5)
    assert len(waits) == len(server.asked) == 1


def test_the_package_sends_what_buckia_sends(opened):
    sent = {}
    for client in ClientKind:
        adapter, server = opened(Reply(body={"Id": 5}), client=client)
        account = open_account(adapter.settings, adapter._http)
        account.purge_url("https://zone.b-cdn.net/a b/ü?x=1&y")
        account.purge_zone(5)
        sent[client] = [(asked.method, asked.target, asked.headers["accesskey"]) for asked in server.asked]
    assert sent[ClientKind.DIRECT] == sent[ClientKind.PACKAGE]
    assert json.dumps(sent[ClientKind.DIRECT]).count("%20") == 1
