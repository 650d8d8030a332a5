"""What administration makes of responses that no server should send."""

from __future__ import annotations

import tempfile
from pathlib import Path

import botocore
import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, InvalidSetting, Transient
from buckia_s3 import boto3_client
from buckia_s3.config.options import ClientOptions, RetryConfig
from tests.unit.s3.scripted_server import Answer

CORS = (
    b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>"
    b"</CORSConfiguration>"
)
ONCE = RetryConfig(max_retries=0)
LIFECYCLE = b"<LifecycleConfiguration><Rule><Expiration><Date>%s</Date></Expiration></Rule></LifecycleConfiguration>"


def test_a_response_beyond_the_limit_is_refused(connect, monkeypatch):
    monkeypatch.setattr(boto3_client, "MAX_RESPONSE_BYTES", len(CORS))
    adapter, server = connect(lambda _: Answer(200, CORS))
    assert adapter.administration.get("cors")
    server.script = lambda _: Answer(200, CORS + b" ")
    with pytest.raises(AdapterError, match=f"has more than {len(CORS)} bytes") as caught:
        adapter.administration.get("cors")
    assert not isinstance(caught.value, Transient)
    assert len(server.asked) == 2


@pytest.mark.parametrize("end", [0, 40, len(CORS) - 1])
@pytest.mark.parametrize("name", ["cors", "policy"])
def test_a_response_that_is_cut_short_is_no_empty_document(connect, name, end):
    adapter, _ = connect(lambda _: Answer(200, CORS[:end], claims=len(CORS), cut=True), retry_config=ONCE)
    with pytest.raises(Transient, match="cut short"):
        adapter.administration.get(name)


def test_the_total_timeout_includes_the_response(connect):
    adapter, _ = connect(lambda _: Answer(200, CORS), retry_config=ONCE, client_options=ClientOptions(timeout=1e-9))
    with pytest.raises(Transient, match="no progress in time"):
        adapter.administration.get("cors")


def test_a_redirect_without_a_region_ends(connect):
    adapter, server = connect(lambda _: Answer(307, headers={"Location": "http://host.example/"}), retry_config=ONCE)
    with pytest.raises(AdapterError, match="307"):
        adapter.administration.get("cors")
    assert [asked.method for asked in server.asked] == ["GET", "HEAD"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("cors", CORS.replace(b"</CORSRule>", b"<MaxAgeSeconds>abc</MaxAgeSeconds></CORSRule>")),
        ("cors", CORS.replace(b"</CORSRule>", b"<MaxAgeSeconds>" + b"1" * 5000 + b"</MaxAgeSeconds></CORSRule>")),
        ("cors", b"<!DOCTYPE html><HTML><body>Sign in first</body></HTML>"),
        ("lifecycle", LIFECYCLE % b"99999999999999"),
        ("lifecycle", LIFECYCLE % b"someday"),
        ("policy", b"\xff\xfe"),
    ],
)
def test_a_response_without_sense_is_an_error_of_the_server(connect, name, body):
    adapter, _ = connect(lambda _: Answer(200, body), retry_config=ONCE)
    with pytest.raises(AdapterError, match=r"can't be parsed|web page"):
        adapter.administration.get(name)


@pytest.mark.parametrize("token", ["abc\r\nx: y", "abc\ny"])
def test_a_header_that_cannot_be_sent_is_not_shown(connect, token):
    adapter, server = connect(lambda _: Answer(200, CORS), session_token=Secret(token), retry_config=ONCE)
    with pytest.raises(AdapterError, match="can't be sent") as caught:
        adapter.administration.get("cors")
    assert "abc" not in str(caught.value) and not isinstance(caught.value, Transient) and not server.asked


def test_a_region_that_boto3_does_not_take_is_an_error_of_the_setting(connect, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    bundle = Path(botocore.__file__).with_name("cacert.pem")
    adapter, _ = connect(lambda _: Answer(200, CORS), region="us_east", ca_bundle=bundle)
    with pytest.raises(InvalidSetting, match="region"):
        adapter.administration.get("cors")
    assert not list(tmp_path.glob("*.pem"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_DEFAULTS_MODE", "no-mode"), ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "x"), ("AWS_STS_REGIONAL_ENDPOINTS", "x")],
)
def test_a_variable_that_boto3_does_not_take_is_named(connect, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    adapter, server = connect(lambda _: Answer(200, CORS))
    with pytest.raises(InvalidSetting, match=f"boto3 .*{value}"):
        adapter.administration.get("cors")
    assert not server.asked


def test_a_pool_of_any_size_needs_little_memory(connect):
    adapter, _ = connect(lambda _: Answer(200, CORS), client_options=ClientOptions(pool_max_idle_per_host=10**15))
    assert adapter.administration.get("cors")
