"""Credential providers. Without `credential_provider`, the first one that has credentials is used.

1. `skip_signature`: no credentials.
2. The settings `access_key_id`, `secret_access_key` and `session_token`.
3. The setting `profile`: a profile of the AWS configuration files, including SSO, roles and so on.
4. The environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and `AWS_SESSION_TOKEN` or `AWS_TOKEN`.
5. boto3's chain: `AWS_PROFILE`, web identity, SSO, the shared files, the container, the instance.

`credential_provider` selects one of them:

    static              2
    environment         4
    profile             3
    boto3               boto3's default session, or a new one for `profile`
    sts                 `role_arn`, assumed with the credentials of 2 to 5
    anonymous           1
    module:function     what the function returns; see `callable_provider`

3, 5, boto3 and sts import boto3, which takes 0.2 seconds.
"""

from __future__ import annotations

import os
from dataclasses import replace

from buckia_core.errors import InvalidSetting, MissingCredentials
from buckia_s3.auth.sigv4 import CredentialProvider, Credentials
from buckia_s3.config.settings import S3Settings


class StaticCredentials(CredentialProvider):
    """StaticCredentials: fixed credentials, or none."""

    never_expires = True

    def __init__(self, credentials: Credentials | None) -> None:
        self._credentials = credentials

    def get(self) -> Credentials | None:
        """Return the credentials."""
        return self._credentials


def find_credentials(settings: S3Settings, provider: str) -> CredentialProvider:
    """Return the credential provider for the settings and the environment. Fetches nothing yet.

    Raises:
        MissingCredentials: `credential_provider` is `environment`, and there are no credentials in it.
        InvalidSetting: `credential_provider` names a function that can't be imported.
    """
    named = settings.credential_provider
    if settings.skip_signature:
        return StaticCredentials(None)
    if named == "environment":
        found = _environment_credentials()
        if found is None:
            raise MissingCredentials(
                "credential_provider: environment needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
            )
        return StaticCredentials(found)
    if named not in (None, "static", "profile"):
        return _named_provider(named, settings, provider)
    if settings.access_key_id is not None and settings.secret_access_key is not None:
        token = settings.session_token.reveal() if settings.session_token else None
        return StaticCredentials(
            Credentials(settings.access_key_id.reveal(), settings.secret_access_key.reveal(), token)
        )
    found = _environment_credentials() if settings.profile is None else None
    if found is not None:
        return StaticCredentials(found)
    from buckia_s3.auth.boto3_provider import chain  # noqa: PLC0415  # many runs have static keys

    return chain(settings, provider)


def with_profile_endpoint(settings: S3Settings, credentials: CredentialProvider) -> S3Settings:
    """Return the settings with the endpoint URL of the credentials, unless they have an `endpoint_url`.

    Raises:
        InvalidSetting: The URL is invalid, or conflicts with the settings.
        MissingCredentials: The profile does not exist.
    """
    endpoint_url = None if settings.endpoint_url is not None else credentials.endpoint_url()
    if endpoint_url is None:
        return settings
    try:
        return replace(settings, endpoint_url=endpoint_url)
    except ValueError as error:
        raise InvalidSetting(f"{error} (endpoint_url is that of the AWS configuration files)") from error


def _named_provider(named: object, settings: S3Settings, provider: str) -> CredentialProvider:
    from buckia_s3.auth.boto3_provider import assume_role, boto3_session  # noqa: PLC0415  # as above
    from buckia_s3.auth.callable_provider import CallableCredentials, load_function  # noqa: PLC0415  # as above

    if named == "boto3":
        return boto3_session(settings, provider)
    if named == "sts":
        source = find_credentials(replace(settings, credential_provider=None), provider)
        return assume_role(settings, source.get, provider)
    return CallableCredentials(load_function(named), provider)


def _environment_credentials() -> Credentials | None:
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        return None
    return Credentials(key, secret, os.environ.get("AWS_SESSION_TOKEN") or os.environ.get("AWS_TOKEN") or None)
