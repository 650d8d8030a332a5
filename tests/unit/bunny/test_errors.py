"""What the service says is the right error, and helps."""

from __future__ import annotations

import errno
import json

import pytest

from buckia_bunny.errors import STORAGE_ADVICE, error_from_response, translate_error
from buckia_bunny.http import HttpClient, HttpRequest
from buckia_core import errors
from buckia_core.http.blocking import run_blocking


@pytest.mark.parametrize(
    ("status", "message", "kind", "retryable"),
    [
        (400, "Unable to process request", errors.Throttled, True),
        (400, "Invalid path specified", errors.AdapterError, False),
        (400, "Checksum mismatch", errors.IntegrityError, True),
        (400, "Failed to create file, directory for path does not exist: /a", errors.AlreadyExists, False),
        (401, "Unauthorized", errors.Unauthenticated, False),
        (403, "", errors.PermissionDenied, False),
        (404, "Object Not Found", errors.NotFound, False),
        (405, "", errors.NotSupported, False),
        (429, "Too Many Requests", errors.Throttled, True),
        (500, "", errors.Transient, True),
        (503, "", errors.Transient, True),
        (418, "", errors.AdapterError, False),
    ],
)  # fmt: skip
def test_statuses(status, message, kind, retryable):
    body = json.dumps({"HttpCode": status, "Message": message}).encode()
    error = error_from_response(status, action="listing 'a/'", advice=STORAGE_ADVICE, body=body, key="k")
    assert type(error) is kind
    assert (error.retryable, error.status, error.key, error.provider) == (retryable, status, "k", "bunny")
    assert str(error).startswith("listing 'a/': ")


def test_retry_after_is_parsed():
    error = error_from_response(429, action="x", advice="", headers={"Retry-After": "7"})
    assert error.retry_after == 7.0


def test_a_wrong_key_says_which_key_belongs_where():
    words = str(error_from_response(401, action="x", advice=STORAGE_ADVICE))
    assert "storage_api_key" in words
    assert "region" in words
    assert "not the account's API key" in words


def test_the_account_names_the_field_that_is_wrong():
    body = json.dumps({"ErrorKey": "e", "Field": "Name", "Message": "It is taken."}).encode()
    assert str(error_from_response(400, action="making it", advice="", body=body)) == "making it: Name: It is taken"


def test_a_page_of_a_proxy_is_not_shown():
    assert (
        str(error_from_response(502, action="x", advice="", body=b"<html>secret</html>"))
        == "x: the service answered 502"
    )


def test_a_failure_of_this_machine_is_not_one_of_the_network():
    error = translate_error(OSError(errno.EMFILE, "Too many open files"), action="listing", host="h")
    assert isinstance(error, errors.Transient)
    assert str(error) == "listing at h failed: this machine: Too many open files"


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_ca_bundle_that_is_none_is_named(tmp_path, content):
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    client = HttpClient(connect_timeout=1, read_timeout=1, ca_bundle=bundle)
    with pytest.raises(errors.InvalidSetting, match=r"setting 'ca_bundle': .*ca\.pem (can't be read|holds no cert)"):
        run_blocking(client.send(HttpRequest.to_url("GET", "https://127.0.0.1:1/", {}, "reading")))
