"""The boto3 client that an adapter hands out, and that administration uses."""

from __future__ import annotations

import gc
import socket
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.exceptions import ClientError

from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, InvalidSetting, MissingCredentials, Transient
from buckia_s3.config.fields import AddressingStyle
from buckia_s3.config.options import ClientOptions, RetryConfig
from buckia_s3.config.settings import S3Settings
from buckia_s3.sync import S3Sync
from tests.servers.certificate import make_certificate
from tests.unit.s3.conftest import SECRET
from tests.unit.s3.scripted_server import HELLO, Answer, error, scripted

TAGS = b"<Tagging><TagSet/></Tagging>"


class Body(BytesIO):
    def stream(self, **_: object):
        yield self.read()


def addresses(client: Any) -> list[str]:
    """Return a list to which the addresses of the client's requests are added, which go nowhere."""
    asked: list[str] = []

    def answer(request: Any, **_: object) -> AWSResponse:
        asked.append(request.url)
        return AWSResponse(request.url, 200, HTTPHeaders(), Body(TAGS))

    client.meta.events.register("before-send.s3", answer)
    return asked


AWS = "https://s3.eu-west-1.amazonaws.com"
VIRTUAL, PATH = AddressingStyle.VIRTUAL, AddressingStyle.PATH


@pytest.mark.parametrize(
    ("settings", "service", "bucket"),
    [
        ({}, AWS, "https://my-bucket.s3.eu-west-1.amazonaws.com"),
        ({"addressing_style": PATH}, AWS, f"{AWS}/my-bucket"),
        ({"use_accelerate_endpoint": True}, AWS, "https://my-bucket.s3-accelerate.amazonaws.com"),
        (
            {"use_dualstack_endpoint": True, "use_fips_endpoint": True},
            "https://s3-fips.dualstack.eu-west-1.amazonaws.com",
            "https://my-bucket.s3-fips.dualstack.eu-west-1.amazonaws.com",
        ),
        ({"endpoint_url": "http://host.example:99"}, "http://host.example:99", "http://host.example:99/my-bucket"),
        (
            {"endpoint_url": "https://host.example/s3/", "addressing_style": PATH},
            "https://host.example/s3",
            "https://host.example/s3/my-bucket",
        ),
        (
            {"endpoint_url": "https://host.example", "addressing_style": VIRTUAL},
            "https://host.example",
            "https://my-bucket.host.example",
        ),
        (
            {"endpoint_url": "https://my-bucket.host.example", "virtual_hosted_style_request": True},
            "https://host.example",
            "https://my-bucket.host.example",
        ),
    ],
)
def test_the_addresses_are_those_of_the_adapter(connect, monkeypatch, settings, service, bucket):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example")
    given = {"bucket_name": "my-bucket", "endpoint_url": None, "region": "eu-west-1"} | settings
    adapter, _ = connect(lambda _: HELLO, **given)
    client = adapter.boto3_client()
    asked = addresses(client)
    client.list_buckets()
    client.get_bucket_tagging(Bucket="my-bucket")
    assert [url.partition("?")[0].rstrip("/") for url in asked] == [service, bucket]
    assert adapter.public_url("k") == f"{bucket}/k"


def test_administration_avoids_transfer_acceleration(connect):
    adapter, _ = connect(
        lambda _: HELLO, bucket_name="my-bucket", endpoint_url=None, region="eu-west-1", use_accelerate_endpoint=True
    )
    administration = adapter.administration
    asked = addresses(administration._client._client())
    administration.get("tags")
    assert asked == ["https://my-bucket.s3.eu-west-1.amazonaws.com/?tagging"]


def test_the_bucket_of_a_tenant_is_administered(connect):
    adapter, server = connect(lambda _: Answer(200, TAGS), bucket_name="tenant:bucket")
    adapter.administration.get("tags")
    assert [asked.path for asked in server.asked] == ["/tenant:bucket"]


def test_administration_is_closed_with_the_adapter(connect):
    adapter, server = connect(lambda _: Answer(200, TAGS))
    administration = adapter.administration
    administration.get("tags")
    first = administration._client._client()
    assert administration._client._client() is first
    adapter.close()
    assert administration._client._opened is None
    assert len(server.asked) == 1


