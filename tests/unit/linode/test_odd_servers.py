"""An API that answers as Linode's does not: redirects, other hosts, other forms, too much."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, MissingCredentials, Throttled
from buckia_linode.api import MAX_RESPONSE_BYTES
from buckia_linode.settings import LinodeSettings
from buckia_linode.sync import LinodeSync
from tests.servers.scripted_server import Asked, Reply, ScriptedServer, scripted_server
from tests.unit.linode.conftest import QUICK

TOKEN = "the-token-of-the-account"

Open = Callable[..., tuple[LinodeSync, ScriptedServer]]

CALLS: dict[str, Callable[[LinodeSync], object]] = {
    "endpoints": lambda linode: linode.account.endpoints(),
    "buckets": lambda linode: linode.account.buckets(),
    "bucket": lambda linode: linode.account.bucket("us-ord", "photos"),
    "create_bucket": lambda linode: linode.account.create_bucket("us-ord", "photos"),
    "access": lambda linode: linode.account.access("us-ord", "photos"),
    "keys": lambda linode: linode.account.access_keys(),
    "create_key": lambda linode: linode.account.create_key("k", regions=["us-ord"]),
    "object_acl": lambda linode: linode.account.object_acl("us-ord", "photos", "k"),
    "object_url": lambda linode: linode.account.object_url("us-ord", "photos", "k", seconds=600),
    "quotas": lambda linode: linode.account.quotas(),
    "transfer": lambda linode: linode.account.transfer(),
}


@pytest.fixture
def opened() -> Iterator[Open]:
    """Return an adapter, and the API that it asks."""
    with ExitStack() as stack:

        def opened(script: Callable[[Asked], Reply] | Reply, **settings: Any) -> tuple[LinodeSync, ScriptedServer]:
            server = stack.enter_context(scripted_server((lambda _: script) if isinstance(script, Reply) else script))
            given: dict[str, Any] = {
                "bucket_name": "photos",
                "region": "us-ord",
                "token": Secret(TOKEN),
                "api_url": f"{server.endpoint}/v4",
                "retry_config": QUICK,
            } | settings
            return stack.enter_context(LinodeSync(LinodeSettings(**given))), server

        yield opened


def page(*entries: object, pages: object = 1) -> Reply:
    return Reply(body={"data": list(entries), "page": 1, "pages": pages, "results": len(entries)})


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(opened, call, status):
    with scripted_server(lambda _: page()) as other:
        linode, server = opened(Reply(status, headers={"Location": f"{other.endpoint}/v4"}))
        with pytest.raises(AdapterError, match="a redirect, which is not followed"):
            CALLS[call](linode)
        assert (len(server.asked), other.asked) == (1, [])


def test_netrc_is_not_used(opened, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login nobody password nothing\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    linode, server = opened(page())
    linode.account.endpoints()
    assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("covered", ["127.0.0.0/8", "127.0.0.1:{port}", "::1, 127.0.0.1", "*"])
def test_no_proxy_is_read_as_curl_and_go_do(opened, monkeypatch, covered):
    with scripted_server(lambda _: Reply(418)) as proxy:
        linode, server = opened(page())
        monkeypatch.setenv("http_proxy", proxy.endpoint)
        monkeypatch.setenv("no_proxy", covered.format(port=server.endpoint.rpartition(":")[2]))
        assert linode.account.endpoints() == []
        monkeypatch.setenv("no_proxy", "127.0.0.1:1, 10.0.0.0/8, example.com")
        with pytest.raises(AdapterError):
            linode.account.endpoints()
        assert (len(server.asked), len(proxy.asked)) == (1, 1)


@pytest.mark.parametrize(
    "host", ["evil.example", "a@evil.example", "evil.example/x", "us-ord-1.linodeobjects.com.evil.example", 5, "-"]
)
def test_the_api_does_not_send_clients_to_other_hosts(opened, host):
    endpoint = {"region": "us-ord", "endpoint_type": "E1", "s3_endpoint": host}
    keys = {"access_key_id": Secret("AK"), "secret_access_key": Secret("SK")}
    linode, server = opened(page(endpoint), **keys)
    with pytest.raises(AdapterError, match=r"endpoint of another service|form that is not known"):
        linode.upload_file(b"PRIVATE", "k")
    assert len(server.asked) == 1


def test_nor_does_a_bucket(opened):
    def script(asked: Asked) -> Reply:
        if "/endpoints" in asked.target:
            both = (
                {"region": "us-ord", "endpoint_type": kind, "s3_endpoint": f"{kind}.linodeobjects.com"} for kind in "ab"
            )
            return page(*both)
        return Reply(body={"label": "photos", "region": "us-ord", "s3_endpoint": "evil.example"})

    linode, _ = opened(script)
    with pytest.raises(AdapterError, match="endpoint of another service"):
        linode.public_url("k")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"null", b"[]", b"5", b"{}", b"[" * 100_000, b"\xff\xfe{", b'{"data": [5], "pages": 1}',
     b'{"data": [{}], "pages": 1}', b'{"data": [], "pages": 9}', b'{"data": [], "pages": true}', b'{"used": -1}'],
)  # fmt: skip
def test_responses_in_unknown_forms(opened, call, body):
    linode, server = opened(Reply(body=body))
    with pytest.raises(AdapterError, match=r"form that is not known|something that is not JSON") as caught:
        CALLS[call](linode)
    assert not caught.value.retryable
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("bucket", {"label": "photos", "region": "us-ord", "objects": 10**400}),
        ("bucket", {"label": "photos", "region": "us-ord", "size": "5"}),
        ("bucket", {"label": "photos"}),
        ("create_key", {"id": 1, "access_key": "AK", "limited": False}),
        ("create_key", {"id": 1, "access_key": "AK", "limited": None, "secret_key": "SK"}),
        ("create_key", {"id": 1, "access_key": "AK", "limited": False, "secret_key": None}),
        ("access", {"cors_enabled": True}),
        ("access", {"acl": "private", "cors_enabled": "yes"}),
    ],
)
def test_missing_fields_are_not_made_up(opened, call, answer):
    linode, _ = opened(Reply(body=answer))
    with pytest.raises(AdapterError, match="form that is not known") as caught:
        CALLS[call](linode)
    assert "SK" not in str(caught.value)


def test_unknown_permissions_are_not_taken_for_reading(opened):
    grant = {"bucket_name": "photos", "region": "us-ord", "permissions": "everything"}
    key = {"id": 1, "access_key": "AK", "limited": True, "bucket_access": [grant]}
    linode, _ = opened(page(key))
    with pytest.raises(AdapterError, match="form that is not known"):
        linode.account.access_keys()


def test_a_response_that_is_too_long_is_not_read(opened):
    linode, _ = opened(Reply(body=b" " * (MAX_RESPONSE_BYTES + 1)))
    with pytest.raises(AdapterError, match="is too long"):
        linode.account.endpoints()


def test_responses_are_not_decompressed(opened):
    packed = gzip.compress(json.dumps({"data": [], "pages": 1}).encode())
    linode, server = opened(Reply(body=packed, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(AdapterError):
        linode.account.endpoints()
    assert server.asked[0].headers["accept-encoding"] == "identity"


def test_a_token_that_the_api_repeats_does_not_show(opened):
    linode, _ = opened(Reply(400, {"errors": [{"reason": f"the token {TOKEN} is odd", "field": "x"}]}))
    with pytest.raises(AdapterError, match=r"the token \*\*\* is odd"):
        linode.account.endpoints()


@pytest.mark.parametrize("token", ["a b", "a\nb", "schlüssel", ""])
def test_a_token_that_no_header_can_have_does_not_show(opened, token):
    linode, server = opened(page(), token=Secret(token))
    with pytest.raises(MissingCredentials, match="a character that no token has") as caught:
        linode.account.endpoints()
    if token:
        assert token not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert server.asked == []


@pytest.mark.parametrize("name", ["Retry-After", "X-RateLimit-Reset"])
def test_an_excessive_wait_is_ignored(opened, name):
    linode, _ = opened(Reply(429, b"{}", {name: "9" * 500}))
    with pytest.raises(Throttled) as caught:
        linode.account.endpoints()
    assert caught.value.retry_after is None


def test_requests_to_the_api_wait_for_their_turn_too(opened):
    linode, server = opened(page())
    waits: list[None] = []

    async def wait():
        waits.append(None)

    assert linode.limit_requests(wait)
    linode.account.endpoints()
    linode.account.buckets()
    assert len(waits) == len(server.asked) == linode.request_count == 2
