"""Encryption on the server: which requests carry what, and what becomes of MD5s."""

from __future__ import annotations

import base64
import hashlib
import ssl
from contextlib import ExitStack, suppress

import pytest

from buckia_core.adapters.contract.types import UploadInfo
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import read_settings
from buckia_core.errors import AdapterError, ConfigError, NotSupported
from buckia_core.planning.manifest import RemoteObject
from buckia_s3.config.settings import S3Settings
from buckia_s3.sync import S3Sync
from tests.servers.certificate import can_make_certificates, make_certificate
from tests.unit.s3.operations.test_multipart import DATA, SMALL_PARTS, Parts
from tests.unit.s3.scripted_server import HELLO, OBJECT, Answer, scripted

SSE = "x-amz-server-side-encryption"
KEY = base64.b64encode(bytes(range(32))).decode()
KEY_MD5 = base64.b64encode(hashlib.md5(bytes(range(32))).digest()).decode()
CUSTOMER = {f"{SSE}-customer-algorithm": "AES256", f"{SSE}-customer-key": KEY, f"{SSE}-customer-key-md5": KEY_MD5}
OF_SOURCE = {f"x-amz-copy-source-{name.removeprefix('x-amz-')}": value for name, value in CUSTOMER.items()}
SOURCE = RemoteObject("k", 5, "5d41402abc4b2a76b9719d911017c592")


def stored(asked):
    return Answer(200, b"<DeleteResult/>") if "delete" in asked.query else HELLO


