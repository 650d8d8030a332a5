"""Shapes of a document: converts between the document and the inputs and outputs of S3's operations."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ParamValidationError
from botocore.model import ListShape, Shape, StructureShape
from botocore.utils import parse_to_aware_datetime
from botocore.validate import validate_parameters

from buckia_s3.administration import operations
from buckia_s3.administration.subresources import Document, Subresource


class InvalidDocument(ValueError):
    """The document is invalid; the message names the field."""


def envelope_name(subresource: Subresource) -> str:
    """Return the name of the field that contains the document in S3's response; empty if there is none."""
    name: str = operations.output_shape(subresource.get).serialization.get("payload", "")
    return name


def is_json(subresource: Subresource) -> bool:
    """Return whether S3 takes the document as JSON, as for a policy, and not as XML."""
    return bool(operations.input_shape(subresource.put).members[_payload_name(subresource)].type_name == "string")


def build_params(subresource: Subresource, document: Document) -> dict[str, Any]:
    """Build the input of the operation that sets a document."""
    header_fields = {name: value for name, value in document.items() if name in _header_members(subresource)}
    inner = {name: value for name, value in document.items() if name not in header_fields}
    return {_payload_name(subresource): json.dumps(inner) if is_json(subresource) else inner} | header_fields


def document_from_output(subresource: Subresource, output: dict[str, Any]) -> Document | None:
    """Return the document in the output of the operation that gets it; `None` if it is empty.

    Raises:
        InvalidDocument: The output has another form.
    """
    name = envelope_name(subresource)
    inner: Any = output.get(name) if name else output
    if inner and is_json(subresource):
        inner = _parse_json(inner)
    return with_iso_times(subresource, inner) if inner else None


def unwrap(subresource: Subresource, value: object) -> Document:
    """Return the bare document; `value` is the document, or the envelope of S3's response with it.

    Raises:
        InvalidDocument: The document is not a map.
    """
    name = envelope_name(subresource)
    if name and isinstance(value, dict) and list(value) == [name]:
        value = _parse_json(value[name]) if is_json(subresource) and isinstance(value[name], str) else value[name]
    if not isinstance(value, dict):
        raise InvalidDocument(f"must be a map of names to values, such as {_example(subresource)}")
    return value


def wrap(subresource: Subresource, document: Document) -> Document:
    """Return the document as `aws s3api get-…` prints it, but a policy as it is and not as a string in JSON."""
    name = envelope_name(subresource)
    return {name: document} if name and not is_json(subresource) else document


def validate(subresource: Subresource, document: Document) -> Document:
    """Return the document with times as ISO strings, after validation against botocore's model.

    Raises:
        InvalidDocument: A name is unknown or missing, or a value has the wrong type.
    """
    try:
        document = with_iso_times(subresource, document)
        validate_parameters(
            {"Bucket": "-"} | build_params(subresource, document), operations.input_shape(subresource.put)
        )
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
    members = operations.input_shape(subresource.put).members
    if is_json(subresource):
        return document
    converted = _convert_times(document, members[_payload_name(subresource)])
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
        return parse_to_aware_datetime(value).isoformat()
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidDocument(f"{value!r} is not a time, such as 2030-01-31T00:00:00Z") from error


def _payload_name(subresource: Subresource) -> str:
    """Return the name of the input field for the document."""
    name: str = operations.input_shape(subresource.put).serialization["payload"]
    return name


def _header_members(subresource: Subresource) -> set[str]:
    """Return the fields of the document that S3 transfers in headers."""
    return set(operations.output_shape(subresource.get).members) & set(
        operations.input_shape(subresource.put).members
    ) - {_payload_name(subresource)}


def _parse_json(text: str) -> Document:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidDocument(f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidDocument("is not a map of names to values")
    return value


def _example(subresource: Subresource) -> str:
    shape = operations.input_shape(subresource.put).members[_payload_name(subresource)]
    name = next(iter(shape.members)) if isinstance(shape, StructureShape) else "Statement"
    return json.dumps({name: "…"}, ensure_ascii=False)
