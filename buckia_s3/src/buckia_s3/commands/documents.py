"""Documents in files and on the standard streams."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from buckia_core.adapters.commands.config_change import STDIN
from buckia_core.errors import AlreadyExists
from buckia_s3.commands.adapter import s3_adapter

if TYPE_CHECKING:
    from buckia_core.adapters.commands.host import CommandHost

overwrite = click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")


def show(host: CommandHost, topic: str, file: str | None, *, as_yaml: bool, overwrite: bool) -> None:
    """Show what is configured, or write it into a file: in YAML if asked for, or if the file's name ends so.

    Raises:
        AlreadyExists: The file exists and is not to be replaced.
    """
    from buckia_s3.administration import TOPICS, documents  # noqa: PLC0415  # it imports botocore

    target = None if file in (None, STDIN) else Path(str(file))
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
