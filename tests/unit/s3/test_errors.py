"""What servers and networks say, and which error it is."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from buckia_core.errors import (
    AdapterError,
    BucketNotFound,
    IntegrityError,
    InvalidKey,
    NotFound,
    NotSupported,
    PermissionDenied,
    PreconditionFailed,
    Throttled,
    Transient,
    Unauthenticated,
)
from buckia_core.http.errors import IncompleteResponse, NoResponse
from buckia_s3.errors import from_network, from_response


def answered(status, code="", message="", key="k", **headers):
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode() if code else b""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return from_response(status, named, body, provider="s3", key=key, action="reading")


@pytest.mark.parametrize(
    ("status", "code", "kind", "retryable"),
    [
        (503, "SlowDown", Throttled, True),
        (429, "", Throttled, True),
        (400, "ThrottlingException", Throttled, True),
        (503, "", Transient, True),
        (500, "InternalError", Transient, True),
        (502, "", Transient, True),
        (504, "", Transient, True),
        (400, "RequestTimeout", Transient, True),
        (409, "ConditionalRequestConflict", Transient, True),
        (403, "InvalidAccessKeyId", Unauthenticated, False),
        (403, "SignatureDoesNotMatch", Unauthenticated, False),
        (400, "ExpiredToken", Unauthenticated, False),
        (403, "RequestTimeTooSkewed", Unauthenticated, False),
        (401, "", Unauthenticated, False),
        (403, "AccessDenied", PermissionDenied, False),
        (403, "", PermissionDenied, False),
        (404, "NoSuchKey", NotFound, False),
        (404, "", NotFound, False),
        (412, "PreconditionFailed", PreconditionFailed, False),
        (412, "", PreconditionFailed, False),
        (400, "KeyTooLongError", InvalidKey, False),
        (400, "XMinioInvalidObjectName", InvalidKey, False),
        (400, "BadDigest", IntegrityError, True),
        (400, "XAmzContentSHA256Mismatch", IntegrityError, True),
        (501, "NotImplemented", NotSupported, False),
        (405, "MethodNotAllowed", NotSupported, False),
        (403, "InvalidObjectState", NotSupported, False),
        (400, "SomethingNew", AdapterError, False),
    ],
)
def test_statuses_and_codes(status, code, kind, retryable):
    error = answered(status, code)
    assert type(error) is kind
    assert (error.status, error.retryable, error.key, error.provider) == (status, retryable, "k", "s3")
    assert code in str(error)
    assert "'k'" in str(error)


def test_a_missing_bucket_is_not_a_missing_object():
    error = answered(404, "NoSuchBucket")
    assert isinstance(error, BucketNotFound)
    assert error.key is None
    assert "bucket" in str(error)


@pytest.mark.parametrize("code", ["", "NoSuchBucket", "NotFound", "NoSuchKey"])
def test_a_404_of_the_bucket_is_the_bucket(code):
    error = answered(404, code, "The resource was not found", key=None)
    assert (type(error), error.key) == (BucketNotFound, None)
    assert str(error).startswith("reading: the bucket does not exist")


def test_a_404_of_something_else_has_the_servers_message():
    error = answered(404, "NoSuchInventory", "There is no inventory of that id", key=None)
    assert (type(error), error.code) == (NotFound, "NoSuchInventory")
    assert str(error) == "reading: There is no inventory of that id (NoSuchInventory)"
    assert "the server responded 404 Not Found (NoSuchInventory)" in str(answered(404, "NoSuchInventory", key=None))


def test_an_argument_that_is_the_name():
    assert isinstance(answered(400, "InvalidArgument", "Object name contains unsupported characters"), InvalidKey)
    assert type(answered(400, "InvalidArgument", "part number")) is AdapterError


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({"x_amz_retry_after": "1500"}, 1.5),
        ({"x_amz_retry_after": "250", "Retry_After": "9"}, 0.25),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": format_datetime(datetime(2001, 1, 1, tzinfo=UTC))}, 0.0),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers, seconds):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    error = from_response(503, headers, b"", provider="s3", key=None, action="listing")
    assert error.retry_after == seconds
    assert isinstance(error, Transient if seconds is None else Throttled)


def test_a_wait_until_a_time():
    told = format_datetime(datetime.now(UTC) + timedelta(seconds=30))
    wait = from_response(503, {"Retry-After": told}, b"", provider="s3", key=None, action="").retry_after
    assert wait is not None
    assert 25 < wait <= 31


def test_the_request_id_is_reported():
    assert answered(500, x_amz_request_id="r1").request_id == "r1"
    body = b"<Error><Code>SlowDown</Code><RequestId>r2</RequestId></Error>"
    assert from_response(503, {}, body, provider="s3", key=None, action="").request_id == "r2"


def test_nothing_of_a_refused_signature_shows():
    body = (
        b"<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message><AWSAccessKeyId>AKIA1</AWSAccessKeyId>"
        b"<StringToSign>AWS4-HMAC</StringToSign><SignatureProvided>abc</SignatureProvided></Error>"
    )
    shown = str(from_response(403, {}, body, provider="s3", key="k", action="reading"))
    assert not any(part in shown for part in ("AKIA1", "HMAC", "abc"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError("timed out"), "no progress in time"),
        (IncompleteResponse("was cut short"), "the response was cut short"),
        (NoResponse("is missing"), "closed without a response"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused; check the address"),
    ],
)
def test_networks(error, words):
    told = from_network(error, provider="s3", key="k", action="reading", host="example.com")
    assert type(told) is Transient
    assert words in str(told)
    assert "example.com" in str(told)


def test_a_certificate_that_is_not_trusted_stays_so():
    error = ssl.SSLCertVerificationError("x")
    error.verify_message = "self-signed certificate"
    told = from_network(error, provider="s3", key=None, action="listing", host="example.com")
    assert not told.retryable
    assert "ca_bundle" in str(told)


def test_a_server_without_tls_does_not_get_it_by_waiting():
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)")
    error.reason = "WRONG_VERSION_NUMBER"
    told = from_network(error, provider="s3", key=None, action="listing", host="h.example:80")
    assert not told.retryable
    assert str(told) == (
        "listing: h.example:80 does not speak TLS: does its address begin with http:// and not with https://?"
    )
