"""Scripted B2 server: a test chooses its responses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from buckia_b2.settings import B2Settings
from buckia_b2.sync import B2Sync
from buckia_core.config.secrets.secret import Secret
from tests.servers.scripted_server import Asked, Reply, ScriptedServer, scripted_server

SECRET = "K005-the-secret"
TOKEN = "4_the_token_of_the_account"
UPLOAD_TOKEN = "4_the_token_of_uploads"
CAPABILITIES = ["listFiles", "readFiles", "writeFiles", "deleteFiles", "listBuckets", "shareFiles"]


def authorized(server: ScriptedServer, **more: Any) -> dict[str, Any]:
    """Return the response to `b2_authorize_account`."""
    allowed = {"capabilities": CAPABILITIES, "buckets": [{"id": "i", "name": "bucket"}], "namePrefix": None}
    urls = dict.fromkeys(("apiUrl", "downloadUrl", "s3ApiUrl"), server.endpoint)
    return {
        "accountId": "a",
        "authorizationToken": TOKEN,
        "apiInfo": {"storageApi": {**urls, "allowed": allowed, **more}},
    }


def file(name: str = "k", data: bytes = b"abc", **more: Any) -> dict[str, Any]:
    return {
        "fileId": f"4_{name}", "fileName": name, "action": "upload", "contentLength": len(data),
        "uploadTimestamp": 1_700_000_000_000, "contentType": "text/plain", "fileInfo": {},
        "contentSha1": hashlib.sha1(data).hexdigest(), "contentMd5": None,
    } | more  # fmt: skip


def described(data: bytes = b"abc", **more: str) -> dict[str, str]:
    """The headers of a download."""
    sha1 = hashlib.sha1(data).hexdigest()
    return {"x-bz-file-id": "4_k", "x-bz-content-sha1": sha1, "x-bz-upload-timestamp": "1700000000000", **more}


def listing(*files: dict[str, Any], following: str | None = None) -> Reply:
    return Reply(body={"files": list(files), "nextFileName": following})


Responses = Callable[[Asked], Reply | None]
Open = Callable[..., tuple[B2Sync, ScriptedServer]]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Return an adapter and its server, which responds as scripted, or as B2 does."""
    with ExitStack() as stack:

        def opened(responses: Responses, **settings: Any) -> tuple[B2Sync, ScriptedServer]:
            def script(asked: Asked) -> Reply:
                reply = responses(asked)
                if reply is not None:
                    return reply
                if asked.target.endswith("/b2_authorize_account"):
                    return Reply(body=authorized(server))
                if "/b2_get_upload" in asked.target:
                    address = {"uploadUrl": f"{server.endpoint}/up", "authorizationToken": UPLOAD_TOKEN}
                    return Reply(body=address)
                if asked.method == "HEAD":
                    return Reply(404)
                return Reply(404, {"status": 404, "code": "not_found", "message": ""})

            server = stack.enter_context(scripted_server(script))
            given: dict[str, Any] = {
                "bucket_name": "bucket",
                "application_key_id": Secret("005"),
                "application_key": Secret(SECRET),
                "api_url": server.endpoint,
            } | settings
            return stack.enter_context(B2Sync(B2Settings(**given))), server

        yield opened


def at(part: str, reply: Reply | Callable[[Asked], Reply]) -> Responses:
    """Answer requests whose target has a part."""
    return lambda asked: (reply if isinstance(reply, Reply) else reply(asked)) if part in asked.target else None
