"""Signatures against botocore's."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from buckia_core.errors import AdapterError
from buckia_s3.auth.sigv4 import EMPTY_SHA256, Credentials, presign, query_string, sign_request
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.endpoint import resolve_endpoint

KEYS = ["plain.txt", "a b/ü+%2F&?#=;", "a//b/./../c", "nl\nx\t", "~-_.!*'()", "\U0001f600"]
QUERIES = [
    (),
    (("list-type", "2"), ("prefix", "a b/+ü&"), ("continuation-token", "1/x==+"), ("encoding-type", "url")),
    (("uploads", ""),),
    (("partNumber", "10"), ("uploadId", "2~a_b-c")),
    (("b", "1"), ("a-b", "2"), ("a", "3")),
]


@pytest.mark.parametrize("token", [None, "a/token+=="], ids=["keys", "temporary"])
@pytest.mark.parametrize("query", QUERIES, ids=["none", "list", "uploads", "part", "order"])
@pytest.mark.parametrize("key", KEYS)
def test_headers_equal_botocores(key, query, token):
    place = resolve_endpoint(S3Settings(bucket_name="bucket", endpoint_url="http://127.0.0.1:8080"), "eu-west-1")
    credentials = Credentials("AK", "secret", token)
    more = {"x-amz-meta-a": " two  spaces ", "If-Match": '"e"', "Content-Type": "text/plain"}
    now = datetime.now(UTC)
    path, text = place.path(key), query_string(query)
    ours = sign_request(
        "PUT", place.authority, path, text, more, EMPTY_SHA256, credentials=credentials, region="eu-west-1", now=now
    )
    request = AWSRequest("PUT", f"http://{place.authority}{path}?{text}", headers=more)
    _sign_at(S3SigV4Auth(BotocoreCredentials("AK", "secret", token), "s3", "eu-west-1"), request, ours["x-amz-date"])
    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours.get("x-amz-security-token") == token


@pytest.mark.parametrize("token", [None, "a/token+=="], ids=["keys", "temporary"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("key", KEYS)
def test_addresses_equal_botocores(key, method, token):
    place = resolve_endpoint(S3Settings(bucket_name="bucket", region="eu-west-1"), "eu-west-1")
    ours = presign(
        method,
        place.authority,
        place.path(key),
        seconds=77,
        credentials=Credentials("AK", "secret", token),
        region="eu-west-1",
    )
    request = AWSRequest(method, f"https://{place.authority}{place.path(key)}")
    stamp = parse_qs(ours)["X-Amz-Date"][0]
    signer = S3SigV4QueryAuth(BotocoreCredentials("AK", "secret", token), "s3", "eu-west-1", expires=77)
    _sign_at(signer, request, stamp)
    assert parse_qs(ours) == parse_qs(urlsplit(str(request.url)).query)


def test_secrets_do_not_show():
    shown = repr(Credentials("AK", "the-secret", "the-token"))
    assert "AK" in shown
    assert "the-" not in shown


def _sign_at(signer, request, stamp):
    time = datetime.strptime(stamp, "%Y%m%dT%H%M%S%z")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: time)
        signer.add_auth(request)


def test_what_a_profile_or_a_session_gave_stays_out_of_messages():
    held = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMIK7MDENGbPxRfiCY", "FwoGZXIvYXdzEBYaDHuc0wQ")
    error = AdapterError(f"it said {held.secret_access_key} {held.session_token} {held.access_key_id}")
    assert str(error) == "it said *** *** AKIAIOSFODNN7EXAMPLE"
    assert "wJalr" not in repr(held) and held == dataclasses.replace(held)
