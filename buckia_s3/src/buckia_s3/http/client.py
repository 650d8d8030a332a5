"""S3 client: sends signed requests to one bucket, and raises Buckia's errors."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.errors import AdapterError, IntegrityError, NotFound
from buckia_core.http.blocking import run_blocking
from buckia_core.http.client import HttpClient, HttpRequest, OpenedResponse
from buckia_core.http.connection_pool import PoolLimits
from buckia_core.http.errors import LocalFileError, NoResponse, ProtocolError
from buckia_core.http.origin import Origin
from buckia_core.http.proxy import Proxy, parse_proxy
from buckia_core.http.response import BufferedResponse, Response
from buckia_core.http.timeouts import Timeouts
from buckia_s3.auth.current_credentials import CurrentCredentials
from buckia_s3.auth.express_session import CREATE_SESSION, SERVICE, ExpressSessions
from buckia_s3.auth.sigv4 import (
    EMPTY_SHA256,
    UNSIGNED_PAYLOAD,
    CredentialProvider,
    Credentials,
    query_string,
    sign_request,
)
from buckia_s3.config.settings import S3Settings
from buckia_s3.errors import from_network, from_response
from buckia_s3.http.body import AnyBody, BytesBody
from buckia_s3.http.endpoint import Endpoint, EndpointResolver
from buckia_s3.http.request_headers import COPY_SOURCE, RequestHeaders

if TYPE_CHECKING:
    import ssl

MAX_RESPONSE_BYTES = 64 << 20
"""The largest response that is read into memory, in bytes: a page with some hundred thousand objects."""

_MAX_ERROR_BYTES = 256 << 10
_CHUNK = 1 << 20

_ACTIONS = {"GET": "reading", "HEAD": "reading metadata", "PUT": "writing", "POST": "writing", "DELETE": "deleting"}


_NO_BODY = BytesBody()


@dataclass(slots=True)
class Request:
    """Request: one request to a bucket or object. Not frozen, for the reason of `HttpRequest`.

    Attributes:
        method: HTTP method.
        full_key: Key with prefix; `None` for a request to the bucket itself.
        query: Names and values.
        headers: Headers besides host, length and signature. Values are printable ASCII.
        body: Request body.
        key: Key without prefix, for errors.
        action: What errors say was tried; if empty, it depends on the method.
    """

    method: str
    full_key: str | None = None
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: AnyBody = _NO_BODY
    key: str | None = None
    action: str = ""

    @property
    def purpose(self) -> str:
        """The action in error messages."""
        return self.action or _ACTIONS.get(self.method, self.method)


class S3Client:
    """S3Client: sends requests without retries. Thread-safe; see `HttpClient` for event loops.

    Follows a redirect to the region of the bucket, and uses that region from then on.
    """

    def __init__(
        self,
        settings: S3Settings,
        resolver: EndpointResolver,
        credentials: CredentialProvider,
        counter: RequestCounter,
        provider: str,
    ) -> None:
        self.provider = provider
        self.resolver = resolver
        self.counter = counter
        self._credentials = credentials
        self._http = _http_client(settings)
        self._setting_headers = RequestHeaders(settings)
        self._unsigned = settings.unsigned_payload
        self._defaults = settings.client_options.headers()
        self._service = SERVICE if settings.s3_express else "s3"
        self._server_responded = False
        self._sessions = ExpressSessions(self._new_session, provider) if settings.s3_express else None
        self._current_credentials: CurrentCredentials | None = None
        if not credentials.never_expires or self._sessions is not None:
            self._current_credentials = CurrentCredentials(self.credentials)

    def with_settings(self, settings: S3Settings) -> S3Client:
        """Return a client that adds the headers of these settings to requests, with the same connections."""
        client = copy.copy(self)
        client._setting_headers = RequestHeaders(settings)  # noqa: SLF001  # its own class
        return client

    @property
    def host(self) -> str:
        """Host and port of the server, for messages."""
        return self.resolver.endpoint.authority

    @property
    def route(self) -> str:
        """Host and port of the server, and those of the proxy to it, for messages about connections."""
        return str(self._http.route(self.resolver.endpoint.origin))

    def send(self, request: Request) -> BufferedResponse:
        """Send a request; return the response with its body, `MAX_RESPONSE_BYTES` at most.

        Raises:
            AdapterError: There was no response, its status is an error, or it is too large.
            OSError: The file of the request body can't be read.
        """
        return run_blocking(self.send_async(request))

    async def send_async(self, request: Request) -> BufferedResponse:
        """Send a request as `send` does, with the same errors."""
        opened, response = await self._send_following_redirect(request)
        failed = True
        try:
            body = await response.read_body(MAX_RESPONSE_BYTES)
            failed = False
        except (OSError, ProtocolError) as error:
            raise self._connection_error(error, request) from error
        finally:
            opened.finish(failed=failed)
        return BufferedResponse(response.status, response.headers, body)

    def open(self, request: Request) -> OpenedRequest:
        """Send a request; return a context manager of the response, by `async with`, or `with` without an event loop.

        The connection is reused if the body is read to its end. Raises the same errors as `send`. Reading raises
        `OSError` and `ProtocolError`.
        """
        return OpenedRequest(self, request)

    def iter_body(self, response: Response, key: str, length: int) -> Iterator[bytes]:
        """Yield the body in chunks. Reads at most one chunk beyond `length`.

        Raises:
            Transient: The connection failed.
            IntegrityError: The body does not have `length` bytes.
        """
        count = 0
        while count <= length and (chunk := run_blocking(self.read_chunk(response, key, length - count + 1))):
            count += len(chunk)
            if count > length:
                break
            yield chunk
        if count != length:
            raise self.wrong_length(key, count, length)

    async def read_chunk(self, response: Response, key: str, most: int = _CHUNK) -> bytes:
        """Return the next bytes of the body, `most` and a MiB at most; none at its end.

        Raises:
            Transient: The connection failed.
        """
        try:
            return await response.read(min(_CHUNK, most))
        except (OSError, ProtocolError) as error:
            raise self.read_error(error, key) from error

    async def read_exact_body(self, response: Response, key: str, length: int) -> bytes:
        """Return the body, which must have `length` bytes. Raises the same errors as `iter_body`."""
        if response.remaining not in (None, length):
            raise self.wrong_length(key, response.remaining or 0, length)
        try:
            body = await (response.read() if response.remaining is not None else response.read(length + 1))
        except (OSError, ProtocolError) as error:
            raise self.read_error(error, key) from error
        if len(body) != length:
            raise self.wrong_length(key, len(body), length)
        return body

    def wrong_length(self, key: str, count: int, length: int) -> IntegrityError:
        """Return the error for a body of the wrong length."""
        came = f"{count} bytes" if count < length else "more bytes"
        message = f"{key!r}: {came} came where there should be {length}"
        return IntegrityError(message, provider=self.provider, key=key)

    async def bucket_exists(self) -> bool:
        """Tell whether the bucket exists. A forbidden one counts as existing."""
        try:
            await self.send_async(Request("HEAD", action="finding the bucket"))
        except NotFound:
            return False
        except AdapterError as error:
            if error.retryable:
                raise
        return True

    def credentials(self) -> Credentials | None:
        """Return the credentials to sign with; for directory buckets, those of a session.

        Raises:
            MissingCredentials, AdapterError: There are none, or they could not be refreshed.
        """
        own = self._credentials.get()
        return own if own is None or self._sessions is None else self._sessions.get()

    def close(self) -> None:
        """Close the idle connections of threads."""
        self._http.close()

    async def close_async(self) -> None:
        """Close the idle connections of the running event loop."""
        await self._http.close_async()

    async def _send_following_redirect(self, request: Request) -> tuple[OpenedResponse, Response]:
        """Send a request, and resend it if it went to the wrong region; raise unless it succeeded."""
        endpoint = self.resolver.endpoint
        opened, response = await self._send_once(endpoint, request)
        if response.status >= 300:
            error = await self._error_from_response(opened, response, endpoint, request)
            if self.resolver.endpoint == endpoint:
                raise error
            endpoint = self.resolver.endpoint
            opened, response = await self._send_once(endpoint, request)
            if response.status >= 300:
                raise await self._error_from_response(opened, response, endpoint, request)
        return opened, response

    async def _send_once(self, endpoint: Endpoint, request: Request) -> tuple[OpenedResponse, Response]:
        # Before signing: a rate limit may wait for longer than a signature is valid.
        await self.counter.add_async()
        path, query = endpoint.path(request.full_key), query_string(request.query)
        headers = await self._headers(request, endpoint, path, query)
        body = request.body
        content = body.data if isinstance(body, BytesBody) else body.iter_chunks()
        target = f"{path}?{query}" if query else path
        opened = self._http.open(HttpRequest(request.method, endpoint.origin, target, headers, content, body.size))
        try:
            response = await opened.start()
        except LocalFileError as error:
            raise error.error from None
        except (OSError, ProtocolError) as error:
            raise self._connection_error(error, request) from error
        except ValueError as error:
            named = "" if request.key is None else f"{request.key!r}: "
            message = f"{named}{request.purpose}: {error}"
            raise AdapterError(message, provider=self.provider, key=request.key) from error
        self._server_responded = True
        return opened, response

    async def _headers(self, request: Request, endpoint: Endpoint, path: str, query: str) -> Mapping[str, str]:
        current = self._current_credentials
        # Directory buckets accept no session for CopyObject and CreateSession.
        if current is None or request.query == CREATE_SESSION or COPY_SOURCE in request.headers:
            credentials = self._credentials.get()
        else:
            credentials = await current.get()
        added = self._setting_headers.headers_for(request.method, request.full_key, request.query, request.headers)
        sent = {**added, **request.headers}
        if self._defaults:
            present = {name.lower() for name in sent}
            sent = {name: value for name, value in self._defaults.items() if name not in present} | sent
        if credentials is None:
            return sent
        payload = EMPTY_SHA256
        if request.body.size:
            payload = UNSIGNED_PAYLOAD if self._unsigned else request.body.sha256()
        return sign_request(
            request.method,
            endpoint.authority,
            path,
            query,
            sent,
            payload,
            credentials=credentials,
            region=endpoint.region,
            service=self._service,
        )

    def _new_session(self) -> bytes:
        mode = {"x-amz-create-session-mode": "ReadWrite"}
        return self.send(Request("GET", None, CREATE_SESSION, mode, action="creating a session")).body

    async def _error_from_response(
        self, opened: OpenedResponse, response: Response, endpoint: Endpoint, request: Request
    ) -> AdapterError:
        from buckia_s3.http.bucket_region import is_elsewhere, region_of_bucket  # noqa: PLC0415  # only for errors

        failed = True
        try:
            body = await response.read_body(_MAX_ERROR_BYTES)
            failed = False
        except (OSError, ProtocolError) as error:
            if response.status == 404:
                # Without the body, it is unknown whether the object or the bucket is missing.
                return self._connection_error(error, request)
            body = b""
        finally:
            opened.finish(failed=failed)
        region, advice = region_of_bucket(response, body), ""
        moved = region is not None and self.resolver.set_region(region)
        if region is not None and not moved and not endpoint.aws and is_elsewhere(response, body):
            # The request was signed for that region already, so the endpoint is that of another one.
            advice = f"the bucket is in region {region}: set endpoint_url to the address of that region"
        return from_response(
            response.status,
            response.headers,
            body,
            provider=self.provider,
            key=request.key,
            action=request.purpose,
            advice=advice,
        )

    def read_error(self, error: Exception, key: str) -> AdapterError:
        """Return the error for a body that can't be read to its end."""
        return from_network(error, provider=self.provider, key=key, action="reading", host=self.route)

    def _connection_error(self, error: Exception, request: Request) -> AdapterError:
        host = self.route
        if isinstance(error, NoResponse) and not self._server_responded and self.resolver.endpoint.scheme == "http":
            host = f"{host} (asked without TLS: perhaps it wants https://)"
        return from_network(error, provider=self.provider, key=request.key, action=request.purpose, host=host)


