"""`credential_provider`, and where the AWS credential chain looks."""

from __future__ import annotations

import json
import pickle
import ssl
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import boto3
import botocore.session
import pytest
from botocore.utils import ContainerMetadataFetcher

from buckia_core.config import BucketConfig
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.settings import read_settings
from buckia_core.errors import InvalidSetting, MissingCredentials, Unauthenticated
from buckia_s3.auth.credentials import find_credentials
from buckia_s3.auth.sigv4 import Credentials
from buckia_s3.config.options import ClientOptions
from buckia_s3.config.settings import S3Settings
from buckia_s3.sync import S3Sync
from tests.servers.certificate import make_certificate
from tests.unit.s3.scripted_server import Answer, page, scripted

ROLE = "arn:aws:iam::123456789012:role/reader"


def source(**settings):
    return find_credentials(S3Settings(bucket_name="b", region="us-east-1", **settings), "s3")


def found(**settings):
    return source(**settings).get()


def given(key="AK", **more):
    return {"access_key_id": key, "secret_access_key": "s", "token": None, "expires_at": None} | more


@pytest.fixture
def environment(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")


@pytest.fixture
def files(tmp_path):
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = WORK\naws_secret_access_key = s\n")
    (tmp_path / "config").write_text("[profile work]\nregion = eu-north-1\n")


class TestNames:
    KEYS: ClassVar = {"access_key_id": Secret("GIVEN"), "secret_access_key": Secret("s")}

    def test_static(self, environment):
        assert found(credential_provider="static", **self.KEYS) == Credentials("GIVEN", "s")

    def test_environment(self, monkeypatch, environment):
        assert found(credential_provider="environment") == Credentials("ENV", "s")
        monkeypatch.setenv("AWS_TOKEN", "t")
        assert found(credential_provider="environment") == Credentials("ENV", "s", "t")
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        with pytest.raises(MissingCredentials, match="AWS_ACCESS_KEY_ID"):
            found(credential_provider="environment")

    def test_profile(self, environment, files):
        assert found(credential_provider="profile", profile="work") == Credentials("WORK", "s")

    def test_anonymous(self, environment, connect):
        assert found(credential_provider="anonymous") is None
        adapter, server = connect(
            lambda _: page("a"), credential_provider="anonymous", access_key_id=None, secret_access_key=None
        )
        assert [each.key for each in adapter.list_files()] == ["a"]
        assert "authorization" not in server.asked[-1].headers
        assert not adapter.capabilities.signed_url

    def test_boto3(self, monkeypatch, environment, files):
        mine = source(credential_provider="boto3", profile="work")
        assert mine.get() == Credentials("WORK", "s")
        assert mine.region() == "eu-north-1"
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session("APP", "s", region_name="eu-south-1"))
        default = source(credential_provider="boto3")
        assert default.get() == Credentials("APP", "s")
        assert default.region() == "eu-south-1"

    @pytest.mark.parametrize(
        ("settings", "named"),
        [
            ({"credential_provider": "static"}, "access_key_id"),
            ({"credential_provider": "profile"}, "profile"),
            ({"credential_provider": "sts"}, "role_arn"),
            ({"credential_provider": "environment", "profile": "p"}, "profile"),
            ({"credential_provider": "boto3", "access_key_id": "A", "secret_access_key": "S"}, "access_key_id"),
            ({"credential_provider": "anonymous", "profile": "p"}, "profile"),
            ({"credential_provider": "m:f", "access_key_id": "A", "secret_access_key": "S"}, "access_key_id"),
            ({"credential_provider": "profil"}, "'profile'"),
            ({"credential_provider": "os.system"}, "module:function"),
            ({"credential_provider": 5}, "credential_provider"),
        ],
    )
    def test_what_does_not_go_together(self, tmp_path, settings, named):
        with pytest.raises(InvalidSetting, match=named):
            read_settings(S3Settings, {"bucket_name": "b"} | settings, provider="s3", base_dir=tmp_path, environ={})


