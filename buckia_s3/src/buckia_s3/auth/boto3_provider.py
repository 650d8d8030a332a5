"""Credentials from boto3 sessions, and of roles assumed with STS."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.credentials import AssumeRoleWithWebIdentityProvider, ContainerProvider, InstanceMetadataProvider

from buckia_core.errors import BuckiaError, InvalidSetting, MissingCredentials
from buckia_s3.auth.callable_provider import CallableCredentials
from buckia_s3.auth.sigv4 import CredentialProvider, Credentials
from buckia_s3.certificates import create_client
from buckia_s3.config.settings import S3Settings
from buckia_s3.errors import from_boto3_session


class SessionCredentials(CredentialProvider):
    """SessionCredentials: credentials of a boto3 session, which refreshes them before they expire."""

    def __init__(
        self, open_session: Callable[[], boto3.Session], nothing_found: str, provider: str, profile: str | None
    ) -> None:
        """Create a provider. `open_session` runs at first use; `nothing_found` is the error without credentials."""
        self._open_session = open_session
        self._nothing_found = nothing_found
        self._provider = provider
        self._profile = profile
        self._lock = threading.Lock()

    def get(self) -> Credentials | None:
        """Return the current credentials of the session."""
        with self._lock, self._errors():
            found = self._found
        with self._errors():
            frozen = None if found is None else found.get_frozen_credentials()
        if frozen is None:
            raise MissingCredentials(self._nothing_found)
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    def region(self) -> str | None:
        """Return the region of the profile."""
        with self._errors():
            region: str | None = self._session.region_name
            return region

    def endpoint_url(self) -> str | None:
        """Return the endpoint URL of the profile: that in its `services` section, else its own.

        Of the environment, only AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is read here; the rest are settings.
        """
        with self._errors():
            name = self._session.profile_name
            files = botocore.session.Session(profile=name if name in self._session.available_profiles else None)
            profile = files.get_scoped_config()
            if str(files.get_config_variable("ignore_configured_endpoint_urls")).lower() == "true":
                return None
            named = profile.get("services")
            services = files.full_config.get("services", {}).get(named, {} if named is None else None)
        if services is None:
            raise InvalidSetting(f"the AWS configuration has no section [services {named}], which the profile names")
        of_s3 = services.get("s3")
        endpoint_url = of_s3.get("endpoint_url") if isinstance(of_s3, Mapping) else None
        return endpoint_url or profile.get("endpoint_url")

    @cached_property
    def _session(self) -> boto3.Session:
        return self._open_session()

    @cached_property
    def _found(self) -> Any:
        return self._session.get_credentials()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except BuckiaError:
            raise
        except Exception as error:
            profile = self._profile or botocore.session.Session().get_config_variable("profile")
            raise from_boto3_session(error, self._nothing_found, provider=self._provider, profile=profile) from error


def chain(settings: S3Settings, provider: str) -> SessionCredentials:
    """Return boto3's credential chain, configured by the settings."""
    nothing = (
        "no credentials for S3: set access_key_id and secret_access_key, or profile, or the environment "
        "variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; skip_signature: true reads a public bucket"
    )
    if settings.profile:
        nothing = f"profile {settings.profile!r} of the AWS configuration has no credentials"

    def open_session() -> boto3.Session:
        session = botocore.session.Session(profile=settings.profile)
        session.set_config_variable("ec2_metadata_v1_disabled", not settings.imdsv1_fallback)
        if settings.metadata_endpoint is not None:
            session.set_config_variable("ec2_metadata_service_endpoint", settings.metadata_endpoint)
        resolver = session.get_component("credential_provider")
        for configured in _configured_providers(settings, session):
            # The provider of the same method reads the environment only.
            resolver.insert_before(configured.METHOD, configured)
        if not _may_use_instance_role(settings, session):
            resolver.remove(InstanceMetadataProvider.METHOD)
        return boto3.Session(botocore_session=session)

    return SessionCredentials(open_session, nothing, provider, settings.profile)


