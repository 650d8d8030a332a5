"""Documents in files and on the standard streams."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from buckia_core.errors import AlreadyExists, ConfigError
from buckia_s3.commands.opening import s3_adapter

if TYPE_CHECKING:
    from buckia_core.adapters.commands import CommandHost

STANDARD = "-"
"""The name that stands for standard input or output."""

overwrite = click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")


def show(host: CommandHost, topic: str, file: str | None, *, as_yaml: bool, overwrite: bool) -> None:
    """Show what is configured, or write it into a file: in YAML if asked for, or if the file's name ends so.

    Raises:
        AlreadyExists: The file exists and is not to be replaced.
    """
    from buckia_s3.administration import TOPICS, documents  # noqa: PLC0415  # it imports botocore

    target = None if file in (None, STANDARD) else Path(str(file))
    if target is not None and target.exists() and not overwrite:
        raise AlreadyExists(f"{target} exists: give --overwrite to replace it")
    with s3_adapter(host) as adapter:
        name = host.one_bucket().name
        document = adapter.administration.get(topic)
    record = {"type": "configuration", "bucket": name, "topic": topic, "document": document}
    if document is None:
        host.result(record)
        host.note(f"{name}: {topic} is not set")
        return
    yaml = as_yaml or (target is not None and target.suffix.lower() in (".yaml", ".yml"))
    text = documents.write(TOPICS[topic], document, as_yaml=yaml)
    if target is None:
        host.result(record, *text.splitlines())
        return
    target.write_text(text, encoding="utf-8")
    host.result(record | {"path": str(target)}, f"{name}: {topic} is written to {target}")


def read_text(file: str) -> tuple[str, str]:
    """Return the text of a file or of standard input, and its name for messages.

    Raises:
        ConfigError: It is no text in UTF-8.
        OSError: It can't be read.
    """
    source = "standard input" if file == STANDARD else file
    content = sys.stdin.buffer.read() if file == STANDARD else Path(file).read_bytes()
    try:
        return content.decode("utf-8-sig"), source
    except UnicodeDecodeError as error:
        raise ConfigError("is no text in UTF-8", source=source) from error
