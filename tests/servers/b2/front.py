"""The HTTP front: requests read, sent to what carries them out, and answered."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from . import bucket_calls, file_calls, large_files, uploads
from .accounts import World, account_id_in
from .authorize import authorize_account
from .call import Call, Carry
from .control import PATH as CONTROL_PATH
from .control import control
from .downloads import download_by_id, download_by_name
from .errors import Refused, bad_request, not_found
from .headers import Headers
from .params import Params
from .response import Response
from .uploads import Upload, start_upload

_API: Final = re.compile(r"/b2api/v([1-4])/(b2_[a-z_]+)(?:/.*?)?([^/]*)")
_FILE: Final = "/file/"
_UPLOADS: Final = frozenset({"b2_upload_file", "b2_upload_part"})

CALLS: Final[Mapping[str, Carry]] = MappingProxyType(
    {**bucket_calls.CALLS, **file_calls.CALLS, **large_files.CALLS, **uploads.CALLS}
)
"""Every call with a JSON body and an account authorization token."""


class Handler(BaseHTTPRequestHandler):
    """One connection. The `Date` header, which b2sdk wants within ten minutes, is the machine's time."""

    protocol_version = "HTTP/1.1"
    server_version = "B2ForTests"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server
    _asked_to_continue = False

    def do_GET(self) -> None:
        """Answer a download, or a call whose parameters are in the query."""
        self._serve()

    def do_HEAD(self) -> None:
        """Answer as to GET, without the body."""
        self._serve()

    def do_POST(self) -> None:
        """Answer a call or an upload."""
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""

    def handle_expect_100(self) -> bool:
        """Ask for the body when it is read, so that an upload whose URL is busy or worn is seen before."""
        self._asked_to_continue = True
        return True

    def _serve(self) -> None:
        self._body: bytes | None = None
        self._headers = Headers(self.headers.items())
        with ExitStack() as stack:
            try:
                upload = self._begin_upload(stack)
                response = self._respond(self._read_body(), upload)
            except Refused as refused:
                # Clients that are still sending must have sent all before they read a response.
                self._read_body()
                self._count(refused)
                response = Response.from_refused(refused)
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _begin_upload(self, stack: ExitStack) -> Upload | None:
        match = _API.fullmatch(urlsplit(self.path).path)
        if match is None or match[2] not in _UPLOADS:
            return None
        upload = start_upload(self.server.world, match[2], match[3], self._headers, int(match[1]))
        return stack.enter_context(upload)

    def _read_body(self) -> bytes:
        if self._body is None:
            self._body = b""
            length = self._headers.get("Content-Length")
            if length is None and "Transfer-Encoding" in self._headers:
                self.close_connection = True
                raise bad_request("Missing header: Content-Length")
            if self._asked_to_continue:
                self._asked_to_continue = False
                self.send_response_only(100)
                self.end_headers()
                self.wfile.flush()
            wanted = int(length or 0)
            self._body = self.rfile.read(wanted)
            if len(self._body) < wanted:
                raise ConnectionError("the client went away")
        return self._body

    def _respond(self, body: bytes, upload: Upload | None) -> Response:
        if upload is not None:
            return Response.of_json(upload.accept(body))
        url, world = urlsplit(self.path), self.server.world
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        if url.path.startswith(CONTROL_PATH):
            return Response.of_json(control(world, url.path.removeprefix(CONTROL_PATH), body))
        if url.path.startswith(_FILE):
            return download_by_name(world, url.path.removeprefix(_FILE), query, self._headers)
        match = _API.fullmatch(url.path)
        if match is None:
            raise not_found(f"no such path: {url.path}")
        version, name = int(match[1]), match[2]
        base_url = f"http://{self._headers.get('Host', '')}"
        if name == "b2_authorize_account":
            return Response.of_json(authorize_account(world, self._headers, version, base_url))
        if name == "b2_download_file_by_id":
            return download_by_id(world, query or _texts(body), self._headers)
        carry = CALLS.get(name)
        if carry is None:
            raise not_found(f"no such call: {name}")
        with world.account(account_id_in(self._headers.get("Authorization"))) as account:
            account.begin(name, self._headers.get("X-Bz-Test-Mode"))
            session = account.session(self._headers.get("Authorization"))
            params = Params.parse(body) if self.command == "POST" else Params(query, from_query=True)
            return Response.of_json(carry(Call(world, account, session, params, version, base_url)))

    def _count(self, refused: Refused) -> None:
        try:
            with self.server.world.account(account_id_in(self._headers.get("Authorization"))) as account:
                account.refusals[refused.code] += 1
        except Refused:
            return  # nobody's: a wrong key, a missing token


def _texts(body: bytes) -> dict[str, str]:
    file_id = Params.parse(body).text_or_none("fileId")
    return {"fileId": file_id} if file_id else {}


class Server(ThreadingHTTPServer):
    """The server: one thread for each connection."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, Handler)
        self.world = World()

    def handle_error(self, request: object, client_address: object) -> None:
        """Let broken connections pass: clients that are tested under faults break them. Show all else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]