def encryption(asked):
    return {name: value for name, value in asked.headers.items() if "server-side-encryption" in name}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not can_make_certificates():
        pytest.skip("the openssl command, which makes a certificate, is not found")
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def connect_tls(certificate):
    """Start an https server with a script and return an adapter with a customer's key, and the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    with ExitStack() as stack:

        def connected(script, **settings):
            server = stack.enter_context(scripted(script, context))
            given = {
                "bucket_name": "bucket",
                "endpoint_url": server.endpoint,
                "access_key_id": Secret("AK"),
                "secret_access_key": Secret("SK"),
                "ca_bundle": certificate.ca_file,
                "server_side_encryption": "sse-c",
                "sse_customer_key_base64": KEY,
            }
            read = read_settings(
                S3Settings, given | settings, provider="s3", base_dir=certificate.ca_file.parent, environ={}
            )
            return stack.enter_context(S3Sync(read)), server

        yield connected


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({"server_side_encryption": "AES256"}, {SSE: "AES256"}),
        ({"server_side_encryption": "aws:kms"}, {SSE: "aws:kms"}),
        (
            {"server_side_encryption": "aws:kms", "sse_kms_key_id": "id-1", "sse_bucket_key_enabled": True},
            {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "id-1", f"{SSE}-bucket-key-enabled": "true"},
        ),
        (
            {"server_side_encryption": "aws:kms:dsse", "sse_kms_key_id": "id-1"},
            {SSE: "aws:kms:dsse", f"{SSE}-aws-kms-key-id": "id-1"},
        ),
    ],
)
def test_writes_ask_for_it_and_reads_do_not(connect_read, settings, headers):
    adapter, server = connect_read(stored, **settings)
    adapter.upload_file(b"hello", "k")
    assert encryption(server.asked[-1]) == headers
    server.asked.clear()
    adapter.stat_file("k")
    with adapter.open_file("k") as file:
        assert file.read() == b"hello"
    adapter.delete_files(["k"])
    assert [encryption(asked) for asked in server.asked] == [{}] * len(server.asked)


def test_of_parts_only_the_beginning_asks_for_it(connect_read):
    server = Parts()
    adapter, scripted_server = connect_read(server, server_side_encryption="AES256", **SMALL_PARTS)
    adapter.upload_file(DATA, "k")
    asking = [(asked.method, sorted(asked.query)) for asked in scripted_server.asked if encryption(asked)]
    assert asking == [("POST", ["uploads"])]


def test_a_copy_asks_for_it(connect_read):
    adapter, server = connect_read(copied, server_side_encryption="AES256")
    adapter.copy_file(SOURCE, "new")
    assert encryption(server.asked[-1]) == {SSE: "AES256"}


def copied(asked):
    if asked.method == "HEAD":
        return HELLO
    return Answer(200, b"<CopyObjectResult><ETag>&quot;e&quot;</ETag></CopyObjectResult>")


def test_a_key_of_the_customer_goes_with_whatever_touches_content(connect_tls, tmp_path):
    adapter, server = connect_tls(stored)
    adapter.upload_file(b"hello", "k")
    adapter.stat_file("k")
    adapter.download_file("k", tmp_path / "down", expect=SOURCE)
    assert [encryption(asked) for asked in server.asked] == [CUSTOMER] * 3
    server.asked.clear()
    adapter.delete_files(["k"])
    with suppress(AdapterError):
        list(adapter.list_files())
    assert [encryption(asked) for asked in server.asked] == [{}] * 2


def test_a_key_of_the_customer_goes_with_each_part(connect_tls):
    server = Parts()
    adapter, scripted_server = connect_tls(server, **SMALL_PARTS)
    adapter.upload_file(DATA, "k")
    assert server.whole == DATA
    assert [encryption(asked) for asked in scripted_server.asked] == [CUSTOMER] * len(scripted_server.asked)


def test_a_key_of_the_customer_goes_with_both_sides_of_a_copy(connect_tls):
    adapter, server = connect_tls(copied)
    adapter.copy_file(SOURCE, "new")
    assert encryption(server.asked[-1]) == CUSTOMER | OF_SOURCE


def test_a_key_of_the_customer_goes_with_both_sides_of_a_copied_part(connect_tls, monkeypatch):
    monkeypatch.setattr("buckia_s3.operations.copy.MAX_PART", 4)
    parts = Parts()

    def script(asked):
        if asked.method == "HEAD":
            return HELLO
        if "partNumber" in asked.query:
            return Answer(200, b"<CopyPartResult><ETag>e</ETag></CopyPartResult>")
        return parts(asked)

    adapter, server = connect_tls(script)
    adapter.copy_file(SOURCE, "new")
    [part] = [asked for asked in server.asked if "partNumber" in asked.query]
    assert encryption(part) == CUSTOMER | OF_SOURCE
    [tags] = [asked for asked in server.asked if "tagging" in asked.query]
    assert encryption(tags) == {}


@pytest.mark.parametrize(("kind", "md5"), [("AES256", True), ("aws:kms", False), ("aws:kms:dsse", False)])
def test_an_etag_is_no_md5_where_a_key_hides_it(connect_read, kind, md5):
    adapter, _ = connect_read(lambda asked: HELLO, server_side_encryption=kind)
    assert adapter.capabilities.listing_digests == (("md5",) if md5 else ())
    assert bool(adapter.stat_file("k").digests) is md5
    assert bool(adapter.upload_file(b"hello", "k").digests) is md5


def test_an_etag_is_no_md5_where_only_the_bucket_encrypts(connect):
    kms = OBJECT | {SSE: "aws:kms"}
    adapter, _ = connect(lambda asked: Answer(200, b"hello", kms))
    assert adapter.stat_file("k").digests == ()


def test_a_key_of_the_customer_hides_md5(connect_tls):
    adapter, _ = connect_tls(lambda asked: HELLO)
    assert adapter.capabilities.listing_digests == ()
    assert adapter.upload_file(b"x" * (300 << 10), "k", info=UploadInfo()).digests == ()


def test_an_address_can_not_carry_the_key(connect_tls):
    adapter, _ = connect_tls(stored)
    assert not adapter.capabilities.signed_url
    with pytest.raises(NotSupported, match="can't carry"):
        adapter.signed_url("k", seconds=60)


def test_the_key_shows_nowhere(connect_tls):
    adapter, _ = connect_tls(lambda asked: Answer(403))
    with pytest.raises(Exception, match="Forbidden") as caught:
        adapter.upload_file(b"hello", "k")
    settings = adapter._settings
    assert KEY not in f"{settings!r} {settings} {adapter!r} {caught.value!r} {caught.value} {caught.value.__cause__!r}"


@pytest.fixture
def connect_read(connect, tmp_path):
    """As `connect`, with settings as a file has them."""

    def connected(script, **values):
        names = {"bucket_name": "b", "endpoint_url": "http://h"}
        read = read_settings(S3Settings, names | values, provider="s3", base_dir=tmp_path, environ={})
        return connect(script, **{name: getattr(read, name) for name in values})

    return connected


@pytest.fixture
def read(tmp_path):
    def reading(environ=None, **values):
        return read_settings(
            S3Settings, {"bucket_name": "b"} | values, provider="s3", base_dir=tmp_path, environ=environ or {}
        )

    return reading


def test_the_environment_stands_in(read):
    environ = {
        "AWS_SERVER_SIDE_ENCRYPTION": "aws:kms",
        "AWS_SSE_KMS_KEY_ID": "id-1",
        "AWS_SSE_BUCKET_KEY_ENABLED": "true",
    }
    settings = read(environ)
    assert settings.server_side_encryption == "aws:kms"
    assert (settings.sse_kms_key_id, settings.sse_bucket_key_enabled) == ("id-1", True)
    customers = read({"AWS_SERVER_SIDE_ENCRYPTION": "sse-c", "AWS_SSE_CUSTOMER_KEY_BASE64": KEY})
    assert customers.sse_customer_key_base64 == Secret(KEY)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"server_side_encryption": "aes256"}, "AES256, aws:kms"),
        ({"server_side_encryption": "sse-c"}, "sse_customer_key_base64"),
        ({"server_side_encryption": "AES256", "sse_customer_key_base64": KEY}, "sse-c"),
        ({"server_side_encryption": "sse-c", "sse_customer_key_base64": KEY[:-4]}, "256 bits in base64, and has 2"),
        ({"server_side_encryption": "sse-c", "sse_customer_key_base64": "§" * 44}, "not base64"),
        ({"server_side_encryption": "AES256", "sse_kms_key_id": "k"}, "aws:kms"),
        ({"sse_kms_key_id": "k"}, "aws:kms"),
        ({"server_side_encryption": "aws:kms:dsse", "sse_bucket_key_enabled": True}, "aws:kms"),
        (
            {"server_side_encryption": "sse-c", "sse_customer_key_base64": KEY, "endpoint_url": "http://h"},
            "endpoint_url must be https",
        ),
    ],
)
def test_what_can_not_be(read, values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        read(**values)
    assert KEY not in str(caught.value)
