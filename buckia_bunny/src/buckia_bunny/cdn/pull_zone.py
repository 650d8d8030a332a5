"""Zones with a pull zone in front: addresses for everybody, and addresses that carry their own permission."""

from __future__ import annotations

import time
from dataclasses import replace

from buckia_bunny.cdn.signed_urls import sign_advanced
from buckia_bunny.storage.key_encoding import quoted
from buckia_bunny.sync import BunnySync
from buckia_core.adapters.contract.capabilities import Capabilities
from buckia_core.errors import MissingCredentials

_SIGNABLE = ("GET", "HEAD")
_LONGEST = 10 * 365 * 24 * 3600


class PublicUrlZone(BunnySync):
    """A zone whose settings tell the host name of a pull zone."""

    @property
    def capabilities(self) -> Capabilities:
        """See `BunnySync`."""
        return replace(super().capabilities, public_url=True)

    def public_url(self, key: str) -> str:
        """See `PublicUrl`. A pull zone with token authentication serves signed addresses only."""
        return f"https://{self._settings.public_host}/{quoted(self._looker.path(key))}"


class SignedUrlZone(PublicUrlZone):
    """A zone whose settings also have the key that addresses are signed with."""

    @property
    def capabilities(self) -> Capabilities:
        """See `BunnySync`."""
        return replace(super().capabilities, signed_url=True)

    def signed_url(self, key: str, *, seconds: int, method: str = "GET") -> str:
        """See `SignedUrl`: GET and HEAD, with a token of the advanced kind."""
        if method not in _SIGNABLE:
            raise ValueError(f"addresses of a pull zone are signed for {', '.join(_SIGNABLE)}, not for {method!r}")
        if not 1 <= seconds <= _LONGEST:
            raise ValueError(f"addresses are good for 1 to {_LONGEST} seconds, not for {seconds}")
        token_key = self._settings.token_key
        if token_key is None:
            raise MissingCredentials("addresses are signed with token_key, which is not set")
        return sign_advanced(self.public_url(key), token_key.reveal(), expires=int(time.time()) + seconds)
