"""Cloudflare's API v4, for what R2's S3 API lacks: buckets with their domains, and tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from buckia_core.adapters.service.responses import STATUS_ERRORS, parse_retry_after
from buckia_core.adapters.transfers.retry import retry_call
from buckia_core.config.secrets.secret import Secret
from buckia_core.errors import AdapterError, AlreadyExists, NotFound, PreconditionFailed
from buckia_core.http.blocking import run_blocking
from buckia_core.http.client import HttpClient, HttpRequest
from buckia_core.http.errors import ProtocolError
from buckia_core.http.origin import split_url
from buckia_core.http.timeouts import Timeouts
from buckia_core.http.tls import tls_context
from buckia_s3.errors import from_network
from buckia_s3.provisioning.s3_account import PROVIDER, RETRY_POLICY, unexpected_response

_MAX_BYTES = 16 << 20
_PAGE = 50
_ERRORS: dict[int, type[AdapterError]] = {10004: AlreadyExists, 10006: NotFound, 10008: PreconditionFailed}
"""R2's own codes: the bucket exists, does not exist, or is not empty."""


class CloudflareApi:
    """Requests with one token.

    Args:
        url: URL of the API, with its version.
        token: The token.
        headers: More headers of all requests.
        ca_bundle: More certificate authorities.
    """

    def __init__(self, url: str, token: Secret, headers: Mapping[str, str], ca_bundle: Path | None) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._headers = headers
        self._client = HttpClient(Timeouts(connect=10.0, read=60.0), tls=lambda: tls_context(ca_bundle=ca_bundle))

    def call(
        self, method: str, *segments: str, action: str, body: Any = None, once: bool = False, **query: str | int
    ) -> Any:
        """Send a request to the path of these segments, and return the `result`; `once` if a retry could do harm.

        Raises:
            AdapterError: It failed.
        """
        send = partial(self._send, method, segments, query, body, action)
        return (send() if once else retry_call(send, RETRY_POLICY))["result"]

    def entries(self, *segments: str, action: str) -> Iterator[dict[str, Any]]:
        """Yield the entries of a paged list. Raises as `call`."""
        page, before = 1, None
        while True:
            query = {"page": page, "per_page": _PAGE}
            response = retry_call(partial(self._send, "GET", segments, query, None, action), RETRY_POLICY)
            found = response["result"]
            if not isinstance(found, list) or not all(isinstance(each, dict) for each in found) or found == before:
                raise unexpected_response(action, urlsplit(self._url).netloc)
            yield from found
            if len(found) < _PAGE:
                return
            page, before = page + 1, found

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send(
        self, method: str, segments: tuple[str, ...], query: Mapping[str, str | int], body: Any, action: str
    ) -> dict[str, Any]:
        path = "".join(f"/{quote(each, safe='')}" for each in segments)
        origin, target = split_url(self._url + path + (f"?{urlencode(query)}" if query else ""))
        headers = {**self._headers, "Authorization": f"Bearer {self._token.reveal()}", "User-Agent": "buckia"}
        content = b""
        if body is not None:
            content, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = HttpRequest(method, origin, target, headers, content)
        try:
            response = run_blocking(self._client.send(request, max_bytes=_MAX_BYTES))
        except (ProtocolError, OSError) as error:
            host = urlsplit(self._url).netloc
            raise from_network(error, provider=PROVIDER, key=None, action=action, host=host) from error
        try:
            document = json.loads(response.body)
            is_done = response.status < 300 and document["success"] is True
            problems = [(int(each["code"]), str(each["message"])) for each in document["errors"]]
        except (LookupError, TypeError, ValueError):
            document, is_done, problems = {}, False, []
        if is_done and "result" in document:
            found: dict[str, Any] = document
            return found
        raise _error(response.status, problems, action, response.headers.get("Retry-After"))


def _error(status: int, problems: list[tuple[int, str]], action: str, wait: str | None) -> AdapterError:
    kinds = [_ERRORS[code] for code, _ in problems if code in _ERRORS]
    kind = kinds[0] if kinds else STATUS_ERRORS.get(status, AdapterError)
    text = "; ".join(f"{message} ({code})" for code, message in problems) or f"Cloudflare responded {status}"
    return kind(f"{action}: {text}", provider=PROVIDER, status=status, retry_after=parse_retry_after(wait))