def _may_use_instance_role(settings: S3Settings, session: botocore.session.Session) -> bool:
    """Tell whether the role of an EC2 instance can be meant: on AWS, or if a setting about it is given.

    A host that is named like the bucket may be an alias of the bucket on AWS.
    """
    host = urlsplit(settings.endpoint_url or "").hostname
    if host is None or host == settings.bucket_name.lower():
        return True
    if settings.metadata_endpoint is not None or settings.imdsv1_fallback:
        return True
    outputs = [each["outputs"] for each in session.get_component("data_loader").load_data("partitions")["partitions"]]
    return any(host.endswith(f".{each[name]}") for each in outputs for name in ("dnsSuffix", "dualStackDnsSuffix"))


def boto3_session(settings: S3Settings, provider: str) -> SessionCredentials:
    """Return the credentials of boto3's default session, or of a new session for the profile."""

    def open_session() -> boto3.Session:
        default = boto3.DEFAULT_SESSION if settings.profile is None else None
        return default or boto3.Session(profile_name=settings.profile)

    return SessionCredentials(open_session, "the session of boto3 has no credentials", provider, settings.profile)


def assume_role(settings: S3Settings, source: Callable[[], Credentials | None], provider: str) -> CallableCredentials:
    """Return the credentials of the role `role_arn`, assumed with those of `source`."""

    def assume() -> Mapping[str, Any]:
        own = source()
        assert own is not None
        wanted = _role(settings) | {"ExternalId": settings.external_id, "DurationSeconds": settings.role_duration}
        try:
            client = _sts_client_factory(settings, botocore.session.Session(profile=settings.profile))(
                "sts",
                aws_access_key_id=own.access_key_id,
                aws_secret_access_key=own.secret_access_key,
                aws_session_token=own.session_token,
            )
            response = client.assume_role(**{name: value for name, value in wanted.items() if value is not None})
        except BuckiaError:
            raise
        except Exception as error:
            raise from_boto3_session(error, "", provider=provider, profile=settings.profile) from error
        given = response["Credentials"]
        return {
            "access_key_id": given["AccessKeyId"],
            "secret_access_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expires_at": given["Expiration"],
        }

    return CallableCredentials(assume, provider)


def _configured_providers(
    settings: S3Settings, session: botocore.session.Session
) -> Iterator[AssumeRoleWithWebIdentityProvider | ContainerProvider]:
    """Yield providers of the chain that are configured by settings instead of the environment."""
    if settings.web_identity_token_file is not None and settings.profile is None:
        role = _role(settings)
        wanted = {
            "web_identity_token_file": str(settings.web_identity_token_file),
            "role_arn": role["RoleArn"],
            "role_session_name": role["RoleSessionName"],
        }
        yield AssumeRoleWithWebIdentityProvider(
            load_config=lambda: {"profiles": {"": wanted}},
            client_creator=_sts_client_factory(settings, session),
            profile_name="",
            disable_env_vars=True,
        )
    addresses = {
        ContainerProvider.ENV_VAR: settings.container_credentials_relative_uri,
        ContainerProvider.ENV_VAR_FULL: settings.container_credentials_full_uri,
    }
    if any(addresses.values()):
        environ = {
            **addresses,
            ContainerProvider.ENV_VAR_AUTH_TOKEN_FILE: settings.container_authorization_token_file,
            ContainerProvider.ENV_VAR_AUTH_TOKEN: os.environ.get(ContainerProvider.ENV_VAR_AUTH_TOKEN),
        }
        yield ContainerProvider(environ={name: str(value) for name, value in environ.items() if value is not None})


def _role(settings: S3Settings) -> dict[str, Any]:
    return {"RoleArn": settings.role_arn, "RoleSessionName": settings.role_session_name or "buckia"}


def _sts_client_factory(settings: S3Settings, session: botocore.session.Session) -> Callable[..., Any]:
    """Return a factory for STS clients, with region and certificates of the settings, else of the profile."""
    region = settings.region or settings.default_region or session.get_config_variable("region") or "us-east-1"
    bundle = session.get_config_variable("ca_bundle")
    if settings.ca_bundle is None and bundle:
        settings = replace(settings, ca_bundle=Path(bundle))
    return partial(
        create_client, session.create_client, settings, region_name=region, endpoint_url=settings.sts_endpoint
    )
