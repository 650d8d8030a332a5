"""Limits of Edge Storage, and what a test can set at the Bunny server: failing calls, held calls, keys."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from buckia_core.testing.fault_proxy.faults import LoseReply
from tests.servers.bunny.kind import bunny_kind
from tests.servers.bunny.server import BunnyAccount, BunnyZone
from tests.servers.bunny.wire import BunnyWire
from tests.servers.s3_faults import S3FaultProxy

OVER_LIMIT = (400, "Unable to process request")


@pytest.fixture
def zone(bunny_account: BunnyAccount) -> BunnyZone:
    return bunny_account.new_zone()


@pytest.fixture
def wire(zone: BunnyZone) -> Iterator[BunnyWire]:
    with BunnyWire(zone) as wire:
        yield wire


@pytest.mark.parametrize(
    ("call", "limit", "method", "path", "status"),
    [("list", 5, "GET", "", 200), ("delete", 30, "DELETE", "file", 404), ("zip", 10, "POST", "", 400)],
)
def test_so_many_at_a_time_and_no_more(
    bunny_account: BunnyAccount,
    zone: BunnyZone,
    wire: BunnyWire,
    call: str,
    limit: int,
    method: str,
    path: str,
    status: int,
) -> None:
    def one() -> tuple[int, bytes]:
        with BunnyWire(zone) as own:
            answer = own.send(method, path)
            return answer.status, answer.body

    bunny_account.hold(call)
    with ThreadPoolExecutor(limit) as pool:
        held = [pool.submit(one) for _ in range(limit)]
        bunny_account.wait_for_held(call, limit)
        assert wire.send(method, path).message == OVER_LIMIT
        assert wire.put("other", b"x").status == 201
        bunny_account.let_go(call)
        for future in held:
            answered, body = future.result()
            assert answered == status and b"Unable" not in body
    assert wire.send(method, path).status == status
    assert bunny_account.seen()["peaks"][call] == limit + 1


def test_too_many_connections(bunny_account: BunnyAccount, zone: BunnyZone) -> None:
    bunny_account.set(connections=3)
    with ExitStack() as stack:
        wires = [stack.enter_context(BunnyWire(zone)) for _ in range(4)]
        assert [wire.get("").status for wire in wires] == [200, 200, 200, 429]
        wires[0].connection.close()
        wires[1].get("")  # the server has seen the end of the first one before it answers the second again
        assert wires[3].put("file", b"x").status == 201
    assert bunny_account.seen()["refusals"] == {"429": 1}


def test_too_many_requests_of_a_zone(bunny_account: BunnyAccount, zone: BunnyZone, wire: BunnyWire) -> None:
    bunny_account.set(requests=1)
    bunny_account.hold("download")
    with ThreadPoolExecutor(1) as pool, BunnyWire(zone) as other:
        held = pool.submit(wire.get, "file")
        bunny_account.wait_for_held("download", 1)
        assert other.get("").status == 429
        bunny_account.let_go("download")
        assert held.result().status == 404
        assert other.get("").status == 200


def test_the_next_calls_fail(bunny_account: BunnyAccount, wire: BunnyWire) -> None:
    bunny_account.forget_calls()
    bunny_account.over_limit("list", times=1)
    bunny_account.fail("upload", status=503, times=1, retry_after=7)
    assert wire.get("").message == OVER_LIMIT and wire.get("").status == 200
    answer = wire.put("file", b"x")
    assert (answer.status, answer.headers["retry-after"]) == (503, "7") and wire.names() == []
    assert wire.put("file", b"x").status == 201
    seen = bunny_account.seen()
    assert seen["calls"] == {"list": 3, "upload": 2} and seen["refusals"] == {"400": 1, "503": 1}
    assert seen["bytes_stored"] == 1


def test_a_share_of_all_calls_fails_the_same_each_time(bunny_account: BunnyAccount, wire: BunnyWire) -> None:
    rounds = []
    for _ in range(2):
        bunny_account.fail(status=429, share=0.2, seed=3)
        rounds.append([wire.get("missing").status for _ in range(200)])
        bunny_account.stop_failing()
    assert rounds[0] == rounds[1] and 20 < rounds[0].count(429) < 60
    assert wire.get("missing").status == 404


def test_an_upload_that_is_confirmed_and_not_stored(bunny_account: BunnyAccount, wire: BunnyWire) -> None:
    bunny_account.fail("upload", status=201, message="File uploaded.", times=1)
    assert wire.put("file", b"x").message == (201, "File uploaded.") and wire.names() == []


def test_a_call_that_is_not_answered(bunny_account: BunnyAccount, wire: BunnyWire) -> None:
    bunny_account.fail("describe", status=0, times=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        wire.send("DESCRIBE", "file")


def test_keys_end_at_once(bunny_account: BunnyAccount, zone: BunnyZone, wire: BunnyWire) -> None:
    assert wire.get("").status == 200
    new = bunny_account.replace_password(zone)
    assert wire.get("").status == 401
    with BunnyWire(new) as again:
        assert again.get("").status == 200
    renewed = bunny_account.replace_key()
    assert bunny_account.core("GET", "/storagezone")[0] == 401 and renewed.core("GET", "/storagezone")[0] == 200


def test_behind_the_fault_proxy(zone: BunnyZone) -> None:
    with S3FaultProxy(zone.endpoint, kind_of=bunny_kind) as proxy:
        proxy.fault(LoseReply(), when=lambda request: request.method == "PUT", times=1)
        with BunnyWire(zone.behind(proxy.endpoint)) as wire:
            with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
                wire.put("file", b"x")
            wire.connection.close()
            assert wire.get("file").body == b"x" and wire.names() == ["file"]
        assert proxy.counts() == {"upload": 1, "download": 1, "list": 1}


def test_a_wrong_switch_is_refused(bunny_account: BunnyAccount) -> None:
    for wrong in ({"listing": 5}, {"listings": "5"}):
        with pytest.raises(ValueError, match="no such setting"):
            bunny_account.set(**wrong)
