"""`UrlMethods`: the methods of `S3Sync` for URLs."""

from __future__ import annotations

from buckia_core.adapters.contract.object_urls import key_below, url_below
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.client import S3Client
from buckia_s3.operations.head import ObjectHead


class UrlMethods:
    """UrlMethods: public and signed URLs of objects."""

    _settings: S3Settings
    _client: S3Client
    _object_head: ObjectHead
    _prefix: str

    def public_url(self, key: str) -> str:
        """See `PublicUrl`. The bucket's policy decides whether the object can be read without credentials."""
        if self._settings.public_url_base is not None:
            return url_below(self._settings.public_url_base, self._object_head.full_key(key))
        address = self._client.resolver.endpoint
        return f"{address.scheme}://{address.authority}{address.path(self._object_head.full_key(key))}"

    @property
    def public_url_base(self) -> str | None:
        """See `BaseSync`."""
        return self._settings.public_url_base

    def key_from_url(self, url: str) -> str | None:
        """See `BaseSync`."""
        own, base = self._client.resolver.endpoint.root, self.public_url_base
        return key_below(url, [own] if base is None else [base, own], self._prefix)

    def signed_url(
        self,
        key: str,
        *,
        seconds: int,
        method: str = "GET",
        content_type: str | None = None,
        content_disposition: str | None = None,
    ) -> str:
        """See `SignedUrl`: GET, HEAD, PUT or DELETE, for up to seven days, at most until the credentials expire."""
        from buckia_s3.operations.signed_url import UrlSigner  # noqa: PLC0415  # most runs do not need it

        signer = UrlSigner(self._settings, self._client, self._object_head)
        return signer.sign(key, seconds, method, content_type, content_disposition)
