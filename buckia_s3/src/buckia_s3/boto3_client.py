"""boto3 clients for the service of a bucket, made from the settings of its adapter."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import HTTPClientError
from botocore.handlers import validate_bucket_name

from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.http.errors import IncompleteResponse, UnusableResponse
from buckia_s3.auth.sigv4 import CredentialProvider
from buckia_s3.certificates import create_client
from buckia_s3.config.settings import S3Settings
from buckia_s3.http.client import MAX_RESPONSE_BYTES
from buckia_s3.http.client import S3Client as AdapterClient
from buckia_s3.http.endpoint import Endpoint, service_url
from buckia_s3.http.request_headers import REQUESTER_PAYS
from buckia_s3.objects.checksums import content_md5_header

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_STREAMING = ("PutObject", "UploadPart")
"""Operations whose body is content of an object; the caller decides on its checksum."""


def open_boto3_client(
    settings: S3Settings,
    transport: AdapterClient,
    credentials: CredentialProvider,
    *,
    for_administration: bool = False,
) -> S3Client:
    """Return a client for the service of the bucket; the caller closes it.

    Args:
        settings: Settings of the bucket.
        transport: The adapter's client, which knows the endpoint, and counts requests or holds them back.
        credentials: Asked for the current credentials before each request.
        for_administration: Send each request once, as the caller retries, avoid transfer acceleration, whose hosts
            do not administer buckets, and refuse responses of more than `MAX_RESPONSE_BYTES`.

    Raises:
        InvalidSetting: `ca_bundle` can't be read, or boto3 does not take `region`.
    """
    endpoint = transport.resolver.endpoint
    options = settings.client_options
    proxy = options.proxy_to(endpoint.scheme, endpoint.host, endpoint.port)
    config = Config(  # type: ignore[call-arg]  # the stubs lack ignore_configured_endpoint_urls
        region_name=endpoint.region,
        signature_version=UNSIGNED if settings.skip_signature else "s3v4",
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
        # The pool of urllib3 is a list of this length from the start.
        max_pool_connections=min(max(options.pool_max_idle_per_host, 1), 1000),
        proxies={} if proxy is None else {endpoint.scheme: proxy},
        retries={
            "total_max_attempts": 1 if for_administration else settings.retry_config.max_retries + 1,
            "mode": "standard",
        },
        s3={
            "addressing_style": "virtual" if endpoint.virtual else "path",
            "payload_signing_enabled": not settings.unsigned_payload,
            "use_accelerate_endpoint": settings.use_accelerate_endpoint and not for_administration,
        },
        use_dualstack_endpoint=settings.use_dualstack_endpoint,
        use_fips_endpoint=settings.use_fips_endpoint,
        ignore_configured_endpoint_urls=True,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent=options.user_agent,
    )
    session = isolated_session()
    session.register_component("credential_provider", _AdapterCredentials(credentials))
    # boto3 finds the endpoints of AWS itself, as the bucket may be in another region.
    endpoint_url = service_url(endpoint, settings.bucket_name) if settings.endpoint_url or not endpoint.aws else None
    create = boto3.Session(botocore_session=session).client
    client: S3Client = create_client(create, settings, "s3", endpoint_url=endpoint_url, config=config)
    # Ceph takes the bucket of another tenant as `tenant:bucket`.
    client.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
    client.meta.events.register("response-received.s3.HeadBucket", _end_redirects)
    if for_administration:
        # No hook of boto3 sees a body before it is read.
        sender: Any = client._endpoint  # type: ignore[attr-defined]  # noqa: SLF001
        sender.http_session = _BoundedSession(sender.http_session, options.timeout)
    # Before the signature: what is added is signed, and a rate limit may wait for longer than a signature is valid.
    client.meta.events.register_first("request-created.s3", _preparation(settings, endpoint, transport.counter))
    return client


def isolated_session() -> botocore.session.Session:
    """Return a session without the configuration files: the settings have been resolved already."""
    session = botocore.session.Session()
    for name, value in {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}.items():
        session.get_component("config_store").set_config_variable(name, value)
    return session


class _AdapterCredentials(Credentials):
    """Credentials that are the current ones of the adapter at each request, as component of a session."""

    def __init__(self, provider: CredentialProvider) -> None:
        super().__init__("", "")
        self._provider = provider

    def load_credentials(self) -> Credentials:
        return self

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        current = self._provider.get()
        assert current is not None  # else the settings say skip_signature
        return ReadOnlyCredentials(current.access_key_id, current.secret_access_key, current.session_token)


class _BoundedSession:
    """A session of botocore that reads bodies itself: up to a maximum size, within the total time, and completely."""

    def __init__(self, session: Any, timeout: float | None) -> None:
        self._session = session
        self._timeout = timeout
        self.close = session.close

    def send(self, request: Any) -> AWSResponse:
        """Send a request; raises `HTTPClientError` without a complete response."""
        ends = None if self._timeout is None else time.monotonic() + self._timeout
        request.stream_output = True
        response: AWSResponse = self._session.send(request)
        try:
            body = _read_body(response.raw, ends)
        except Exception as error:
            response.raw.close()
            raise HTTPClientError(error=error) from error
        response.raw = _BufferedBody(body)
        return response


class _BufferedBody(BytesIO):
    """A response body in memory, with what boto3 uses of urllib3's."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def _read_body(raw: Any, ends: float | None) -> bytes:
    # `read` waits until it has all that it is asked for, however slowly that comes.
    read = getattr(raw, "read1", raw.read)
    chunks, count = [], 0
    while chunk := read(1 << 16, decode_content=False):
        chunks.append(chunk)
        count += len(chunk)
        if count > MAX_RESPONSE_BYTES:
            raise UnusableResponse(f"has more than {MAX_RESPONSE_BYTES:,} bytes")
        if ends is not None and time.monotonic() > ends:
            raise TimeoutError("timed out")
    if raw.length_remaining:
        raise IncompleteResponse("was cut short")
    return b"".join(chunks)


def _end_redirects(response_dict: Any, context: dict[str, Any], **_: object) -> None:
    """Keep boto3 from asking for the region of a bucket by a request that asks for it by another one, without end."""
    if response_dict is not None and "x-amz-bucket-region" not in response_dict["headers"]:
        context.setdefault("s3_redirect", {})["redirected"] = True


def _preparation(settings: S3Settings, endpoint: Endpoint, counter: RequestCounter) -> Callable[..., None]:
    """Return the handler that counts a request, and completes its headers."""
    headers = settings.client_options.headers() | (REQUESTER_PAYS if settings.request_payer else {})

    def prepare(request: Any, operation_name: str, **_: object) -> None:
        counter.add()
        added = dict(headers)
        if operation_name not in _STREAMING and isinstance(request.data, bytes) and request.data:
            added["content-type"] = "application/xml" if request.data.startswith(b"<") else "application/json"
            if not endpoint.aws:
                # Servers other than AWS may know no other checksum than Content-MD5.
                for name in ("x-amz-checksum-crc32", "x-amz-sdk-checksum-algorithm"):
                    del request.headers[name]
                added |= content_md5_header([request.data])
        for name, value in added.items():
            if name not in request.headers:
                request.headers[name] = value

    return prepare
