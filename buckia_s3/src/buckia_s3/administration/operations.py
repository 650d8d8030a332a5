"""S3's operations on buckets, as requests and from answers: botocore's model of S3 writes and reads the XML.

Only its model is used. Requests go out as all others of the adapter do, with the same settings, credentials and
regions, and the same errors.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
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

_PROTOCOL = "rest-xml"


@cache
def _service() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("s3", "service-2"), "s3")


def input_shape(name: str) -> StructureShape:
    """Return what an operation, such as `PutBucketCors`, takes."""
    shape = _operation(name).input_shape
    assert shape is not None
    return shape


def output_shape(name: str) -> StructureShape:
    """Return what an operation, such as `GetBucketCors`, answers with."""
    shape = _operation(name).output_shape
    assert shape is not None
    return shape


def _operation(name: str) -> OperationModel:
    return _service().operation_model(name)


def request(name: str, params: dict[str, Any], *, doing: str) -> Request:
    """Return the request of an operation on the bucket, or on the service where the operation names no bucket."""
    written = _written(name, params)
    named = parse_qsl(written["url_path"].partition("?")[2], keep_blank_values=True)
    query = (*named, *((key, str(value)) for key, value in written["query_string"].items()))
    body, headers = written["body"], dict(written["headers"])
    if body:
        # Older servers know no other checksum, and S3 wants one for most of these operations.
        md5 = hashlib.md5(body, usedforsecurity=False).digest()
        kind = "application/xml" if body.startswith(b"<") else "application/json"
        headers |= {"Content-MD5": b64encode(md5).decode(), "Content-Type": kind}
    return Request(written["method"], None, query, headers, BytesBody(body), action=doing)


def written_body(name: str, params: dict[str, Any]) -> bytes:
    """Return the body of an operation's request."""
    body: bytes = _written(name, params)["body"]
    return body


def _written(name: str, params: dict[str, Any]) -> Any:
    named = {"Bucket": "-"} if "Bucket" in input_shape(name).members else {}  # the client knows where the bucket is
    return create_serializer(_PROTOCOL, include_validation=False).serialize_to_request(named | params, _operation(name))


def output(name: str, body: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what the answer of an operation says, by S3's names. Elements that the model lacks are left out.

    Args:
        name: The operation.
        body: The answer's body.
        headers: The answer's headers, their names in lower case.

    Raises:
        ValueError: The body is not XML.
    """
    answer = {"body": body, "headers": headers or {}, "status_code": 200}
    try:
        told: dict[str, Any] = create_parser(_PROTOCOL).parse(answer, output_shape(name))
    except ResponseParserError as error:
        raise ValueError("it is not XML") from error
    del told["ResponseMetadata"]
    return {key: value for key, value in told.items() if value is not None}


def root_of(body: bytes) -> str:
    """Return the name of the outermost element; empty if the body is not XML."""
    try:
        return _plain(ElementTree.fromstring(body).tag)  # noqa: S314  # expat itself refuses what would blow up
    except (ElementTree.ParseError, LookupError, ValueError):
        return ""


def first_element_of(body: bytes) -> str:
    """Return the name of the outermost element, also of a body that is no XML further on; empty if it has none."""
    try:
        return next((_plain(root.tag) for _, root in ElementTree.iterparse(BytesIO(body), ["start"])), "")  # noqa: S314
    except (ElementTree.ParseError, LookupError, ValueError):
        return ""


def elements(body: bytes) -> set[str]:
    """Return the names of all elements below the outermost one.

    Raises:
        xml.etree.ElementTree.ParseError: The body is not XML.
    """
    root = ElementTree.fromstring(body)  # noqa: S314  # as above
    return {_plain(each.tag) for each in root.iter() if each is not root}


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]