def test_it_does_what_an_application_asks(adapter_on, bucket_name, ceph):
    bucket = bucket_name(ceph)
    adapter = adapter_on(ceph, bucket, prefix="below")
    client = adapter.boto3_client()
    before = adapter.request_count
    client.put_object(Bucket=bucket, Key="below/a", Body=b"hello")
    assert client.get_object(Bucket=bucket, Key="below/a")["Body"].read() == b"hello"
    client.upload_fileobj(BytesIO(b"1" * 9_000_000), bucket, "below/b")
    client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "below/a"}]})
    assert adapter.request_count >= before + 5
    assert [each.key for each in adapter.list_files()] == ["b"]


def test_credentials_are_asked_for_at_each_request(connect):
    given = iter(range(1, 9))

    def credentials() -> dict[str, object]:
        return {
            "access_key_id": f"AK{next(given)}",
            "secret_access_key": "s",
            "token": "t",
            "expires_at": datetime.now(UTC) - timedelta(seconds=1),
        }

    adapter, server = connect(
        lambda _: HELLO, access_key_id=None, secret_access_key=None, credential_provider=credentials
    )
    client = adapter.boto3_client()
    for _ in range(2):
        client.head_object(Bucket="bucket", Key="k")
    assert ["AK1/" in asked.headers["authorization"] for asked in server.asked] == [True, False]
    assert "AK2/" in server.asked[1].headers["authorization"]
    assert server.asked[1].headers["x-amz-security-token"] == "t"


def test_without_credentials_nothing_is_signed(connect):
    adapter, server = connect(lambda _: HELLO, access_key_id=None, secret_access_key=None, skip_signature=True)
    adapter.boto3_client().head_object(Bucket="bucket", Key="k")
    assert "authorization" not in server.asked[0].headers


def test_an_error_of_the_credentials_comes_as_it_is(connect):
    def none() -> dict[str, object]:
        raise MissingCredentials("log in first")

    adapter, server = connect(lambda _: HELLO, access_key_id=None, secret_access_key=None, credential_provider=none)
    with pytest.raises(MissingCredentials, match="log in first"):
        adapter.administration.get("tags")
    assert server.asked == []


def test_settings_of_the_environment_do_not_reach_it(connect, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "nothing.pem"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "config").write_text("[default]\nretry_mode = nonsense\n")
    adapter, server = connect(lambda _: HELLO)
    adapter.boto3_client().head_object(Bucket="bucket", Key="k")
    assert len(server.asked) == 1


def test_headers_of_the_settings_go_along(connect):
    options = ClientOptions(default_headers={"X-Team": Secret("web")}, user_agent="mine/1")
    adapter, server = connect(lambda _: Answer(200, TAGS), client_options=options, request_payer=True)
    adapter.administration.get("tags")
    (asked,) = server.asked
    assert asked.headers["x-team"] == "web"
    assert asked.headers["user-agent"].startswith("mine/1 ")
    assert asked.headers["x-amz-request-payer"] == "requester"
    signed = asked.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"x-team", "x-amz-request-payer"} <= set(signed)


def test_requests_go_through_the_proxy(connect):
    with scripted(lambda _: HELLO) as proxy:
        url = proxy.endpoint.replace("http://", "http://me:pass%20word@")
        adapter, server = connect(lambda _: HELLO, client_options=ClientOptions(proxy_url=Secret(url)))
        adapter.boto3_client().head_object(Bucket="bucket", Key="k")
        assert server.asked == []
        assert proxy.asked[0].headers["proxy-authorization"].startswith("Basic ")


def test_it_is_retried_as_the_settings_say(connect):
    adapter, server = connect(lambda _: error(503, "SlowDown"), retry_config=RetryConfig(max_retries=0))
    with pytest.raises(ClientError, match="SlowDown"):
        adapter.boto3_client().get_bucket_tagging(Bucket="bucket")
    assert len(server.asked) == 1


def test_requests_are_held_back_by_the_rate_limit(connect):
    adapter, _ = connect(lambda _: Answer(200, TAGS))
    held = []

    async def hold():
        held.append(1)

    adapter.limit_requests(hold)
    adapter.administration.get("tags")
    assert held == [1]


