"""The keys of obstore's `S3Config` that no other file is about: each by its name, by its variable, and in a request."""

from __future__ import annotations

import pytest

from buckia_core.adapters.contract.types import IfAbsent
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import read_settings
from buckia_core.errors import InvalidSetting, NotSupported
from buckia_s3.config.fields import AddressingStyle, ConditionalWrites
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.endpoint import is_aws, resolve_endpoint
from buckia_s3.sync import S3Sync
from tests.unit.s3.scripted_server import HELLO, Answer, scripted

KEYS = pytest.mark.parametrize("key", ["k", "a//k"], ids=["plain_key", "odd_key"])


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read settings with these variables in the environment, which the process has too."""

    def reading(environ=None, **values):
        for name, value in (environ or {}).items():
            monkeypatch.setenv(name, value)
        return read_settings(S3Settings, values, provider="s3", base_dir=tmp_path)

    return reading


def uploaded(settings, key="k"):
    with S3Sync(settings) as adapter:
        adapter.upload_file(b"hello", key)


class TestInRequests:
    @pytest.fixture
    def server(self):
        with scripted(lambda _: HELLO) as server:
            yield server

    @pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"])
    @pytest.mark.parametrize("bucket", ["AWS_BUCKET", "AWS_BUCKET_NAME"])
    @KEYS
    def test_everything_from_the_environment(self, read, server, key, variable, bucket):
        environ = {
            bucket: "from-env",
            variable: server.endpoint,
            "AWS_REGION": "eu-west-3",
            "AWS_ACCESS_KEY_ID": "ENV",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_TOKEN": "tok",
        }
        uploaded(read(environ), key)
        asked = server.asked[-1]
        assert asked.path == f"/from-env/{key}"
        assert "Credential=ENV/" in asked.headers["authorization"]
        assert "/eu-west-3/s3/" in asked.headers["authorization"]
        assert asked.headers["x-amz-security-token"] == "tok"

    @pytest.mark.parametrize("endpoint", ["endpoint_url", "endpoint", "aws_endpoint_url_s3"])
    @KEYS
    def test_what_is_given_goes_before_the_environment(self, read, server, key, endpoint):
        environ = {
            "AWS_BUCKET": "x",
            "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
            "AWS_REGION": "x",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_SESSION_TOKEN": "x",
            "AWS_SKIP_SIGNATURE": "true",
        }
        given = {
            "bucket": "given",
            endpoint: server.endpoint,
            "region": "eu-west-3",
            "access_key_id": "GIVEN",
            "secret_access_key": "s",
        }
        uploaded(read(environ, **given), key)
        asked = server.asked[-1]
        assert asked.path == f"/given/{key}"
        assert "Credential=GIVEN/" in asked.headers["authorization"]
        assert "/eu-west-3/s3/" in asked.headers["authorization"]
        assert "x-amz-security-token" not in asked.headers

    def test_session_token(self, read, server):
        given = {"access_key_id": "A", "secret_access_key": "s", "session_token": "tok"}
        uploaded(read(bucket="b", endpoint=server.endpoint, **given))
        assert server.asked[-1].headers["x-amz-security-token"] == "tok"

    def test_default_region(self, read, server):
        keys = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "eu-west-3"}
        uploaded(read(keys, bucket="b", endpoint=server.endpoint))
        assert "/eu-west-3/s3/" in server.asked[-1].headers["authorization"]
        uploaded(read(bucket="b", endpoint=server.endpoint, region="eu-west-1"))
        assert "/eu-west-1/s3/" in server.asked[-1].headers["authorization"]

    def test_skip_signature(self, read, server):
        environ = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SKIP_SIGNATURE": "true"}
        uploaded(read(environ, bucket="b", endpoint=server.endpoint))
        assert "authorization" not in server.asked[-1].headers
        uploaded(read(bucket="b", endpoint=server.endpoint, skip_signature=False))
        assert "Credential=A/" in server.asked[-1].headers["authorization"]

    @KEYS
    def test_virtual_hosted_style_request(self, read, server, key):
        port = server.endpoint.rpartition(":")[2]
        given = {"access_key_id": "A", "secret_access_key": "s", "bucket": "localhost"}
        # The endpoint begins with the bucket already, as obstore wants it.
        environ = {"AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true", "AWS_ENDPOINT_URL": f"http://localhost.localhost:{port}"}
        with pytest.MonkeyPatch.context() as patch:
            settings = read(environ, **given)
            assert resolve_endpoint(settings, "r").root == f"http://localhost.localhost:{port}"
            patch.setenv("http_proxy", server.endpoint)
            uploaded(settings, key)
        assert server.asked[-1].headers["host"] == f"localhost.localhost:{port}"
        assert server.asked[-1].path == f"/{key}" or server.asked[-1].path.endswith(f":{port}/{key}")
        path = read(virtual_hosted_style_request=False, endpoint=server.endpoint, **given)
        uploaded(path, key)
        assert server.asked[-1].path == f"/localhost/{key}"


class TestConditionalPut:
    def test_etag_insists_on_conditions(self, read):
        assert read({"AWS_CONDITIONAL_PUT": "etag"}, bucket="b").conditional_writes is ConditionalWrites.ON
        with scripted(lambda _: HELLO) as server:
            settings = read(bucket="b", endpoint=server.endpoint, access_key_id="A", secret_access_key="s")
            with S3Sync(settings) as adapter, pytest.raises(NotSupported, match="conditional_writes"):
                adapter.upload_file(b"x", "k", expect=IfAbsent())

    def test_disabled_never_sends_one(self, read):
        settings = read(bucket="b", conditional_put="disabled")
        assert settings.conditional_writes is ConditionalWrites.OFF

    def test_conditional_writes_goes_first(self, read):
        settings = read({"AWS_CONDITIONAL_PUT": "etag"}, bucket="b", conditional_writes="off")
        assert settings.conditional_writes is ConditionalWrites.OFF

    @pytest.mark.parametrize("value", ["dynamo:table", "dynamo:table:1000"])
    def test_dynamo_is_refused_with_the_reason(self, read, value):
        with pytest.raises(InvalidSetting, match="DynamoDB"):
            read(bucket="b", conditional_put=value)
        with pytest.raises(InvalidSetting, match="AWS_CONDITIONAL_PUT"):
            read({"AWS_CONDITIONAL_PUT": value}, bucket="b")

    def test_others_are_unknown(self, read):
        with pytest.raises(InvalidSetting, match="etag or disabled"):
            read(bucket="b", conditional_put="md5")


def test_disable_bulk_delete(connect, read):
    adapter, server = connect(lambda _: Answer(204), disable_bulk_delete=True)
    assert [outcome.error for outcome in adapter.delete_files(["a", "b", "c"])] == [None] * 3
    assert [asked.method for asked in server.asked] == ["DELETE"] * 3
    assert read({"AWS_DISABLE_BULK_DELETE": "1"}, bucket="b").disable_bulk_delete


def test_the_style_of_addresses(read):
    assert read(bucket="b").addressing_style is AddressingStyle.AUTO
    virtual = read({"AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true"}, bucket="b")
    assert virtual.addressing_style is AddressingStyle.VIRTUAL
    assert read(bucket="b", addressing_style="path").addressing_style is AddressingStyle.PATH
    bare = S3Settings(bucket_name="b4t", virtual_hosted_style_request=True, endpoint_url="https://h.example")
    assert resolve_endpoint(bare, "r").root == "https://b4t.h.example", "obstore would leave the bucket out"


def test_an_empty_endpoint_is_aws(read):
    settings = read({"AWS_ENDPOINT_URL": "https://h"}, bucket="b4t", endpoint_url="")
    assert is_aws(settings)
    assert resolve_endpoint(settings, "eu-west-1").root == "https://b4t.s3.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("AWS_S3_EXPRESS", "true", "s3_express", True),
        ("AWS_ROLE_ARN", "arn:x", "role_arn", "arn:x"),
        ("AWS_ROLE_SESSION_NAME", "n", "role_session_name", "n"),
        ("AWS_STS_ENDPOINT", "https://h", "sts_endpoint", "https://h"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x", "container_credentials_relative_uri", "/x"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x", "container_credentials_full_uri", "http://x"),
        ("AWS_METADATA_ENDPOINT", "http://x", "metadata_endpoint", "http://x"),
        ("AWS_IMDSV1_FALLBACK", "true", "imdsv1_fallback", True),
    ],
)
def test_variables_of_others(read, variable, value, name, expected):
    settings = read({variable: value}, bucket="b--z--x-s3", access_key_id="A", secret_access_key="s")
    assert getattr(settings, name) == expected
    assert settings.access_key_id == Secret("A")
