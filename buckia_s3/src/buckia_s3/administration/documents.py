"""Documents as text: parses JSON, YAML and XML, and formats JSON and YAML."""

from __future__ import annotations

import datetime
import json
from typing import Any
from xml.etree import ElementTree

import yaml

from buckia_core.adapters.commands.config_change import parse_json_or_yaml
from buckia_core.errors import ConfigError
from buckia_s3.administration import shapes
from buckia_s3.administration.bucket_client import parse_response, request_body
from buckia_s3.administration.subresources import Document, Subresource


def parse_document(subresource: Subresource, text: str, *, source: str) -> Document:
    """Parse a document in JSON, YAML or S3's XML, also as `aws s3api get-…` prints it.

    Args:
        subresource: The subresource that the document configures.
        text: The text.
        source: File name for messages.

    Raises:
        ConfigError: The text cannot be parsed, or is not a valid document.
    """
    try:
        if text.lstrip().startswith("<"):
            return shapes.validate(subresource, _from_xml(subresource, text))
        return shapes.validate(subresource, shapes.unwrap(subresource, _parse_json_or_yaml(text)))
    except shapes.InvalidDocument as error:
        raise ConfigError(f"{subresource.title}: {error}", source=source) from error


def format_document(subresource: Subresource, document: Document, *, as_yaml: bool = False) -> str:
    """Format a document as JSON, as `aws s3api get-…` prints it, or as YAML. The text ends with a line feed."""
    enveloped = shapes.wrap(subresource, document)
    if as_yaml:
        return str(yaml.safe_dump(enveloped, sort_keys=False, allow_unicode=True))
    return json.dumps(enveloped, indent=4, ensure_ascii=False) + "\n"


def _parse_json_or_yaml(text: str) -> Any:
    try:
        return _dates_to_strings(parse_json_or_yaml(text))
    except ValueError as error:
        raise shapes.InvalidDocument(str(error)) from error


def _dates_to_strings(value: Any) -> Any:
    """Return a YAML value with dates as strings: YAML takes the `Version` of a policy for a date."""
    match value:
        case dict():
            return {str(_dates_to_strings(key)): _dates_to_strings(each) for key, each in value.items()}
        case list():
            return [_dates_to_strings(each) for each in value]
        case datetime.date():  # includes datetime
            return value.isoformat()
        case _:
            return value


def _from_xml(subresource: Subresource, text: str) -> Document:
    body = text.encode()
    try:
        _element_names(body)
        output = {} if shapes.is_json(subresource) else parse_response(subresource.get, body)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise shapes.InvalidDocument("is not XML") from error
    if shapes.is_json(subresource):
        raise shapes.InvalidDocument("is JSON, not XML")
    document = shapes.document_from_output(subresource, output) or {}
    if lost := lost_elements(subresource, body, document):
        raise shapes.InvalidDocument(f"has unknown elements: {', '.join(sorted(lost))}")
    return document


def lost_elements(subresource: Subresource, body: bytes, document: Document) -> set[str]:
    """Return the names of the elements of an XML body that boto3 would not write for the document parsed from it.

    Raises:
        xml.etree.ElementTree.ParseError: The body is not XML.
    """
    written = request_body(subresource.put, shapes.build_params(subresource, document))
    return _element_names(body) - _element_names(written)


def _element_names(body: bytes) -> set[str]:
    """Return the names of all elements below the root."""
    root = ElementTree.fromstring(body)  # noqa: S314  # expat itself limits entity expansion
    return {each.tag.rpartition("}")[2] for each in root.iter() if each is not root}
