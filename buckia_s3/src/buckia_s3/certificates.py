"""Certificates: which servers are trusted, for connections of Buckia, obstore and boto3."""

from __future__ import annotations

import os
import ssl
import tempfile
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from buckia_core.errors import InvalidSetting
from buckia_core.http.tls import installed_bundle, tls_context, trust_bundle
from buckia_s3.config.settings import S3Settings


def adapter_tls_context(settings: S3Settings) -> ssl.SSLContext:
    """Return the TLS context for Buckia's own requests.

    Raises:
        InvalidSetting: `ca_bundle` does not exist, or contains no certificate.
        OSError: `ca_bundle` can't be read.
    """
    return tls_context(
        verify=settings.verifies_certificates,
        ca_bundle=settings.ca_bundle,
        more=settings.client_options.root_certificate,
        system=not settings.client_options.disable_system_certificates,
        package="botocore",
    )


def given_certificates(settings: S3Settings) -> list[bytes]:
    """Return the certificates of `ca_bundle` and `root_certificate`, in PEM.

    Raises:
        InvalidSetting: `ca_bundle` does not exist, or contains no certificate.
        OSError: `ca_bundle` can't be read.
    """
    given = []
    if settings.ca_bundle is not None:
        trust_bundle(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), settings.ca_bundle)
        given.append(settings.ca_bundle.read_bytes())
    root_certificate = settings.client_options.root_certificate
    return given if root_certificate is None else [*given, root_certificate]


def create_client(create: Callable[..., Any], settings: S3Settings, service: str, **options: Any) -> Any:
    """Create a boto3 client of a service, with the certificates of the settings.

    Args:
        create: The method of a session that creates a client.
        settings: Settings of the bucket.
        service: Name of the service, such as `s3`.
        **options: More arguments of `create`.

    Raises:
        InvalidSetting: `ca_bundle` can't be read, or boto3 does not take `region`, or a variable of the environment.
    """
    verify, bundle = _certificates(settings)
    if verify is False:
        # `S3Settings.warnings` says so already.
        warnings.filterwarnings("ignore", message="Unverified HTTPS request is being made")
    try:
        client = create(service, verify=verify, **options)
    except Exception as error:
        if bundle is not None:
            bundle.unlink(missing_ok=True)
        if type(error).__name__ == "InvalidRegionError":
            message = "setting 'region': buckets are administered only in regions of ASCII letters, digits and hyphens"
            raise InvalidSetting(message) from error
        if type(error).__module__ == "botocore.exceptions":
            # Such as an environment variable with a value that boto3 does not know.
            raise InvalidSetting(f"boto3 does not accept its configuration: {error}") from error
        raise
    if bundle is not None:
        weakref.finalize(client, bundle.unlink, missing_ok=True)
    return client


def _certificates(settings: S3Settings) -> tuple[bool | str, Path | None]:
    """Return what boto3 verifies servers with, and the temporary file that it is in, if any.

    boto3 trusts one file. So the authorities of the system and of the settings are written into one.
    """
    if not settings.verifies_certificates:
        return False, None
    system = ssl.get_default_verify_paths().cafile
    trusted = given_certificates(settings)
    if not trusted:
        return system or True, None
    if not settings.client_options.disable_system_certificates:
        bundle = system or installed_bundle("botocore")
        assert bundle is not None
        trusted.append(Path(bundle).read_bytes())
    with tempfile.NamedTemporaryFile(prefix="buckia-", suffix=".pem", delete=False) as file:
        try:
            file.write(b"\n".join(trusted))
            file.flush()
        except OSError:
            os.unlink(file.name)
            raise
    return file.name, Path(file.name)
