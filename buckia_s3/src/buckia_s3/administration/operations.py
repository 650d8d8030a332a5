"""S3's operations on buckets: builds requests and parses responses with botocore's model of S3.

Only the model of botocore is used. `S3Client` sends the requests, with the adapter's settings, credentials, region
and errors.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, StructureShape
from botocore.parsers import ResponseParserError, create_parser
from botocore.serialize import create_serializer

from buckia_s3.http.body import BytesBody
from buckia_s3.http.client import Request
from buckia_s3.objects.checksums import content_md5_header

_PROTOCOL = "rest-xml"


@cache
def _service() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("s3", "service-2"), "s3")


def input_shape(name: str) -> StructureShape:
    """Return the input shape of an operation, such as `PutBucketCors`."""
    shape = _operation(name).input_shape
    assert shape is not None
    return shape


def output_shape(name: str) -> StructureShape:
    """Return the output shape of an operation, such as `GetBucketCors`."""
    shape = _operation(name).output_shape
    assert shape is not None
    return shape


def _operation(name: str) -> OperationModel:
    return _service().operation_model(name)


def build_request(name: str, params: dict[str, Any], *, action: str) -> Request:
    """Build the request of an operation on the bucket, or on the service if the operation takes no bucket."""
    serialized = _serialize(name, params)
    path_query = parse_qsl(serialized["url_path"].partition("?")[2], keep_blank_values=True)
    query = (*path_query, *((key, str(value)) for key, value in serialized["query_string"].items()))
    body, headers = serialized["body"], dict(serialized["headers"])
    if body:
        # S3 requires a checksum for most of these operations, and older servers support no other.
        content_type = "application/xml" if body.startswith(b"<") else "application/json"
        headers |= {"Content-Type": content_type, **content_md5_header([body])}
    return Request(serialized["method"], None, query, headers, BytesBody(body), action=action)


def serialize_body(name: str, params: dict[str, Any]) -> bytes:
    """Return the request body of an operation."""
    body: bytes = _serialize(name, params)["body"]
    return body


def _serialize(name: str, params: dict[str, Any]) -> Any:
    bucket = {"Bucket": "-"} if "Bucket" in input_shape(name).members else {}  # the client adds the real one
    serializer = create_serializer(_PROTOCOL, include_validation=False)
    return serializer.serialize_to_request(bucket | params, _operation(name))


def parse_output(name: str, body: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the output of an operation with S3's names. Elements unknown to the model are left out.

    Args:
        name: Name of the operation.
        body: Response body.
        headers: Response headers, with names in lower case.

    Raises:
        ValueError: The body is not XML.
    """
    response = {"body": body, "headers": headers or {}, "status_code": 200}
    try:
        fields: dict[str, Any] = create_parser(_PROTOCOL).parse(response, output_shape(name))
    except ResponseParserError as error:
        raise ValueError("it is not XML") from error
    del fields["ResponseMetadata"]
    return {key: value for key, value in fields.items() if value is not None}


def root_element(body: bytes) -> str:
    """Return the name of the root element; empty if the body is not XML."""
    try:
        return _local_name(ElementTree.fromstring(body).tag)  # noqa: S314  # expat itself limits entity expansion
    except (ElementTree.ParseError, LookupError, ValueError):
        return ""


def first_element(body: bytes) -> str:
    """Return the name of the root element, even if the rest of the body is not XML; empty if there is none."""
    try:
        return next((_local_name(root.tag) for _, root in ElementTree.iterparse(BytesIO(body), ["start"])), "")  # noqa: S314
    except (ElementTree.ParseError, LookupError, ValueError):
        return ""


def element_names(body: bytes) -> set[str]:
    """Return the names of all elements below the root.

    Raises:
        xml.etree.ElementTree.ParseError: The body is not XML.
    """
    root = ElementTree.fromstring(body)  # noqa: S314  # as above
    return {_local_name(each.tag) for each in root.iter() if each is not root}


def _local_name(tag: str) -> str:
    return tag.rpartition("}")[2]
