"""Shapes of a document: converts between the document and the inputs and outputs of S3's operations."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ParamValidationError
from botocore.model import ListShape, Shape, StructureShape
from botocore.validate import validate_parameters

from buckia_s3.administration.bucket_client import service_model
from buckia_s3.administration.subresources import Document, Subresource


class InvalidDocument(ValueError):
    """The document is invalid; the message names the field."""


def _shapes(subresource: Subresource) -> tuple[StructureShape, StructureShape]:
    """Return the input shape of the operation that sets the document, and the output shape of that which gets it."""
    model = service_model()
    written, read = (
        model.operation_model(subresource.put).input_shape,
        model.operation_model(subresource.get).output_shape,
    )
    assert isinstance(written, StructureShape)
    assert isinstance(read, StructureShape)
    return written, read


def _envelope_name(subresource: Subresource) -> str:
    """Return the name of the field that contains the document in S3's response; empty if there is none."""
    name: str = _shapes(subresource)[1].serialization.get("payload", "")
    return name


def is_json(subresource: Subresource) -> bool:
    """Return whether S3 takes the document as JSON, as for a policy, and not as XML."""
    return bool(_document_shape(subresource).type_name == "string")


def build_params(subresource: Subresource, document: Document) -> dict[str, Any]:
    """Build the input of the operation that sets a document."""
    written, read = _shapes(subresource)
    payload = written.serialization["payload"]
    # S3 transfers these fields of the document in headers.
    in_headers = set(read.members) & set(written.members) - {payload}
    header_fields = {name: value for name, value in document.items() if name in in_headers}
    inner = {name: value for name, value in document.items() if name not in in_headers}
    return {payload: json.dumps(inner) if is_json(subresource) else inner} | header_fields


def document_from_output(subresource: Subresource, output: dict[str, Any]) -> Document | None:
    """Return the document in the output of the operation that gets it; `None` if it is empty.

    Raises:
        InvalidDocument: The output has another form.
    """
    members = _shapes(subresource)[1].members
    fields = {name: value for name, value in output.items() if name in members}
    name = _envelope_name(subresource)
    inner: Any = fields.get(name) if name else fields
    if inner and is_json(subresource):
        inner = _parse_json(inner)
    return with_iso_times(subresource, inner) if inner else None


def unwrap(subresource: Subresource, value: object) -> Document:
    """Return the bare document; `value` is the document, or the envelope of S3's response with it.

    Raises:
        InvalidDocument: The document is not a map.
    """
    name = _envelope_name(subresource)
    if name and isinstance(value, dict) and list(value) == [name]:
        value = _parse_json(value[name]) if is_json(subresource) and isinstance(value[name], str) else value[name]
    if not isinstance(value, dict):
        raise InvalidDocument(f"must be a map of names to values, such as {_example(subresource)}")
    return value


def wrap(subresource: Subresource, document: Document) -> Document:
    """Return the document as `aws s3api get-…` prints it, but a policy as it is and not as a string in JSON."""
    name = _envelope_name(subresource)
    return {name: document} if name and not is_json(subresource) else document


def validate(subresource: Subresource, document: Document) -> Document:
    """Return the document with times as ISO strings, after validation against botocore's model.

    Raises:
        InvalidDocument: A name is unknown or missing, or a value has the wrong type.
    """
    try:
        document = with_iso_times(subresource, document)
        validate_parameters({"Bucket": "-"} | build_params(subresource, document), _shapes(subresource)[0])
    except ParamValidationError as error:
        raise InvalidDocument("; ".join(str(error.kwargs["report"]).splitlines())) from error
    except (TypeError, AttributeError, OverflowError) as error:
        raise InvalidDocument(f"has a value of the wrong type: {error}") from error
    return document


def with_iso_times(subresource: Subresource, document: Document) -> Document:
    """Return the document with all times as ISO 8601 strings, since JSON has no type for them.

    Raises:
        InvalidDocument: A time cannot be parsed.
    """
    if is_json(subresource):
        return document
    converted = _convert_times(document, _document_shape(subresource))
    assert isinstance(converted, dict)
    return converted


def _convert_times(value: Any, shape: Shape) -> Any:
    if isinstance(value, dict) and isinstance(shape, StructureShape):
        members = shape.members
        return {
            name: _convert_times(each, members[name]) if name in members else each
            for name, each in value.items()
            if each is not None
        }
    if isinstance(value, list) and isinstance(shape, ListShape):
        return [_convert_times(each, shape.member) for each in value]
    if shape.type_name != "timestamp":
        return value
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (ValueError, TypeError) as error:
        raise InvalidDocument(f"{value!r} is not a time, such as 2030-01-31T00:00:00Z") from error
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).isoformat()


def _document_shape(subresource: Subresource) -> Shape:
    shape = _shapes(subresource)[0]
    return shape.members[shape.serialization["payload"]]


def _parse_json(text: str) -> Document:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidDocument(f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidDocument("is not a map of names to values")
    return value


def _example(subresource: Subresource) -> str:
    shape = _document_shape(subresource)
    name = next(iter(shape.members)) if isinstance(shape, StructureShape) else "Statement"
    return json.dumps({name: "…"}, ensure_ascii=False)
