"""Zones with a pull zone: adapters with public URLs and signed URLs."""

from __future__ import annotations

import time
from dataclasses import replace

from buckia_bunny.cdn.signed_urls import sign_advanced
from buckia_bunny.storage.key_encoding import quote_path
from buckia_bunny.sync import BunnySync
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.errors import MissingCredentials

_SIGNABLE = ("GET", "HEAD")
_MAX_SIGNED_SECONDS = 10 * 365 * 24 * 3600


class PublicUrlZone(BunnySync):
    """Zone with the host name of a pull zone in its settings."""

    @property
    def capabilities(self) -> Capabilities:
        """See `BunnySync`."""
        return replace(super().capabilities, public_url=True)

    def public_url(self, key: str) -> str:
        """See `PublicUrl`. A pull zone with token authentication serves signed URLs only."""
        return f"https://{self._settings.public_host}/{quote_path(self._objects.path(key))}"


class SignedUrlZone(PublicUrlZone):
    """Zone whose settings also have the signing key of the pull zone."""

    @property
    def capabilities(self) -> Capabilities:
        """See `BunnySync`."""
        return replace(super().capabilities, signed_url=True)

    def signed_url(self, key: str, *, seconds: int, method: str = "GET") -> str:
        """See `SignedUrl`: GET and HEAD, with an advanced token."""
        if method not in _SIGNABLE:
            raise ValueError(f"URLs of a pull zone are signed for {', '.join(_SIGNABLE)}, not for {method!r}")
        if not 1 <= seconds <= _MAX_SIGNED_SECONDS:
            raise ValueError(f"URLs are good for 1 to {_MAX_SIGNED_SECONDS} seconds, not for {seconds}")
        token_key = self._settings.token_key
        if token_key is None:
            raise MissingCredentials("URLs are signed with token_key, which is not set")
        return sign_advanced(self.public_url(key), token_key.reveal(), expires=int(time.time()) + seconds)
