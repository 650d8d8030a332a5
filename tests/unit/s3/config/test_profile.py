"""What the AWS configuration files tell besides credentials: the address of S3."""

from __future__ import annotations

import subprocess
import sys

import pytest

from buckia_core.config.settings import read_settings
from buckia_core.errors import ConfigError, InvalidSetting, MissingCredentials
from buckia_s3.config.settings import S3Settings
from buckia_s3.sync import S3Sync
from tests.unit.s3.scripted_server import HELLO, scripted

CONFIG = """
[profile all]
endpoint_url = https://all.example

[profile of-s3]
endpoint_url = https://all.example
services = here

[profile of-others]
endpoint_url = https://all.example
services = others

[profile ignoring]
endpoint_url = https://all.example
ignore_configured_endpoint_urls = true

[profile lost]
services = nowhere

[profile wrong]
endpoint_url = objects.example

[profile none]
region = eu-west-1

[services here]
s3 =
  endpoint_url = https://s3.example

[services others]
dynamodb =
  endpoint_url = https://dynamodb.example
"""


@pytest.fixture(autouse=True)
def files(tmp_path):
    (tmp_path / "config").write_text(CONFIG)
    names = ("all", "of-s3", "of-others", "ignoring", "lost", "wrong", "none", "default")
    keys = "".join(f"[{name}]\naws_access_key_id = AK\naws_secret_access_key = s\n" for name in names)
    (tmp_path / "credentials").write_text(keys)


@pytest.fixture
def identity(tmp_path):
    """Return what an adapter with these settings is called, which its address is a part of."""

    def identity(environ=None, **settings):
        values = {"bucket_name": "b4t"} | settings
        read = read_settings(S3Settings, values, provider="s3", base_dir=tmp_path, environ=environ or {})
        with S3Sync(read) as adapter:
            return adapter.identity

    return identity


@pytest.mark.parametrize(
    ("profile", "address"),
    [
        ("all", "https://all.example:443"),
        ("of-s3", "https://s3.example:443"),
        ("of-others", "https://all.example:443"),
        ("ignoring", "aws"),
        ("none", "aws"),
    ],
)
def test_a_profile_has_the_endpoint(identity, profile, address):
    assert identity(profile=profile) == f"s3:{address}/b4t/"


def test_what_is_given_goes_first(identity):
    given = {"profile": "all"}
    assert "given.example" in identity(endpoint_url="https://given.example", **given)
    assert "env.example" in identity({"AWS_ENDPOINT_URL": "https://env.example"}, **given)
    assert identity(endpoint_url="", **given) == "s3:aws/b4t/", "an empty one is AWS"
    assert identity(url="https://b4t.s3.eu-west-1.amazonaws.com", bucket_name=None, **given) == "s3:aws/b4t/"
    assert "all.example" in identity(url="s3://b4t", bucket_name=None, **given)


def test_it_can_be_ignored(identity, monkeypatch):
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE")
    assert identity(profile="of-s3") == "s3:aws/b4t/"


def test_the_profile_of_the_environment_has_it_where_its_credentials_are_used(identity, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "all")
    assert "all.example" in identity()
    assert identity(access_key_id="AK", secret_access_key="s") == "s3:aws/b4t/", "bare keys ask no profile"


def test_boto3s_session_has_it(identity):
    assert "s3.example" in identity(profile="of-s3", credential_provider="boto3")


def test_requests_go_there(tmp_path):
    with scripted(lambda asked: HELLO) as server:
        (tmp_path / "config").write_text(f"[profile none]\nendpoint_url = {server.endpoint}\n")
        with S3Sync(S3Settings(bucket_name="b4t", profile="none")) as adapter:
            assert adapter.stat_file("k").size == 5
            _, data = adapter.read_file("k")
        assert data == b"hello"
        assert {asked.path for asked in server.asked} == {"/b4t/k"}


@pytest.mark.parametrize(
    ("settings", "kind", "complaint"),
    [
        ({"profile": "lost"}, InvalidSetting, r"no section \[services nowhere\], which the profile names"),
        ({"profile": "wrong"}, InvalidSetting, "must be like https://host.*AWS configuration files"),
        ({"profile": "all", "use_fips_endpoint": True}, InvalidSetting, "leave out endpoint_url"),
        ({"profile": "nobody"}, MissingCredentials, "profile 'nobody'"),
    ],
)
def test_what_can_not_be_is_said(settings, kind, complaint):
    with pytest.raises(ConfigError, match=complaint) as caught:
        S3Sync(S3Settings(bucket_name="b4t", **settings))
    assert type(caught.value) is kind


def test_who_names_no_profile_imports_no_botocore():
    program = (
        "import sys\n"
        "from buckia_core.config.secrets.secret import Secret\n"
        "from buckia_s3.config.settings import S3Settings\n"
        "from buckia_s3.sync import S3Sync\n"
        "S3Sync(S3Settings(bucket_name='b', access_key_id=Secret('AK'), secret_access_key=Secret('s'))).close()\n"
        "assert 'botocore' not in sys.modules, 'it costs a fifth of a second'\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
