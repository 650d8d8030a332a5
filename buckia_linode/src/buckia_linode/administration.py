"""The administration of a bucket at Linode: that of S3, less what the type of its endpoint does not have."""

from __future__ import annotations

from buckia_linode.endpoint_lookup import EndpointLookup
from buckia_linode.endpoint_types import require_full_api
from buckia_s3.administration import Administration, Document, Subresource
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.client import S3Client


class LinodeAdministration(Administration):
    """The configuration of one bucket at Linode.

    Endpoints of the types E2 and E3 have no CORS. The type is known from the settings, or by a token.
    """

    def __init__(self, client: S3Client, settings: S3Settings, places: EndpointLookup) -> None:
        super().__init__(client, settings)
        self._places = places

    def _read(self, topic: Subresource) -> tuple[Document | None, bytes]:
        # Every method of the base class reads first, so nothing is sent that the endpoint does not have.
        if topic.name == "cors":
            self._places.learn_type()
            require_full_api(self._places.type, "CORS", provider=self._client.provider)
        return super()._read(topic)