class OpenedRequest:
    """OpenedRequest: context manager of a response, by `async with` or `with`. Used once."""

    def __init__(self, client: S3Client, request: Request) -> None:
        self._client = client
        self._request = request
        self._opened: OpenedResponse | None = None

    async def __aenter__(self) -> Response:
        self._opened, response = await self._client._send_following_redirect(self._request)  # noqa: SLF001  # a part of it
        return response

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __enter__(self) -> Response:
        return run_blocking(self.__aenter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            self._opened.finish(failed=kind is not None)


def _http_client(settings: S3Settings) -> HttpClient:
    options = settings.client_options

    def find_proxy(origin: Origin) -> Proxy | None:
        url = options.proxy_to(origin.scheme, origin.host, origin.port)
        return parse_proxy(url) if url else None

    return HttpClient(
        Timeouts(settings.connect_timeout, settings.read_timeout, total=options.timeout),
        limits=PoolLimits(options.pool_idle_timeout, options.pool_max_idle_per_host),
        tls=partial(_tls_context, settings),
        find_proxy=find_proxy,
    )


def _tls_context(settings: S3Settings) -> ssl.SSLContext:
    from buckia_s3.certificates import adapter_tls_context  # noqa: PLC0415  # slow to import, and not needed without TLS

    return adapter_tls_context(settings)