class TestFunctions:
    def test_one_that_is_given(self):
        assert found(credential_provider=lambda: given(token="t")) == Credentials("AK", "s", "t")

    def test_a_coroutine_function(self):
        async def give():
            return given("LATER")

        assert found(credential_provider=give) == Credentials("LATER", "s")

    def test_by_its_name(self, monkeypatch, tmp_path):
        module = ModuleType("their_credentials")
        module.Vault = type("Vault", (), {"read": staticmethod(lambda: given("VAULT"))})  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "their_credentials", module)
        settings = read_settings(
            S3Settings,
            {"bucket_name": "b", "credential_provider": "their_credentials:Vault.read"},
            provider="s3",
            base_dir=tmp_path,
            environ={"AWS_SKIP_SIGNATURE": "true"},
        )
        assert find_credentials(settings, "s3").get() == Credentials("VAULT", "s")
        for name, told in (("no_such_module_x:f", "no_such_module_x"), ("their_credentials:g", "g")):
            with pytest.raises(InvalidSetting, match=told):
                found(credential_provider=name)
        with pytest.raises(InvalidSetting, match="not a function"):
            found(credential_provider="their_credentials:__name__")

    def test_both_ways_are_signed_with_it(self, connect):
        adapter, server = connect(
            lambda _: Answer(200, b"", {"ETag": '"x"'}),
            credential_provider=lambda: given("FUN", token="tok"),
            access_key_id=None,
            secret_access_key=None,
        )
        for key in ("k", "a//k"):
            adapter.upload_file(b"x", key)
            assert "Credential=FUN/" in server.asked[-1].headers.get("authorization", "")
            assert server.asked[-1].headers["x-amz-security-token"] == "tok"

    def test_it_is_called_again_before_the_credentials_expire(self, monkeypatch):
        calls = []

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return now

        now = Clock(2026, 1, 1, tzinfo=UTC)
        monkeypatch.setattr("buckia_s3.auth.callable_provider.datetime", Clock)

        def give():
            calls.append(now)
            return given(f"AK{len(calls)}", expires_at=now + timedelta(minutes=lasts))

        lasts = 60
        long = source(credential_provider=give)
        seen = []
        for minutes in (0, 30, 54, 1, 1):
            now += timedelta(minutes=minutes)
            seen.append(long.get().access_key_id)
        assert seen == ["AK1", "AK1", "AK2", "AK2", "AK2"]
        lasts, calls[:] = 4, []
        short = source(credential_provider=give)
        for _ in range(4):
            assert short.get().expires_at - now >= timedelta(minutes=2)
            now += timedelta(minutes=1)
        assert len(calls) == 2, "those that last for less than the margin are used for half of their time"

    def test_those_that_stay_good_are_asked_for_once(self):
        calls = []

        def give():
            calls.append(1)
            return given()

        lasting = source(credential_provider=give)
        assert lasting.get() == lasting.get()
        assert calls == [1]

    @pytest.mark.parametrize(
        "wrong",
        [
            None,
            "the-password",
            {},
            given(""),
            {"access_key_id": "AK", "secret_access_key": 5},
            given(token=5),
            given(expires_at=datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)),
            given(expires_at="2026-01-01"),
        ],
    )
    def test_what_is_no_credentials(self, wrong):
        with pytest.raises(InvalidSetting, match="credential provider") as caught:
            found(credential_provider=lambda: wrong)
        assert "the-password" not in str(caught.value)

    def test_one_that_fails(self):
        def fail():
            raise KeyError("the-password")

        with pytest.raises(Unauthenticated, match="KeyError") as caught:
            found(credential_provider=fail)
        assert "the-password" not in str(caught.value)

        def tell():
            raise MissingCredentials("log in first")

        with pytest.raises(MissingCredentials, match="log in first"):
            found(credential_provider=tell)


