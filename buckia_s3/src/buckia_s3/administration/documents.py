"""Documents as texts: what files hold, and what a person is shown."""

from __future__ import annotations

import datetime
import json
from typing import Any

import yaml

from buckia_core.errors import ConfigError
from buckia_s3.administration import operations, shapes
from buckia_s3.administration.subresources import Document, Subresource


def read(topic: Subresource, text: str, *, source: str) -> Document:
    """Return the document of a text in JSON, YAML or S3's XML. What `aws s3api get-…` prints is good.

    Args:
        topic: What the document is about.
        text: The text.
        source: The file's name, for messages.

    Raises:
        ConfigError: It can't be read, or is not such a document.
    """
    try:
        if text.lstrip().startswith("<"):
            return shapes.validated(topic, _from_xml(topic, text))
        return shapes.validated(topic, shapes.unwrap(topic, _parsed(text)))
    except shapes.InvalidDocument as error:
        raise ConfigError(f"{topic.title}: {error}", source=source) from error


def write(topic: Subresource, document: Document, *, as_yaml: bool = False) -> str:
    """Return a document as a text, in JSON as `aws s3api get-…` prints it, or in YAML. It ends in a line feed."""
    shown = shapes.wrap(topic, document)
    if as_yaml:
        return str(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True))
    return json.dumps(shown, indent=4, ensure_ascii=False) + "\n"


def _parsed(text: str) -> Any:
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError as error:
            raise shapes.InvalidDocument(f"is not JSON: {error}") from error
    try:
        return _without_dates(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise shapes.InvalidDocument(f"is not YAML: {' '.join(str(error).split())}") from error


def _without_dates(value: Any) -> Any:
    """Return what YAML read, with dates as the texts that they stood for: a policy's `Version` looks like one."""
    match value:
        case dict():
            return {str(_without_dates(key)): _without_dates(each) for key, each in value.items()}
        case list():
            return [_without_dates(each) for each in value]
        case datetime.date():  # also a time
            return value.isoformat()
        case _:
            return value


def _from_xml(topic: Subresource, text: str) -> Document:
    body = text.encode()
    if not operations.root_of(body):
        raise shapes.InvalidDocument("is not XML")
    if shapes.is_text(topic):
        raise shapes.InvalidDocument("is JSON, not XML")
    document = shapes.from_output(topic, operations.output(topic.get, body)) or {}
    lost = lost_elements(topic, body, document)
    if lost:
        raise shapes.InvalidDocument(f"has elements that do not belong there: {', '.join(sorted(lost))}")
    return document


def lost_elements(topic: Subresource, body: bytes, document: Document) -> set[str]:
    """Return the names of elements in an XML body that are not there any more when its document is written again."""
    return operations.elements(body) - operations.elements(
        operations.written_body(topic.put, shapes.params(topic, document))
    )
