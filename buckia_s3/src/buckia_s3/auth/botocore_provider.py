"""Credentials from botocore and boto3 sessions, and of roles assumed with STS."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from buckia_core.errors import InvalidSetting, MissingCredentials
from buckia_s3.auth.callable_provider import CallableCredentials
from buckia_s3.auth.sigv4 import Credentials
from buckia_s3.config.settings import S3Settings
from buckia_s3.errors import from_botocore

_SESSION_NAME = "buckia"


class BotocoreCredentials:
    """BotocoreCredentials: credentials of a botocore session, which refreshes them before they expire."""

    never_expires = False

    def __init__(self, make_session: Callable[[], Any], nothing_found: str, provider: str, profile: str | None) -> None:
        """Create a provider. `make_session` runs at first use; `nothing_found` is the error without credentials."""
        self._make_session = make_session
        self._nothing_found = nothing_found
        self._provider = provider
        self._profile = profile
        self._lock = threading.Lock()
        self._session: Any = None
        self._credentials: Any = None

    def get(self) -> Credentials | None:
        """Return the current credentials of the session."""
        try:
            with self._lock:
                if self._credentials is None:
                    self._credentials = self._open_session().get_credentials()
            frozen = self._credentials and self._credentials.get_frozen_credentials()
        except Exception as error:
            if type(error).__name__ == "MetadataRetrievalError":
                # The last provider of the chain: there is no EC2 instance, or it issues no IMDSv2 tokens.
                hint = "an instance of EC2 that gives no tokens needs imdsv1_fallback: true"
                raise MissingCredentials(f"{self._nothing_found}; {hint}") from error
            raise from_botocore(error, provider=self._provider, profile=self._profile) from error
        if frozen is None:
            raise MissingCredentials(self._nothing_found)
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    def region(self) -> str | None:
        """Return the region of the profile."""
        try:
            with self._lock:
                region = self._open_session().get_config_variable("region")
        except Exception as error:
            raise from_botocore(error, provider=self._provider, profile=self._profile) from error
        return None if region is None else str(region)

    def endpoint_url(self) -> str | None:
        """Return the endpoint URL of the profile: that in its `services` section, else its own.

        Of the environment, only AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is read here; the rest are settings.
        """
        try:
            with self._lock:
                session = self._open_session()
                profile, files = session.get_scoped_config(), session.full_config
                ignored = session.get_config_variable("ignore_configured_endpoint_urls")
        except Exception as error:
            raise from_botocore(error, provider=self._provider, profile=self._profile) from error
        if str(ignored).lower() == "true":
            return None
        named = profile.get("services")
        services = files.get("services", {}).get(named) if named else {}
        if services is None:
            raise InvalidSetting(f"the AWS configuration has no section [services {named}], which the profile names")
        of_s3 = services.get("s3")
        endpoint_url = of_s3.get("endpoint_url") if isinstance(of_s3, Mapping) else None
        endpoint_url = endpoint_url or profile.get("endpoint_url")
        return None if endpoint_url is None else str(endpoint_url)

    def _open_session(self) -> Any:
        if self._session is None:
            self._session = self._make_session()
        return self._session


def chain(settings: S3Settings, provider: str) -> BotocoreCredentials:
    """Return botocore's credential chain, configured by the settings."""
    if settings.profile:
        nothing = f"profile {settings.profile!r} of the AWS configuration has no credentials"
    else:
        nothing = (
            "no credentials for S3: set access_key_id and secret_access_key, or profile, or the environment "
            "variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; skip_signature: true reads a public bucket"
        )

    def make() -> Any:
        import botocore.session  # noqa: PLC0415  # takes 0.2 seconds, and many runs have static keys

        session = botocore.session.Session(profile=settings.profile)
        session.set_config_variable("ec2_metadata_v1_disabled", not settings.imdsv1_fallback)
        if settings.metadata_endpoint is not None:
            session.set_config_variable("ec2_metadata_service_endpoint", settings.metadata_endpoint)
        providers = session.get_component("credential_provider").providers
        for configured in _configured_providers(settings, session):
            # Replace the provider of the same method, which reads the environment only.
            providers[:] = [configured if configured.METHOD == each.METHOD else each for each in providers]
        return session

    return BotocoreCredentials(make, nothing, provider, settings.profile)


