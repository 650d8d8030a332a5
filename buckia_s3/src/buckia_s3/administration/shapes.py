"""The two forms of a topic: the document that a person sees, and what S3's operations take and give."""

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
    """A document is not what the topic takes; the message says where."""


def envelope_name(topic: Subresource) -> str:
    """Return the one name under which S3 answers with the document; empty if it answers with the bare document."""
    name: str = operations.output_shape(topic.get).serialization.get("payload", "")
    return name


def is_text(topic: Subresource) -> bool:
    """Tell whether the document goes as a text in JSON, and not as XML: so does a policy."""
    return bool(operations.input_shape(topic.put).members[_payload(topic)].type_name == "string")


def params(topic: Subresource, document: Document) -> dict[str, Any]:
    """Return the parameters with which the topic's operation writes a document."""
    beside = {name: value for name, value in document.items() if name in _beside(topic)}
    inner = {name: value for name, value in document.items() if name not in beside}
    return {_payload(topic): json.dumps(inner) if is_text(topic) else inner} | beside


def from_output(topic: Subresource, told: dict[str, Any]) -> Document | None:
    """Return the document in what the topic's operation answered, `None` if there is nothing in it.

    Raises:
        InvalidDocument: It is no such document.
    """
    name = envelope_name(topic)
    inner: Any = told.get(name) if name else told
    if inner and is_text(topic):
        inner = _from_text(inner)
    return with_iso_times(topic, inner) if inner else None


def unwrap(topic: Subresource, value: object) -> Document:
    """Return the document itself, whether it is given bare or as S3 answers with it.

    Raises:
        InvalidDocument: It is no map.
    """
    name = envelope_name(topic)
    if name and isinstance(value, dict) and list(value) == [name]:
        value = _from_text(value[name]) if is_text(topic) and isinstance(value[name], str) else value[name]
    if not isinstance(value, dict):
        raise InvalidDocument(f"must be a map of names to values, such as {_example(topic)}")
    return value


def wrap(topic: Subresource, document: Document) -> Document:
    """Return the document as `aws s3api get-…` shows it. A policy is shown itself, and not as a text in a text."""
    name = envelope_name(topic)
    return {name: document} if name and not is_text(topic) else document


def validated(topic: Subresource, document: Document) -> Document:
    """Return the document in its normal form.

    Raises:
        InvalidDocument: It has names that S3 does not know, lacks some, or has values of the wrong type.
    """
    try:
        document = with_iso_times(topic, document)
        validate_parameters({"Bucket": "-"} | params(topic, document), operations.input_shape(topic.put))
    except ParamValidationError as error:
        complaints = str(error.kwargs["report"]).splitlines()
        raise InvalidDocument("; ".join(complaints)) from error
    except (TypeError, AttributeError, OverflowError) as error:
        raise InvalidDocument(f"has a value of the wrong type: {error}") from error
    return document


def with_iso_times(topic: Subresource, document: Document) -> Document:
    """Return a document with all times as texts in UTC, which JSON has no type for.

    Raises:
        InvalidDocument: A time is none.
    """
    members = operations.input_shape(topic.put).members
    if is_text(topic):
        return document
    whole = _normal(document, members[_payload(topic)])
    assert isinstance(whole, dict)
    return whole


def _normal(value: Any, shape: Shape) -> Any:
    if isinstance(value, dict) and isinstance(shape, StructureShape):
        members = shape.members
        return {
            name: _normal(each, members[name]) if name in members else each
            for name, each in value.items()
            if each is not None
        }
    if isinstance(value, list) and isinstance(shape, ListShape):
        return [_normal(each, shape.member) for each in value]
    if shape.type_name != "timestamp":
        return value
    try:
        return parse_to_aware_datetime(value).isoformat()
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidDocument(f"{value!r} is no time, such as 2030-01-31T00:00:00Z") from error


def _payload(topic: Subresource) -> str:
    """Return the name of the parameter that the document goes into."""
    name: str = operations.input_shape(topic.put).serialization["payload"]
    return name


def _beside(topic: Subresource) -> set[str]:
    """Return the names of a document that are parameters of their own: S3 has them in headers."""
    return set(operations.output_shape(topic.get).members) & set(operations.input_shape(topic.put).members) - {
        _payload(topic)
    }


def _from_text(text: str) -> Document:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidDocument(f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidDocument("is not a map of names to values")
    return value


def _example(topic: Subresource) -> str:
    shape = operations.input_shape(topic.put).members[_payload(topic)]
    name = next(iter(shape.members)) if isinstance(shape, StructureShape) else "Statement"
    return json.dumps({name: "…"}, ensure_ascii=False)
