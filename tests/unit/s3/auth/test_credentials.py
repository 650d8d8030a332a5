"""Where credentials come from, in which order."""

from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.credentials import ReadOnlyCredentials

from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import MissingCredentials, Unauthenticated
from buckia_s3.auth.credentials import find_credentials
from buckia_s3.auth.sigv4 import Credentials
from buckia_s3.config.settings import S3Settings
from buckia_s3.errors import from_boto3_session


def found(**settings):
    return find_credentials(S3Settings(bucket_name="b", **settings), "s3").get()


@pytest.fixture
def files(tmp_path):
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = s\n"
        "[work]\naws_access_key_id = WORK\naws_secret_access_key = s\naws_session_token = t\n"
    )
    (tmp_path / "config").write_text("[profile work]\nregion = eu-north-1\n[profile empty]\nregion = x\n")


def test_settings_go_first(monkeypatch, files):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "belongs to ENV")
    given = found(access_key_id=Secret("GIVEN"), secret_access_key=Secret("s"))
    assert given == Credentials("GIVEN", "s", None), "a token of other keys is not taken along"
    assert found(profile="work") == Credentials("WORK", "s", "t")
    assert found() == Credentials("ENV", "s", "belongs to ENV")
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    monkeypatch.setenv("AWS_TOKEN", "by its other name")
    assert found() == Credentials("ENV", "s", "by its other name")
    assert found(skip_signature=True) is None


def test_profiles(monkeypatch, files):
    assert found() == Credentials("DEFAULT", "s", None)
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert found() == Credentials("WORK", "s", "t")


def test_the_region_of_a_profile(files):
    source = find_credentials(S3Settings(bucket_name="b", profile="work"), "s3")
    assert source.region() == "eu-north-1"
    assert not source.never_expires


@pytest.mark.parametrize("settings", [{}, {"profile": "none"}])
def test_no_credentials(settings):
    with pytest.raises(MissingCredentials) as caught:
        found(**settings)
    assert settings.get("profile", "AWS_ACCESS_KEY_ID") in str(caught.value)


def test_a_profile_without_credentials(files):
    with pytest.raises(MissingCredentials, match="empty"):
        found(profile="empty")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("credential_process = 'echo", "ValueError: No closing quotation"),
        ("credential_process = /no/such process", "No such file or directory: '/no/such'"),
        ("credential_process = echo welcome", "JSONDecodeError: Expecting value"),
    ],
)
@pytest.mark.parametrize("variable", ["AWS_PROFILE", None])
def test_the_profile_in_effect_is_named(tmp_path, monkeypatch, files, variable, lines, message):
    (tmp_path / "config").write_text(f"[profile tool]\n{lines}\n")
    if variable:
        monkeypatch.setenv(variable, "tool")
    with pytest.raises(Unauthenticated) as caught:
        found(**({} if variable else {"profile": "tool"}))
    assert str(caught.value).startswith("the credentials of profile 'tool' could not be fetched: ")
    assert message in str(caught.value)


def test_a_sign_in_that_is_missing(tmp_path, files):
    (tmp_path / "config").write_text(
        "[profile sso]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = r\n"
        "[sso-session s]\nsso_start_url = https://x.example/start\nsso_region = us-east-1\n"
    )
    with pytest.raises(Unauthenticated, match=r"does not exist; sign in with: aws sso login --profile sso$"):
        found(profile="sso")


def test_an_mfa_code_that_nobody_enters():
    error = from_boto3_session(EOFError(), "", provider="s3", profile="role")
    assert str(error) == (
        "the credentials of profile 'role' could not be fetched: they need an MFA code, which nobody entered"
    )


class Renewed:
    """Credentials of botocore's that are others each time."""

    def __init__(self):
        self.count = 0

    def get_frozen_credentials(self):
        self.count += 1
        return ReadOnlyCredentials(f"AK{self.count}", "s", "t")


def test_renewed_credentials_are_used(monkeypatch):
    renewed = Renewed()
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda _: renewed)
    source = find_credentials(S3Settings(bucket_name="b"), "s3")
    expected = [Credentials(f"AK{number}", "s", "t") for number in (1, 2, 3)]
    assert [source.get() for _ in range(3)] == expected


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("buckia_s3.plugin", ["obstore", "boto3", "botocore", "buckia_s3.config.settings"]),
        ("buckia_s3.config.settings", ["obstore", "boto3", "botocore"]),
        (
            "buckia_s3.sync",
            [
                "boto3",
                "botocore",
                "buckia_s3.operations.copy",
                "buckia_s3.operations.object_locks",
                "buckia_s3.operations.versions",
            ],
        ),
    ],
)
def test_what_an_import_does_not_import(module, absent):
    code = f"import sys, {module}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