class TestRoles:
    def test_sts(self, moto_server):
        keys = {"access_key_id": Secret(moto_server.access_key), "secret_access_key": Secret(moto_server.secret_key)}
        role = source(credential_provider="sts", role_arn=ROLE, sts_endpoint=moto_server.endpoint, **keys)
        assumed = role.get()
        assert assumed is not None
        assert assumed.access_key_id != moto_server.access_key
        assert assumed.session_token
        assert assumed.expires_at is not None
        assert assumed.expires_at - datetime.now(UTC) > timedelta(minutes=50)
        assert role.get() is assumed

    def test_a_sync_with_a_role(self, moto_server, bucket_name):
        settings = S3Settings(
            bucket_name=bucket_name(moto_server),
            endpoint_url=moto_server.endpoint,
            access_key_id=Secret(moto_server.access_key),
            secret_access_key=Secret(moto_server.secret_key),
            credential_provider="sts",
            role_arn=ROLE,
            sts_endpoint=moto_server.endpoint,
        )
        with S3Sync(settings) as adapter:
            adapter.upload_file(b"hello", "k")
            assert [each.key for each in adapter.list_files()] == ["k"]

    def test_what_sts_is_asked(self):
        with scripted(lambda _: assumed("AssumeRole")) as server:
            role = found(
                credential_provider="sts",
                role_arn=ROLE,
                role_session_name="mine",
                role_duration=1800,
                external_id="ext",
                sts_endpoint=server.endpoint,
                access_key_id=Secret("A"),
                secret_access_key=Secret("S"),
            )
            body = server.asked[-1].body.decode()
        assert role == Credentials("ROLE", "s", "t")
        for part in ("RoleSessionName=mine", "DurationSeconds=1800", "ExternalId=ext", "role%2Freader"):
            assert part in body

    @pytest.mark.parametrize("where", ["ca_bundle", "root_certificate", "the profile"])
    def test_sts_is_trusted_beside_those_that_the_system_trusts(self, tmp_path, monkeypatch, where):
        made = make_certificate(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.pem_file)
        trusting: dict[str, Any] = {"ca_bundle": made.ca_file}
        if where == "root_certificate":
            trusting = {"client_options": ClientOptions(root_certificate=made.ca_file.read_bytes())}
        elif where == "the profile":
            (tmp_path / "config").write_text(f"[default]\nca_bundle = {made.ca_file}\n")
            monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
            trusting = {}
        trusted: list[str] = []
        create = botocore.session.Session.create_client

        def noting(session, *given, **more):
            trusted.append(Path(more["verify"]).read_text())
            return create(session, *given, **more)

        monkeypatch.setattr(botocore.session.Session, "create_client", noting)
        with scripted(lambda _: assumed("AssumeRole"), context) as server:
            keys = {"access_key_id": Secret("A"), "secret_access_key": Secret("S")}
            role = {"credential_provider": "sts", "role_arn": ROLE, "sts_endpoint": server.endpoint}
            assert found(**role, **keys, **trusting) == Credentials("ROLE", "s", "t")
        assert made.ca_file.read_text() in trusted[0]
        system = ssl.get_default_verify_paths().cafile
        assert system is None or Path(system).read_text() in trusted[0]

    def test_sts_refuses(self):
        refusal = b"<E><Error><Code>AccessDenied</Code><Message>no</Message></Error></E>"
        with scripted(lambda _: Answer(403, refusal)) as server, pytest.raises(Unauthenticated, match="AccessDenied"):
            found(
                credential_provider="sts",
                role_arn=ROLE,
                sts_endpoint=server.endpoint,
                access_key_id=Secret("A"),
                secret_access_key=Secret("S"),
            )

    def test_web_identity_token_file(self, tmp_path):
        (tmp_path / "token").write_text("the-identity")
        with scripted(lambda _: assumed("AssumeRoleWithWebIdentity")) as server:
            role = found(
                web_identity_token_file=tmp_path / "token",
                role_arn=ROLE,
                role_session_name="mine",
                sts_endpoint=server.endpoint,
            )
            body = server.asked[-1].body.decode()
        assert role == Credentials("ROLE", "s", "t")
        assert "WebIdentityToken=the-identity" in body
        assert "RoleSessionName=mine" in body


def assumed(action):
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return Answer(
        200,
        f"<{action}Response><{action}Result><Credentials><AccessKeyId>ROLE</AccessKeyId>"
        f"<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>{until}</Expiration>"
        f"</Credentials></{action}Result></{action}Response>".encode(),
    )


def handed_out(key):
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    told = {"AccessKeyId": key, "SecretAccessKey": "s", "Token": "t", "Expiration": until, "Code": "Success"}
    return Answer(200, json.dumps(told).encode())


