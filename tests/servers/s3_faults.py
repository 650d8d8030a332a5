"""A `FaultProxy` in front of a server of S3: it knows the kinds of requests, and answers errors as S3 does."""

from __future__ import annotations

from http.client import responses
from typing import Final

from buckia_core.testing.fault_proxy.faults import KindOf
from buckia_core.testing.fault_proxy.proxy import CertificateFiles, FaultProxy

from .s3_kind import s3_kind

_CODES: Final = {
    400: "InvalidRequest",
    401: "Unauthorized",
    403: "AccessDenied",
    404: "NoSuchKey",
    409: "OperationAborted",
    412: "PreconditionFailed",
    429: "TooManyRequests",
    500: "InternalError",
    503: "SlowDown",
}


class S3FaultProxy(FaultProxy):
    """A proxy in front of one S3 server."""

    def __init__(self, server: str, *, certificate: CertificateFiles | None = None, kind_of: KindOf = s3_kind) -> None:
        super().__init__(server, certificate=certificate, kind_of=kind_of, error_body=error_document)


def error_document(status: int) -> bytes:
    code = _CODES.get(status, "InternalError")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
        f"<Message>{responses.get(status, 'Unknown')}</Message><RequestId>0</RequestId></Error>"
    ).encode()