def boto3_session(settings: S3Settings, provider: str) -> BotocoreCredentials:
    """Return the credentials of boto3's default session, or of a new session for the profile.

    Raises:
        InvalidSetting: boto3 is not installed.
    """
    try:
        import boto3  # noqa: PLC0415  # optional dependency
    except ImportError as error:
        raise InvalidSetting("setting 'credential_provider': boto3 is not installed: pip install boto3") from error

    def make() -> Any:
        default = boto3.DEFAULT_SESSION if settings.profile is None else None
        # The botocore session inside has the same credentials, and the region.
        return (default or boto3.Session(profile_name=settings.profile))._session  # noqa: SLF001

    return BotocoreCredentials(make, "the session of boto3 has no credentials", provider, settings.profile)


def assume_role(settings: S3Settings, source: Callable[[], Credentials | None], provider: str) -> CallableCredentials:
    """Return the credentials of the role `role_arn`, assumed with those of `source`."""

    def assume() -> Mapping[str, Any]:
        import botocore.session  # noqa: PLC0415  # as above

        own = source()
        assert own is not None
        wanted = {
            "RoleArn": settings.role_arn,
            "RoleSessionName": settings.role_session_name or _SESSION_NAME,
            "ExternalId": settings.external_id,
            "DurationSeconds": settings.role_duration,
        }
        try:
            client = _sts_client_factory(settings, botocore.session.Session(profile=settings.profile))(
                "sts",
                aws_access_key_id=own.access_key_id,
                aws_secret_access_key=own.secret_access_key,
                aws_session_token=own.session_token,
            )
            response = client.assume_role(**{name: value for name, value in wanted.items() if value is not None})
        except Exception as error:
            raise from_botocore(error, provider=provider, profile=settings.profile) from error
        given = response["Credentials"]
        return {
            "access_key_id": given["AccessKeyId"],
            "secret_access_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expires_at": given["Expiration"],
        }

    return CallableCredentials(assume, provider)


def _configured_providers(settings: S3Settings, session: Any) -> list[Any]:
    """Return the providers of the chain that are configured by settings instead of the environment."""
    from botocore.credentials import (  # noqa: PLC0415  # as above
        AssumeRoleWithWebIdentityProvider,
        ContainerProvider,
    )

    providers: list[Any] = []
    token_file = settings.web_identity_token_file
    if token_file is not None and settings.profile is None:
        wanted = {
            "web_identity_token_file": str(token_file),
            "role_arn": settings.role_arn,
            "role_session_name": settings.role_session_name or _SESSION_NAME,
        }
        providers.append(
            AssumeRoleWithWebIdentityProvider(
                load_config=lambda: {"profiles": {"": wanted}},
                client_creator=_sts_client_factory(settings, session),
                profile_name="",
                disable_env_vars=True,
            )
        )
    relative, full = settings.container_credentials_relative_uri, settings.container_credentials_full_uri
    if relative is not None or full is not None:
        environ = {
            ContainerProvider.ENV_VAR: relative,
            ContainerProvider.ENV_VAR_FULL: full,
            ContainerProvider.ENV_VAR_AUTH_TOKEN_FILE: _text(settings.container_authorization_token_file),
            ContainerProvider.ENV_VAR_AUTH_TOKEN: os.environ.get(ContainerProvider.ENV_VAR_AUTH_TOKEN),
        }
        providers.append(
            ContainerProvider(environ={name: value for name, value in environ.items() if value is not None})
        )
    return providers


def _sts_client_factory(settings: S3Settings, session: Any) -> Callable[..., Any]:
    """Return a factory for STS clients, with region and certificates of the settings."""
    region = settings.region or settings.default_region or session.get_config_variable("region") or "us-east-1"

    def client(service: str, **options: Any) -> Any:
        verify: bool | str | None = _text(settings.ca_bundle)
        if not settings.verify_tls or settings.client_options.allow_invalid_certificates:
            verify = False
        return session.create_client(
            service, region_name=region, endpoint_url=settings.sts_endpoint, verify=verify, **options
        )

    return client


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
