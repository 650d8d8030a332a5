"""`S3Sync` in the form of obstore's `S3Store`: bucket, `config`, keyword arguments, environment, and its properties."""

from __future__ import annotations

import sys
from datetime import timedelta

import obstore
import pytest
from obstore.store import S3Store

from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import ConfigError, InvalidSetting, UnknownSetting
from buckia_s3.config.bucket_url import parse_bucket_url
from buckia_s3.config.fields import AddressingStyle
from buckia_s3.config.settings import S3Settings
from buckia_s3.sync import S3Sync

KEYS = {"access_key_id": "AK", "secret_access_key": "the-secret-key"}


def both(*arguments, **named):
    """Return our adapter and obstore's store, made by the same call."""
    return S3Sync(*arguments, **named), S3Store(*arguments, **named)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("b4t",), {"region": "eu-west-1"}),
        ((), {"bucket": "b4t", "region": "eu-west-1"}),
        (("b4t",), {"config": {"region": "eu-west-1"}, "prefix": "p/q"}),
        ((), {"config": {"bucket": "b4t", "AWS_REGION": "eu-west-1"}}),
        (("b4t",), {"config": {"aws_region": "eu-west-1"}, "skip_signature": True}),
        (("b4t",), {"region": "eu-west-1", "client_options": {"user_agent": "u"}, "retry_config": {"max_retries": 1}}),
    ],
)
def test_the_same_call_as_of_obstore(arguments, named):
    adapter, store = both(*arguments, **named)
    with adapter:
        shown = adapter.config
        for name, value in store.config.items():
            assert str(shown[name]).lower() == str(value).lower(), name
        assert adapter.prefix == store.prefix
        assert (store.retry_config or {}).get("max_retries", 2) == adapter.retry_config["max_retries"]
        assert (store.client_options or {}).get("user_agent") == adapter.client_options.get("user_agent")


def test_the_environment_is_read(monkeypatch):
    monkeypatch.setenv("AWS_BUCKET", "env-b")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "false")
    with S3Sync() as adapter:
        assert adapter.public_url("k") == "https://s3.eu-west-3.amazonaws.com/env-b/k"
    with S3Sync("b4t", config={"region": "eu-west-1"}, virtual_hosted_style_request=True) as adapter:
        assert adapter.public_url("k") == "https://b4t.s3.eu-west-1.amazonaws.com/k"
    with S3Sync.from_url("s3://b4t/p", config={"region": "eu-west-1"}) as adapter:
        assert adapter.config["region"] == "eu-west-1"


def test_settings_as_python_objects_do_not_read_it(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://env.example")
    settings = S3Settings(bucket_name="b")
    assert (settings.region, settings.endpoint_url) == (None, None), "other services' adapters build on these"


@pytest.mark.parametrize(
    ("arguments", "named", "kind", "message"),
    [
        (("b",), {"config": {"bucket": "c"}}, InvalidSetting, "'bucket_name' and 'bucket' are the same setting"),
        (("b",), {"config": {"region": "a"}, "region": "c"}, InvalidSetting, "'region' is given twice"),
        (("b",), {"config": {"aws_region": "a", "region": "c"}}, InvalidSetting, "'region' is given twice"),
        (("b",), {"config": {"regoin": "a"}}, UnknownSetting, "'regoin'. Did you mean 'region'"),
        (("b",), {"config": "region=a"}, InvalidSetting, "config must be a mapping"),
        ((), {}, InvalidSetting, "needs 'bucket_name'"),
        ((S3Settings(bucket_name="b"),), {"region": "a"}, InvalidSetting, "region"),
        ((S3Settings(bucket_name="b"),), {"config": {"region": "a"}}, InvalidSetting, "config"),
    ],
)
def test_what_does_not_go_together(arguments, named, kind, message):
    with pytest.raises(kind, match=message):
        S3Sync(*arguments, **named)


class TestProperties:
    @pytest.fixture
    def adapter(self):
        config = {
            **KEYS,
            "region": "eu-west-1",
            "server_side_encryption": "sse-c",
            "sse_customer_key_base64": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        }
        options = {"proxy_url": "http://u:the-password@h:1", "default_headers": {"x-token": "the-token"}}
        retries = {"backoff": {"init_backoff": "1s"}}
        with S3Sync("b4t", prefix="p/", config=config, client_options=options, retry_config=retries) as adapter:
            yield adapter

    def test_no_secret_shows(self, adapter):
        shown = repr((adapter.config, adapter.client_options, adapter.retry_config, adapter.prefix, vars(adapter)))
        for secret in ("the-secret-key", "the-password", "the-token", "MDEyMz"):
            assert secret not in shown
        assert adapter.config["bucket"] == "b4t"
        assert adapter.config["server_side_encryption"] == "sse-c"

    def test_credential_provider_is_one_for_obstore(self, adapter):
        found = adapter.credential_provider()
        assert (found["access_key_id"], found["secret_access_key"]) == ("AK", "the-secret-key")
        store = S3Store("b4t", region="eu-west-1", credential_provider=adapter.credential_provider)
        assert "X-Amz-Credential=AK" in obstore.sign(store, "GET", "k", timedelta(seconds=5))
        with S3Sync("b4t", skip_signature=True) as unsigned:
            assert unsigned.credential_provider is None

    def test_they_are_those_of_the_store(self, adapter):
        shown, config = adapter.config, adapter.store.config
        both = shown.keys() & config.keys()
        assert {"bucket", "region", "endpoint", "server_side_encryption", "disable_tagging"} <= both
        assert {name: str(shown[name]).lower() for name in both} == {name: config[name].lower() for name in both}
        assert adapter.store.retry_config == adapter.retry_config
        assert adapter.store.prefix == adapter.prefix == "p"

    def test_they_do_not_need_obstore(self, adapter, monkeypatch):
        monkeypatch.setitem(sys.modules, "obstore", None)
        monkeypatch.setitem(sys.modules, "obstore.store", None)
        assert adapter.retry_config["backoff"]["init_backoff"] == timedelta(seconds=1)
        assert adapter.config["region"] == "eu-west-1"
        assert adapter.credential_provider is not None


def test_settings_are_resolved_once_and_for_all():
    given = {"url": "https://ac0.r2.cloudflarestorage.com/b4t/p", **{n: Secret(v) for n, v in KEYS.items()}}
    resolved = S3Settings.resolve(given, {"skip_signature": True, "region": "x"})
    assert resolved["addressing_style"] is AddressingStyle.PATH
    assert (resolved["region"], resolved["skip_signature"]) == ("auto", False)
    assert S3Settings.resolve(resolved) == resolved
    assert S3Settings(**given).url is None


def test_a_url_is_parsed_once(monkeypatch):
    seen = []

    def parse(url):
        seen.append(url)
        return parse_bucket_url(url)

    monkeypatch.setattr("buckia_s3.config.settings.parse_bucket_url", parse)
    S3Settings.from_url("s3://b/p")
    assert seen == ["s3://b/p"]
    with pytest.raises(ConfigError, match="url"):
        S3Settings.from_url("ftp://b")