class TestCertificates:
    @pytest.fixture
    def server(self, tmp_path):
        made = make_certificate(tmp_path)
        self.ca = made.ca_file
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.pem_file)
        with scripted(lambda _: Answer(200, TAGS), context) as running:
            yield running

    def get(self, server, **settings):
        given: dict[str, Any] = {"access_key_id": Secret("AK"), "secret_access_key": Secret(SECRET)}
        with S3Sync(S3Settings(bucket_name="bucket", endpoint_url=server.endpoint, **given | settings)) as adapter:
            return adapter.administration.get("tags")

    def test_one_that_is_not_trusted(self, server):
        with pytest.raises(AdapterError, match=r"is not trusted: .*ca_bundle") as caught:
            self.get(server, retry_config=RetryConfig(max_retries=0))
        assert SECRET not in str(caught.value)

    def test_those_that_are(self, server, tmp_path):
        assert self.get(server, ca_bundle=self.ca) == {"TagSet": []}
        options = ClientOptions(root_certificate=self.ca.read_bytes())
        assert self.get(server, client_options=options) == {"TagSet": []}
        assert self.get(server, verify_tls=False) == {"TagSet": []}

    def test_those_of_the_system_can_be_left_out(self, server, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        before = set(tmp_path.iterdir())
        options = ClientOptions(root_certificate=self.ca.read_bytes(), disable_system_certificates=True)
        with S3Sync(S3Settings(bucket_name="b", endpoint_url=server.endpoint, client_options=options)) as adapter:
            client = adapter.boto3_client()
            (made,) = set(tmp_path.iterdir()) - before
            assert made.read_bytes() == self.ca.read_bytes()
            del client
        assert self.get(server, client_options=options) == {"TagSet": []}

    def test_the_file_with_all_of_them_does_not_stay(self, server, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        ca = self.ca
        before = set(tmp_path.iterdir())
        with S3Sync(S3Settings(bucket_name="b", endpoint_url=server.endpoint, ca_bundle=ca)) as adapter:
            client = adapter.boto3_client()
            (made,) = set(tmp_path.iterdir()) - before
            text = made.read_text()
            assert ca.read_text() in text
            system = ssl.get_default_verify_paths().cafile
            assert system is None or Path(system).read_text() in text
            del client
        gc.collect()
        assert set(tmp_path.iterdir()) == before

    def test_a_bundle_without_any(self, connect, tmp_path):
        (tmp_path / "ca.pem").write_text("nothing")
        adapter, _ = connect(lambda _: HELLO, ca_bundle=tmp_path / "ca.pem")
        with pytest.raises(InvalidSetting, match="ca_bundle"):
            adapter.boto3_client()


@pytest.mark.parametrize(
    ("settings", "message"), [({}, "closed without a response"), ({"endpoint_url": "http://127.0.0.1:9"}, "refused")]
)
def test_a_connection_that_fails_says_how(connect, settings, message):
    adapter, _ = connect(lambda _: None, retry_config=RetryConfig(max_retries=0), **settings)
    with pytest.raises(Transient, match=f"reading the bucket tags at 127.0.0.1:\\d+ failed: .*{message}"):
        adapter.administration.get("tags")


def test_a_server_that_does_not_answer_in_time(connect):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        adapter, _ = connect(
            lambda _: HELLO,
            endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}",
            read_timeout=0.05,
            retry_config=RetryConfig(max_retries=0),
        )
        with pytest.raises(Transient, match="no progress in time"):
            adapter.administration.get("tags")


def test_static_keys_import_no_sdk_until_it_is_asked_for():
    program = (
        "import sys\n"
        "from buckia_core.config.secrets.references import Secret\n"
        "from buckia_s3.config.settings import S3Settings\n"
        "from buckia_s3.sync import S3Sync\n"
        "keys = {'access_key_id': Secret('AK'), 'secret_access_key': Secret('s')}\n"
        "with S3Sync(S3Settings(bucket_name='b', region='eu-west-1', **keys)) as adapter:\n"
        "    adapter.signed_url('k', seconds=5)\n"
        "    assert not {'boto3', 'botocore'} & set(sys.modules)\n"
        "    adapter.boto3_client()\n"
        "    assert 'boto3' in sys.modules\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
