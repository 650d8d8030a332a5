"""S3 client: sends signed requests to one bucket, and raises Buckia's errors."""

from __future__ import annotations

import copy
import http.client
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from buckia_core.adapters.transfers.request_counter import RequestCounter
from buckia_core.errors import AdapterError, IntegrityError, NotFound
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
from buckia_s3.errors import error_code, from_network, from_response
from buckia_s3.http.body import AnyBody, BytesBody
from buckia_s3.http.connection_pool import Connection, ConnectionPool
from buckia_s3.http.endpoint import Endpoint, EndpointResolver
from buckia_s3.http.request_headers import COPY_SOURCE, RequestHeaders
from buckia_s3.http.response import FastResponse, Headers, Response, read_body

_REGION = re.compile(rb"<Region>([a-z0-9-]{1,40})</Region>")
# The region becomes part of the host name and of the signature.
_REGION_NAME = re.compile(r"[a-z0-9-]{1,40}")
_OTHER_REGION = ("AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException")

MAX_RESPONSE_BYTES = 64 << 20
"""The largest response that is read into memory, in bytes: a page with some hundred thousand objects."""

_MAX_ERROR_BYTES = 256 << 10

_INLINE_BODY_BYTES = 64 << 10
_CHUNK = 1 << 20

_ACTIONS = {"GET": "reading", "HEAD": "reading metadata", "PUT": "writing", "POST": "writing", "DELETE": "deleting"}


