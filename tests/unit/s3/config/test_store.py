"""`S3Sync.store`: obstore's own store, with the same settings, and without a secret to be seen."""

from __future__ import annotations

import base64
import pickle

import obstore
import pytest

from buckia_core.config.secrets.secret import Secret
from buckia_s3.config.fields import AddressingStyle, ConditionalWrites
from buckia_s3.config.options import parse_client_options
from buckia_s3.config.parsers import parse_copy_if_not_exists
from buckia_s3.config.settings import S3Settings
from buckia_s3.objects.checksums import ChecksumAlgorithm
from buckia_s3.objects.encryption import ServerSideEncryption
from buckia_s3.sync import S3Sync
from tests.unit.s3.conftest import SECRET
from tests.unit.s3.scripted_server import HELLO, Answer


def stored(adapter, key="k"):
    return obstore.put(adapter.store, key, b"x", use_multipart=False)


def test_it_reaches_the_same_keys(ceph, bucket_name):
    settings = S3Settings(
        bucket_name=bucket_name(ceph),
        prefix="below/here",
        endpoint_url=ceph.endpoint,
        access_key_id=Secret(ceph.access_key),
        secret_access_key=Secret(ceph.secret_key),
    )
    with S3Sync(settings) as adapter:
        stored(adapter, "by-obstore")
        adapter.upload_file(b"y", "by-buckia")
        assert [found.key for found in adapter.list_files()] == ["by-buckia", "by-obstore"]
        assert bytes(obstore.get(adapter.store, "by-buckia").bytes()) == b"y"
        assert adapter.store is adapter.store


def test_it_goes_where_the_settings_say_and_not_where_the_environment_does(connect, monkeypatch):
    adapter, server = connect(lambda _: HELLO)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_UNSIGNED_PAYLOAD", "true")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")
    monkeypatch.setenv("AWS_REQUEST_PAYER", "true")
    monkeypatch.setenv("AWS_S3_EXPRESS", "true")
    stored(adapter)
    adapter.upload_file(b"hello", "k")
    for asked in server.asked:
        assert asked.path == "/bucket/k"
        assert "Credential=AK/" in asked.headers["authorization"]
        assert asked.headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD"
        assert "x-amz-request-payer" not in asked.headers
    assert len(server.asked) == 2


def test_it_has_the_options(connect):
    adapter, server = connect(
        lambda _: Answer(200, b"", {"ETag": '"x"'}),
        client_options=parse_client_options({"user_agent": "mine", "default_headers": {"x-a": "b"}}),
        request_payer=True,
        server_side_encryption=ServerSideEncryption.S3,
        disable_tagging=True,
    )
    stored(adapter)
    sent = server.asked[-1].headers
    assert (sent["user-agent"], sent["x-a"]) == ("mine", "b")
    assert sent["x-amz-request-payer"] == "requester"
    assert sent["x-amz-server-side-encryption"] == "AES256"


def test_it_signs_as_the_settings_say(connect):
    adapter, server = connect(lambda _: HELLO, region="eu-west-3", session_token=Secret("tok"))
    stored(adapter)
    assert "/eu-west-3/s3/" in server.asked[-1].headers["authorization"]
    assert server.asked[-1].headers["x-amz-security-token"] == "tok"


@pytest.mark.parametrize("unsigned", [True, False])
def test_what_is_sent_can_be_left_out_of_the_signature(connect, unsigned):
    adapter, server = connect(lambda _: HELLO, unsigned_payload=unsigned)
    stored(adapter)
    assert (server.asked[-1].headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD") is unsigned


@pytest.mark.parametrize("kind", [ServerSideEncryption.KMS, ServerSideEncryption.KMS_DSSE])
def test_it_encrypts_with_a_key_of_kms(connect, kind):
    adapter, server = connect(lambda _: HELLO, server_side_encryption=kind, sse_kms_key_id="id-1")
    stored(adapter)
    sent = server.asked[-1].headers
    assert sent["x-amz-server-side-encryption"] == kind.value
    assert sent["x-amz-server-side-encryption-aws-kms-key-id"] == "id-1"


def test_it_is_anonymous(connect):
    adapter, server = connect(lambda _: HELLO, access_key_id=None, secret_access_key=None, skip_signature=True)
    stored(adapter)
    assert "authorization" not in server.asked[-1].headers


def test_nothing_secret_shows():
    key = base64.b64encode(b"k" * 32).decode()
    settings = S3Settings(
        bucket_name="b",
        region="r",
        access_key_id=Secret("AK"),
        secret_access_key=Secret(SECRET),
        session_token=Secret(SECRET),
        server_side_encryption=ServerSideEncryption.CUSTOMER,
        sse_customer_key_base64=Secret(key),
        client_options=parse_client_options(
            {"default_headers": {"x-key": SECRET}, "proxy_url": f"http://u:{SECRET}@h"}
        ),
    )
    with S3Sync(settings) as adapter:
        for shown in (
            repr(adapter.store),
            repr(adapter.store.config),
            repr(adapter.store.client_options),
            repr(adapter.store.retry_config),
            repr(settings),
            repr(adapter),
        ):
            assert SECRET not in shown
            assert key not in shown
        assert adapter.store.config["bucket"] == "b"
        assert "allow_http" in (adapter.store.client_options or {})
        for what in (adapter.store, settings, adapter):
            with pytest.raises(TypeError):
                pickle.dumps(what)


@pytest.mark.parametrize(
    ("settings", "name", "expected"),
    [
        ({}, "conditional_put", "etag"),
        ({"conditional_writes": ConditionalWrites.OFF}, "conditional_put", "disabled"),
        ({"copy_if_not_exists": parse_copy_if_not_exists("multipart")}, "copy_if_not_exists", "multipart"),
        (
            {"copy_if_not_exists": parse_copy_if_not_exists("header:x-none:*")},
            "copy_if_not_exists",
            "header-with-status:x-none:*:412",
        ),
        ({"checksum_algorithm": ChecksumAlgorithm.SHA256}, "checksum_algorithm", "SHA256"),
        ({"disable_bulk_delete": True}, "disable_bulk_delete", "true"),
        ({"disable_tagging": True}, "disable_tagging", "true"),
        ({"addressing_style": AddressingStyle.PATH}, "virtual_hosted_style_request", "false"),
        ({"default_region": "eu-west-1"}, "region", "eu-west-1"),
    ],
)
def test_options_of_obstore(settings, name, expected):
    with S3Sync(S3Settings(bucket_name="b4t", skip_signature=True, **settings)) as adapter:
        assert dict(adapter.store.config)[name] == expected
