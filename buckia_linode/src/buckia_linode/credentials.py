"""Where access keys come from: the settings and their variables, or a profile; never the credentials of AWS."""

from __future__ import annotations

from buckia_core.errors import MissingCredentials
from buckia_linode.settings import LinodeSettings
from buckia_s3.auth.credentials import CredentialProvider
from buckia_s3.auth.sigv4 import Credentials


class MissingKeys:
    """Says what is missing, once an access key is needed. What a token can do goes on without one."""

    never_expires = True

    def get(self) -> Credentials | None:
        """Raise.

        Raises:
            MissingCredentials: Always.
        """
        raise MissingCredentials(
            "no access key for Linode Object Storage: set access_key_id and secret_access_key, or the environment "
            "variables LINODE_OBJ_ACCESS_KEY and LINODE_OBJ_SECRET_KEY; `buckia linode keys create` makes one"
        )

    def region(self) -> str | None:
        """Return nothing."""
        return None

    def endpoint_url(self) -> str | None:
        """Return nothing: the settings know where the bucket is."""
        return None


def credential_source(settings: LinodeSettings) -> CredentialProvider | None:
    """Return `None` where the settings say which credentials to use, and what complains where they do not."""
    if settings.skip_signature or settings.access_key_id is not None or settings.profile is not None:
        return None
    return MissingKeys()
