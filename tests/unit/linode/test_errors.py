"""What the API, its SDK and the network say, as errors of Buckia."""

from __future__ import annotations

import errno
import json
import time
from pathlib import Path

import pytest
import requests

from buckia_core import errors
from buckia_core.config.secrets.secret import Secret
from buckia_core.testing.fault_proxy.ports import free_port
from buckia_linode.errors import translate_error
from tests.servers.linode_api import READ_WRITE, Trouble


def refusal(status, reason="because", field=None, **headers):
    error = {"reason": reason} | ({"field": field} if field else {})
    body = json.dumps({"errors": [error]}).encode()
    return Trouble(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


TABLE = [
    (400, errors.AdapterError, False),
    (401, errors.Unauthenticated, False),
    (403, errors.PermissionDenied, False),
    (404, errors.NotFound, False),
    (405, errors.NotSupported, False),
    (409, errors.AlreadyExists, False),
    (408, errors.Transient, True),
    (429, errors.Throttled, True),
    (500, errors.Transient, True),
    (501, errors.NotSupported, False),
    (502, errors.Transient, True),
    (503, errors.Transient, True),
    (504, errors.Transient, True),
    (418, errors.AdapterError, False),
]


@pytest.mark.parametrize(("status", "kind", "retryable"), TABLE)
def test_statuses(api, account, status, kind, retryable):
    api.troubles.append(refusal(status, "It is so.", X_Request_Id="r-1"))
    with pytest.raises(errors.AdapterError) as caught:
        account.create_key("phone", regions=["us-ord"])
    error = caught.value
    assert (type(error), error.status, error.retryable) == (kind, status, retryable)
    assert (error.provider, error.request_id) == ("linode", "r-1")
    assert str(error).startswith("creating key 'phone': It is so")
    assert len(api.asked) == 1, "what makes something is sent once"


def test_the_field_that_is_wrong_is_named(api, account):
    api.troubles.append(refusal(400, "Too short", "label"))
    with pytest.raises(errors.AdapterError, match="label: Too short"):
        account.transfer()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"errors": []}'])
def test_an_error_without_a_reason_has_its_status(api, account, body):
    api.troubles.append(Trouble(400, body))
    with pytest.raises(errors.AdapterError, match="400"):
        account.transfer()


@pytest.mark.parametrize("body", [b'{"errors": 5}', b'{"errors": [{}]}'])
def test_an_error_that_the_sdk_stumbles_over_is_an_error_of_ours(api, account, body):
    api.troubles.append(Trouble(400, body))
    with pytest.raises(errors.AdapterError, match="form that is not known"):
        account.transfer()


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry_After": "7"}, 7, 7),
        # The suite may take an hour on a slow machine: what is asked of it was made when it began.
        ({"X_RateLimit_Reset": str(int(time.time()) + 36_000)}, 30_000, 36_000),
        ({"X_RateLimit_Reset": "1"}, 0, 0),
    ],
)
def test_how_long_to_wait(api, account, headers, least, most):
    api.troubles.append(refusal(429, "Too many requests", **headers))
    with pytest.raises(errors.Throttled) as caught:
        account.create_key("phone", regions=["us-ord"])
    assert least <= caught.value.retry_after <= most


@pytest.mark.parametrize("trouble", [Trouble(502), Trouble(503), Trouble(None)])
def test_idempotent_requests_are_retried(api, account, trouble):
    api.account.transferred = 5
    api.troubles.append(trouble)
    assert account.transfer() == 5
    assert len(api.asked) == 2


def test_retries_are_limited(api, account):
    api.troubles += [Trouble(502)] * 5
    with pytest.raises(errors.Transient):
        account.transfer()
    assert len(api.asked) == 3


def test_a_long_wait_is_reported_and_a_short_one_is_waited_for(api, account):
    api.troubles += [refusal(429, "Too many requests", Retry_After="0"), refusal(429, "Slow", Retry_After="600")]
    with pytest.raises(errors.Throttled, match="Slow") as caught:
        account.transfer()
    assert (caught.value.retry_after, len(api.asked)) == (600, 2)


def test_a_lost_response_does_not_create_a_second_key(api, account):
    api.troubles.append(Trouble(None, after=True))
    with pytest.raises(errors.Transient, match="incomplete response"):
        account.create_key("phone", regions=["us-ord"])
    assert len(api.account.keys) == 1


def test_connection_refused(connect):
    account = connect(region="us-ord", api_url=f"http://127.0.0.1:{free_port()}/v4").account
    with pytest.raises(
        errors.Transient, match=r"creating key 'phone' at 127.0.0.1:\d+ failed: no connection"
    ) as caught:
        account.create_key("phone", regions=["us-ord"])
    assert READ_WRITE not in repr(caught.value)


def test_read_timeout(connect):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v4"
        account = connect(region="us-ord", api_url=url, read_timeout=0.05).account
        with pytest.raises(errors.Transient, match="no progress in time"):
            account.create_key("phone", regions=["us-ord"])


def test_a_response_that_is_not_json(api, account):
    api.troubles.append(Trouble(200, b"<html>"))
    with pytest.raises(errors.AdapterError, match="something that is not JSON") as caught:
        account.transfer()
    assert not caught.value.retryable


def test_a_certificate_that_is_not_trusted_and_then_is(connect, ceph):
    url = f"{ceph.endpoint_tls}/v4"
    with pytest.raises(errors.AdapterError, match="ca_bundle") as caught:
        connect(region="us-ord", api_url=url).account.transfer()
    assert not caught.value.retryable
    with pytest.raises(errors.AdapterError) as caught:
        connect(region="us-ord", api_url=url, ca_bundle=Path(ceph.ca_file)).account.transfer()
    assert caught.value.status is not None, "the gateway is no API, but it was reached"


def test_the_token_does_not_show(api, connect):
    adapter = connect(region="us-ord", token=Secret("the-hidden-token"))
    with pytest.raises(errors.Unauthenticated) as caught:
        adapter.account.transfer()
    assert "the-hidden-token" not in f"{caught.value!r} {caught.value} {adapter.account!r} {adapter._linode_settings!r}"


def test_a_failure_of_this_machine_is_not_one_of_the_network():
    found = requests.exceptions.ConnectionError("Max retries exceeded")
    found.__cause__ = OSError(errno.EMFILE, "Too many open files")
    error = translate_error(found, action="asking", host="h")
    assert isinstance(error, errors.Transient) and str(error).endswith("failed: this machine: Too many open files")