@dataclass(frozen=True, slots=True)
class Request:
    """Request: one request to a bucket or object.

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
    body: AnyBody = field(default_factory=BytesBody)
    key: str | None = None
    action: str = ""

    @property
    def purpose(self) -> str:
        """The action in error messages."""
        return self.action or _ACTIONS.get(self.method, self.method)


@dataclass(frozen=True, slots=True)
class BufferedResponse:
    """BufferedResponse: a response whose body has been read."""

    status: int
    headers: Headers
    body: bytes


class S3Client:
    """S3Client: sends requests without retries. Thread-safe; each connection carries one request at a time.

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
        self._pool = ConnectionPool(settings)
        self._setting_headers = RequestHeaders(settings)
        self._unsigned = settings.unsigned_payload
        self._defaults = settings.client_options.headers()
        self._service = SERVICE if settings.s3_express else "s3"
        self._server_responded = False
        self._sessions = ExpressSessions(self._new_session, provider) if settings.s3_express else None

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
        return self._pool.route(self.resolver.endpoint)

    def send(self, request: Request) -> BufferedResponse:
        """Send a request; return the response with its body, `MAX_RESPONSE_BYTES` at most.

        Raises:
            AdapterError: There was no response, its status is an error, or it is too large.
            OSError: The file of the request body can't be read.
        """
        with self.open(request) as response:
            try:
                body = read_body(response, MAX_RESPONSE_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise self._connection_error(error, request) from error
            return BufferedResponse(response.status, response.headers, body)

    @contextmanager
    def open(self, request: Request) -> Iterator[Response]:
        """Send a request; yield the response for reading. The connection is reused if the body is read to its end.

        Raises the same errors as `send`. Reading raises errors of `http.client`.
        """
        endpoint, connection, response = self._send_following_redirect(request)
        try:
            yield response
        except BaseException:
            connection.close()
            raise
        self._put_back(connection, response, endpoint)

    def iter_body(self, response: Response, key: str, length: int) -> Iterator[bytes]:
        """Yield the body in chunks. Reads at most one chunk beyond `length`.

        Raises:
            Transient: The connection failed.
            IntegrityError: The body does not have `length` bytes.
        """
        count = 0
        try:
            while count <= length and (chunk := response.read(min(_CHUNK, length - count + 1))):
                count += len(chunk)
                if count > length:
                    break
                yield chunk
        except (OSError, http.client.HTTPException) as error:
            raise from_network(error, provider=self.provider, key=key, action="reading", host=self.route) from error
        if count != length:
            raise self.wrong_length(key, count, length)

    def read_exact_body(self, response: Response, key: str, length: int) -> bytes:
        """Return the body, which must have `length` bytes. Raises the same errors as `iter_body`."""
        if not isinstance(response, FastResponse):
            return b"".join(self.iter_body(response, key, length))
        if response.remaining != length:
            raise self.wrong_length(key, response.remaining, length)
        try:
            return response.read()
        except (OSError, http.client.HTTPException) as error:
            raise from_network(error, provider=self.provider, key=key, action="reading", host=self.route) from error

    def wrong_length(self, key: str, count: int, length: int) -> IntegrityError:
        """Return the error for a body of the wrong length."""
        came = f"{count} bytes" if count < length else "more bytes"
        message = f"{key!r}: {came} came where there should be {length}"
        return IntegrityError(message, provider=self.provider, key=key)

    def bucket_exists(self) -> bool:
        """Tell whether the bucket exists. A forbidden one counts as existing."""
        try:
            self.send(Request("HEAD", action="finding the bucket"))
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
        """Close idle connections."""
        self._pool.close()

    def _send_following_redirect(self, request: Request) -> tuple[Endpoint, Connection, Response]:
        """Send a request, and resend it if it went to the wrong region; raise unless it succeeded."""
        endpoint = self.resolver.endpoint
        connection, response = self._send_once(endpoint, request)
        if response.status >= 300:
            error = self._error_from_response(connection, response, endpoint, request)
            if self.resolver.endpoint == endpoint:
                raise error
            endpoint = self.resolver.endpoint
            connection, response = self._send_once(endpoint, request)
            if response.status >= 300:
                raise self._error_from_response(connection, response, endpoint, request)
        return endpoint, connection, response

    def _send_once(self, endpoint: Endpoint, request: Request) -> tuple[Connection, Response]:
        path, query = endpoint.path(request.full_key), query_string(request.query)
        # Before signing: a rate limit may wait for longer than a signature is valid.
        self.counter.add()
        headers = self._headers(request, endpoint, path, query)
        chunks = request.body.iter_chunks()
        # A small body is sent together with the head.
        first = b"".join(chunks) if request.body.size <= _INLINE_BODY_BYTES else b""
        connection = self._pool.acquire(endpoint)
        try:
            url = f"{path}?{query}" if query else path
            connection.send_request(request.method, url, headers, first)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._connection_error(error, request) from error
        except ValueError as error:
            connection.close()
            named = "" if request.key is None else f"{request.key!r}: "
            message = f"{named}{request.purpose}: {error}"
            raise AdapterError(message, provider=self.provider, key=request.key) from error
        try:
            return connection, self._send_rest(connection, chunks, request)
        except BaseException:
            connection.close()
            raise

    def _send_rest(self, connection: Connection, chunks: Iterator[bytes | memoryview], request: Request) -> Response:
        """Send the rest of the body; return the response."""
        unsent: OSError | None = None
        for chunk in chunks:
            try:
                connection.send(chunk)
            except OSError as error:
                # A server that refuses a request may respond and close the connection before it has read the body.
                unsent = error
                break
        try:
            response = connection.get_response(request.method)
        except (OSError, http.client.HTTPException) as error:
            raise self._connection_error(unsent or error, request) from error
        self._server_responded = True
        return response

    def _headers(self, request: Request, endpoint: Endpoint, path: str, query: str) -> dict[str, str]:
        headers = {"Host": endpoint.authority}
        if request.method in ("PUT", "POST"):
            headers["Content-Length"] = str(request.body.size)
        own = request.query == CREATE_SESSION or COPY_SOURCE in request.headers
        # Directory buckets accept no session for CopyObject and CreateSession.
        credentials = self._credentials.get() if own else self.credentials()
        added = self._setting_headers.headers_for(request.method, request.full_key, request.query, request.headers)
        sent = added | dict(request.headers)
        if self._defaults:
            present = {name.lower() for name in sent}
            sent = {name: value for name, value in self._defaults.items() if name not in present} | sent
        if credentials is None:
            return headers | sent
        payload = EMPTY_SHA256
        if request.body.size:
            payload = UNSIGNED_PAYLOAD if self._unsigned else request.body.sha256()
        return headers | sign_request(
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

    def _error_from_response(
        self, connection: Connection, response: Response, endpoint: Endpoint, request: Request
    ) -> AdapterError:
        try:
            body = read_body(response, _MAX_ERROR_BYTES)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if response.status == 404:
                # Without the body, it is unknown whether the object or the bucket is missing.
                return self._connection_error(error, request)
            body = b""
        else:
            self._put_back(connection, response, endpoint)
        region, advice = _region_of_bucket(response, body), ""
        moved = region is not None and self.resolver.set_region(region)
        if region is not None and not moved and not endpoint.aws and _is_elsewhere(response, body):
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

    def _put_back(self, connection: Connection, response: Response, endpoint: Endpoint) -> None:
        if response.isclosed() and not response.will_close:
            self._pool.release(endpoint, connection)
        else:
            connection.close()

    def _connection_error(self, error: Exception, request: Request) -> AdapterError:
        host = self.route
        hung_up = isinstance(error, http.client.RemoteDisconnected) and not self._server_responded
        if hung_up and self.resolver.endpoint.scheme == "http":
            host = f"{host} (asked without TLS: perhaps it wants https://)"
        return from_network(error, provider=self.provider, key=request.key, action=request.purpose, host=host)


def _is_elsewhere(response: Response, body: bytes) -> bool:
    """Tell whether a response says that the bucket is in another region. That to HEAD has no body, so any 400 does."""
    code = error_code(body)
    return response.status in (301, 307) or code in _OTHER_REGION or (response.status == 400 and not code)


def _region_of_bucket(response: Response, body: bytes) -> str | None:
    """Return the region that a response names for the bucket, if it may be another one than the request's."""
    if response.status != 400 and not _is_elsewhere(response, body):
        return None
    region: str | None = response.headers.get("x-amz-bucket-region")
    if region and _REGION_NAME.fullmatch(region):
        return region
    found = _REGION.search(body)
    return found[1].decode() if found else None
