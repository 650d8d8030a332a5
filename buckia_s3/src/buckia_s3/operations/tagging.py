"""Tags of multipart uploads, set again where the server may have dropped them."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl

from buckia_core.config.secrets.redaction import redacted_logger
from buckia_core.errors import NotSupported
from buckia_s3.http.body import BytesBody
from buckia_s3.http.client import Request, S3Client
from buckia_s3.objects.attributes import TAGGING
from buckia_s3.objects.checksums import content_md5_header
from buckia_s3.operations.object_spec import ObjectSpec

log = redacted_logger(__name__)


def put_object_tags(client: S3Client, spec: ObjectSpec, version: str | None) -> None:
    """Set the tags of a completed upload. AWS keeps those of CreateMultipartUpload; Ceph 16 silently drops them.

    Raises:
        AdapterError: The server supports tags, but refused these. The object exists.
    """
    tagging = spec.extra_headers.get(TAGGING)
    if tagging is None or client.resolver.endpoint.aws:
        return
    try:
        set_tags(client, spec.key, spec.full_key, dict(parse_qsl(tagging, keep_blank_values=True)), version)
    except NotSupported as error:
        log.info("%s has no tags: %s", client.host, error)


def set_tags(client: S3Client, key: str, full_key: str, tags: Mapping[str, str], version: str | None = None) -> None:
    """Replace all tags of an object.

    Raises:
        AdapterError: The server has no tags, or refused these.
    """
    body = _tagging_xml(tags)
    query = (("tagging", ""),) if version is None else (("tagging", ""), ("versionId", version))
    headers = {"Content-Type": "application/xml", **content_md5_header([body])}
    client.send(Request("PUT", full_key, query, headers, BytesBody(body), key=key, action="giving it tags"))


def _tagging_xml(tags: Mapping[str, str]) -> bytes:
    each = "".join(f"<Tag><Key>{escape(name)}</Key><Value>{escape(text)}</Value></Tag>" for name, text in tags.items())
    return f'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>{each}</TagSet></Tagging>'.encode()
