"""Where credentials come from. The first place that has any is the one.

1. `skip_signature`: none are used.
2. The settings `access_key_id`, `secret_access_key` and `session_token`.
3. The setting `profile`: that profile of the AWS configuration files, with all that it may ask for (SSO, roles, …).
4. The environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
5. botocore's chain: `AWS_PROFILE`, web identity, SSO, the shared files, the container, the instance.

Only 3 and 5 import botocore, which takes a fifth of a second.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Protocol

from buckia_core.errors import MissingCredentials
from buckia_s3.errors import from_botocore
from buckia_s3.settings import S3Settings
from buckia_s3.signing import Credentials


class CredentialSource(Protocol):
    """Gives the credentials to sign with. Called for each request, from any thread."""

    lasting: bool
    """The credentials stay the same for ever."""

    def current(self) -> Credentials | None:
        """Return the credentials, `None` if requests are not to be signed.

        Raises:
            MissingCredentials: There are none.
            Unauthenticated, Transient: They could not be renewed.
        """

    def region(self) -> str | None:
        """Return the region that comes with the credentials, if one does."""


class Fixed:
    """Credentials that do not change."""

    lasting = True

    def __init__(self, credentials: Credentials | None) -> None:
        self._credentials = credentials

    def current(self) -> Credentials | None:
        """Return them."""
        return self._credentials

    def region(self) -> str | None:
        """Return nothing: bare keys tell no region."""
        return None


class Chain:
    """Credentials that botocore finds, and renews when they expire."""

    lasting = False

    def __init__(self, profile: str | None, provider: str) -> None:
        self._profile = profile
        self._provider = provider
        self._lock = threading.Lock()
        self._session: Any = None
        self._found: Any = None

    def current(self) -> Credentials | None:
        """Return what the chain has now; botocore itself renews what is about to expire."""
        try:
            with self._lock:
                if self._found is None:
                    self._found = self._botocore_session().get_credentials()
            frozen = self._found and self._found.get_frozen_credentials()
        except Exception as error:
            raise from_botocore(error, provider=self._provider, profile=self._profile) from error
        if frozen is None:
            raise MissingCredentials(self._nothing_found())
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    def region(self) -> str | None:
        """Return the region of the profile."""
        try:
            with self._lock:
                region = self._botocore_session().get_config_variable("region")
        except Exception as error:
            raise from_botocore(error, provider=self._provider, profile=self._profile) from error
        return None if region is None else str(region)

    def _botocore_session(self) -> Any:
        if self._session is None:
            import botocore.session  # noqa: PLC0415  # costs a fifth of a second, and most runs have keys

            self._session = botocore.session.Session(profile=self._profile)
        return self._session

    def _nothing_found(self) -> str:
        if self._profile:
            return f"profile {self._profile!r} of the AWS configuration has no credentials"
        return (
            "no credentials for S3: set access_key_id and secret_access_key, or profile, or the environment "
            "variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; skip_signature: true reads a public bucket"
        )


def credential_source(settings: S3Settings, provider: str) -> CredentialSource:
    """Return the place that the settings and the environment lead to. Nothing is fetched yet."""
    if settings.skip_signature:
        return Fixed(None)
    if settings.access_key_id is not None and settings.secret_access_key is not None:
        token = settings.session_token.reveal() if settings.session_token else None
        return Fixed(Credentials(settings.access_key_id.reveal(), settings.secret_access_key.reveal(), token))
    if settings.profile is None:
        key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
        if key and secret:
            return Fixed(Credentials(key, secret, os.environ.get("AWS_SESSION_TOKEN") or None))
    return Chain(settings.profile, provider)
