"""S3's operations on a bucket, called by boto3, with Buckia's retries and errors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ServiceModel
from botocore.parsers import ResponseParserError, create_parser
from botocore.serialize import create_serializer

from buckia_core.adapters.transfers.retry import retry_call
from buckia_core.errors import NotSupported, Transient
from buckia_s3.auth.sigv4 import CredentialProvider
from buckia_s3.boto3_client import isolated_session, open_boto3_client
from buckia_s3.config.settings import S3Settings
from buckia_s3.errors import from_boto3
from buckia_s3.http.client import S3Client
from buckia_s3.http.endpoint import Endpoint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client as Boto3Client

RAW_BODY = "RawBody"
"""Field of an output with the body of the response, whose elements the model of boto3 may not know."""

_LISTING_ELEMENT = "ListBucketResult"
"""Root element of the response of a server that ignores the subresource in the query."""

_LISTINGS = ("ListObjects", "ListObjectsV2")


class UnreadableResponse(Transient):
    """The server sent a response that cannot be parsed."""


class BucketClient:
    """BucketClient: calls operations of S3 on one bucket, by boto3. Thread-safe."""

    def __init__(self, settings: S3Settings, transport: S3Client, credentials: CredentialProvider) -> None:
        self.provider = transport.provider
        self._settings = settings
        self._transport = transport
        self._credentials = credentials
        self._lock = threading.Lock()
        self._opened: tuple[Endpoint, Boto3Client] | None = None

    @property
    def host(self) -> str:
        """Host and port of the server, for messages."""
        return self._transport.host

    def call(
        self,
        operation: str,
        params: dict[str, Any] | None = None,
        *,
        action: str,
        on_transient: Callable[[Transient], object] = lambda _: None,
    ) -> dict[str, Any]:
        """Call an operation, and return its output, with the body of the response as `RAW_BODY`.

        Args:
            operation: Name of the operation, such as `PutBucketCors`.
            params: Its input, without the bucket.
            action: What errors say was tried.
            on_transient: Called with the error of an attempt that the server may have executed nevertheless.

        Raises:
            NotSupported: The server took the request for a listing of the bucket.
            AdapterError: The request failed.
        """
        bucket = {} if operation == "ListBuckets" else {"Bucket": self._settings.bucket_name}
        method = getattr(self._client(), xform_name(operation))

        def attempt() -> dict[str, Any]:
            try:
                output: dict[str, Any] = method(**bucket, **(params or {}))
            except (ClientError, BotoCoreError, ResponseParserError) as error:
                if _is_unreadable(error):
                    message = f"{action}: the response can't be parsed"
                    raise UnreadableResponse(message, provider=self.provider) from error
                translated = from_boto3(error, provider=self.provider, action=action, host=self._transport.route)
                if isinstance(translated, Transient):
                    on_transient(translated)
                raise translated from error
            except (ValueError, OverflowError) as error:
                # boto3's parser, at a number, a time or a text that is none.
                message = f"{action}: the response can't be parsed: {str(error)[:200]}"
                raise UnreadableResponse(message, provider=self.provider) from error
            return output

        return retry_call(attempt, self._settings.retry_config.policy)

    def close(self) -> None:
        """Close the client's connections."""
        with self._lock:
            if self._opened is not None:
                self._opened[1].close()
                self._opened = None

    def _client(self) -> Boto3Client:
        """Return the client for the current endpoint: the bucket's region may have been found out meanwhile."""
        endpoint = self._transport.resolver.endpoint
        with self._lock:
            if self._opened is None or self._opened[0] != endpoint:
                client = open_boto3_client(self._settings, self._transport, self._credentials, for_administration=True)
                client.meta.events.register("before-parse.s3", self._keep_response)
                self._opened = (endpoint, client)
            return self._opened[1]

    def _keep_response(
        self, operation_model: Any, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
    ) -> None:
        body = response_dict["body"]
        root = _first_element(body)
        if operation_model.name not in _LISTINGS and root == _LISTING_ELEMENT:
            raise NotSupported(f"the server {self.host} answers with a listing", provider=self.provider)
        if root.lower() == "html" and response_dict["status_code"] < 300:
            # A page of a proxy; boto3 would find nothing in it, and take that for a document without entries.
            raise UnreadableResponse(f"the server {self.host} answers with a web page", provider=self.provider)
        customized_response_dict[RAW_BODY] = body


@cache
def service_model() -> ServiceModel:
    """Return boto3's model of S3."""
    return isolated_session().get_service_model("s3")


def request_body(operation: str, params: dict[str, Any]) -> bytes:
    """Return the body of the request that boto3 sends for an operation."""
    model = service_model()
    serializer = create_serializer(model.metadata["protocol"], include_validation=False)
    body = serializer.serialize_to_request({"Bucket": "-", **params}, model.operation_model(operation))["body"]
    return body if isinstance(body, bytes) else str(body).encode()


def parse_response(operation: str, body: bytes) -> dict[str, Any]:
    """Return the output that boto3 parses from the body of a response.

    Raises:
        ValueError: The body can't be parsed.
    """
    model = service_model()
    shape = model.operation_model(operation).output_shape
    assert shape is not None
    response = {"body": body, "headers": {}, "status_code": 200}
    try:
        return dict(create_parser(model.metadata["protocol"]).parse(response, shape))
    except (ResponseParserError, OverflowError) as error:
        raise ValueError("it is not XML") from error


def _is_unreadable(error: Exception) -> bool:
    """Return whether a response could not be parsed; boto3 takes a document that is cut off for an error 500."""
    if isinstance(error, ClientError) and error.response["Error"].get("Code") == "500":
        response: Any = error.response
        return _first_element(response[RAW_BODY]).lower() not in ("", "error", "html")
    return isinstance(error, ResponseParserError)


def _first_element(body: bytes) -> str:
    """Return the name of the root element, even if the rest of the body is not XML; empty if there is none."""
    try:
        started = ElementTree.iterparse(BytesIO(body), ["start"])  # noqa: S314  # expat itself limits entity expansion
        return next((root.tag.rpartition("}")[2] for _, root in started), "")
    except (ElementTree.ParseError, LookupError, ValueError):
        return ""