class TestContainers:
    def test_container_credentials_relative_uri(self, monkeypatch):
        with scripted(lambda _: handed_out("ECS")) as server:
            monkeypatch.setattr(ContainerMetadataFetcher, "IP_ADDRESS", server.endpoint.removeprefix("http://"))
            assert found(container_credentials_relative_uri="/v2/mine") == Credentials("ECS", "s", "t")
            assert server.asked[-1].path == "/v2/mine"

    def test_container_credentials_full_uri(self, tmp_path):
        (tmp_path / "token").write_text("let me in")
        with scripted(lambda _: handed_out("EKS")) as server:
            settings = {
                "container_credentials_full_uri": f"{server.endpoint}/full",
                "container_authorization_token_file": tmp_path / "token",
            }
            assert found(**settings) == Credentials("EKS", "s", "t")
            assert server.asked[-1].headers["authorization"] == "let me in"

    def test_keys_of_the_environment_go_before_a_container(self, environment):
        assert found(container_credentials_full_uri="http://127.0.0.1:9/") == Credentials("ENV", "s")


@contextmanager
def instance(tokens):
    def script(asked):
        if asked.path == "/latest/api/token":
            return Answer(200, b"a-token") if tokens else Answer(403)
        if asked.path.endswith("/security-credentials/"):
            return Answer(200, b"my-role")
        return handed_out("EC2")

    with scripted(script) as server:
        yield server


class TestInstances:
    @pytest.fixture(autouse=True)
    def _enabled(self, monkeypatch):
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")

    def test_metadata_endpoint(self):
        with instance(tokens=True) as server:
            assert found(metadata_endpoint=server.endpoint) == Credentials("EC2", "s", "t")
            assert server.asked[-1].headers["x-aws-ec2-metadata-token"] == "a-token"

    def test_imdsv1_fallback(self):
        with instance(tokens=False) as server:
            with pytest.raises(MissingCredentials, match="imdsv1_fallback"):
                found(metadata_endpoint=server.endpoint)
            assert found(metadata_endpoint=server.endpoint, imdsv1_fallback=True) == Credentials("EC2", "s", "t")
            assert "x-aws-ec2-metadata-token" not in server.asked[-1].headers

    ELSEWHERE: ClassVar = "http://127.0.0.1:9"

    def test_another_service_does_not_take_the_role_of_an_instance(self, monkeypatch):
        with instance(tokens=True) as server:
            monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.endpoint)
            with pytest.raises(MissingCredentials) as caught:
                source(endpoint_url=self.ELSEWHERE).get()
        assert server.asked == []
        assert "AWS_ACCESS_KEY_ID" in str(caught.value)
        assert "EC2" not in str(caught.value)

    @pytest.mark.parametrize(
        "endpoint_url",
        [
            None,
            "",
            "https://bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com",
            "https://s3.cn-north-1.amazonaws.com.cn",
            "https://s3.dualstack.eusc-de-east-1.amazonaws.eu",
            "https://s3.us-iso-east-1.c2s.ic.gov",
            "http://B/",
        ],
    )
    def test_aws_takes_the_role_of_an_instance(self, monkeypatch, endpoint_url):
        with instance(tokens=True) as server:
            monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.endpoint)
            assert found(endpoint_url=endpoint_url) == Credentials("EC2", "s", "t")

    def test_another_service_takes_the_role_that_is_asked_for(self):
        with instance(tokens=True) as server:
            settings = {"endpoint_url": self.ELSEWHERE, "metadata_endpoint": server.endpoint}
            assert found(**settings) == Credentials("EC2", "s", "t")


def test_a_role_is_not_needed_without_sts():
    settings = S3Settings(bucket_name="b", role_arn=ROLE, access_key_id=Secret("A"), secret_access_key=Secret("S"))
    assert find_credentials(settings, "s3").get() == Credentials("A", "S")
    assert find_credentials(replace(settings, role_arn=None), "s3").never_expires


def test_a_function_goes_through_a_bucket_configuration():
    config = BucketConfig(provider="s3", bucket_name="b", credential_provider=given)
    settings = config.adapter_settings(S3Settings, environ={"AWS_SKIP_SIGNATURE": "true"})
    assert find_credentials(settings, "s3").get() == Credentials("AK", "s")
    assert pickle.loads(pickle.dumps(config)) == config
